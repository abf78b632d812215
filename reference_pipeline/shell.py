"""The only module of the reference pipeline that reads clock, dice and environment.

Services take instants and ids from here at their edge; everything below takes them as arguments.
"""

from __future__ import annotations

import datetime
import os
import random
import secrets
import time
from collections.abc import Callable


def monotonic_s() -> float:
    """Read the monotonic clock, in seconds."""
    return time.monotonic()


def wall_utc() -> str:
    """Read the wall clock as ISO 8601 in UTC; for people, never for arithmetic."""
    return datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="milliseconds")


def fresh_boot_id() -> str:
    """Draw the id of one life of a process; a restarted service answers with another."""
    return secrets.token_hex(8)


def dice() -> Callable[[], float]:
    """Give dice of this process: numbers in [0, 1), for jitter; never for secrets."""
    return random.Random(secrets.randbits(64)).random


def environment(name: str, default: str = "") -> str:
    """Read one environment variable by name; the whole environment is never captured."""
    return os.environ.get(name, default)


def process_id() -> int:
    """Return the id of this process, for names of temporary files."""
    return os.getpid()
