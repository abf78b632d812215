"""Ports for what tests start: never one twice, and none that a test process beside this one hands out."""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator

LOWEST, BEYOND = 20_000, 32_000  # below the ephemeral range: a client in it could connect to itself
BESIDE = 8  # test processes side by side that share the range


def free_port() -> int:
    """Draw a port that nobody listens on and that this process has not named before."""
    return next(port for port in _mine if _is_free(port))


def free_ports(count: int) -> list[int]:
    """Draw ``count`` such ports, all different."""
    return [free_port() for _ in range(count)]


def share_of(worker: str) -> list[int]:
    """Give the ports of one test process, ``gw0`` or alone ``""``, in an order of its own.

    Dice of the system: a plug-in seeds the common ones, alike in each process and again in each test.
    """
    number = int("".join(letter for letter in worker if letter.isdigit()) or 0) % BESIDE
    ports = list(range(LOWEST + number, BEYOND, BESIDE))
    random.SystemRandom().shuffle(ports)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_mine: Iterator[int] = itertools.cycle(share_of(os.environ.get("PYTEST_XDIST_WORKER", "")))
