"""The only module of the guardian that reads clocks; it must not depend on the harness's own shell.

Comes in: nothing. Goes out: instants of CLOCK_MONOTONIC in seconds, wall text, this machine's boot id, our
namespace of pids.
"""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path


def monotonic_s() -> float:
    """Read CLOCK_MONOTONIC in seconds, one clock for all processes of this boot."""
    return time.monotonic()


def wait_s(length_s: float) -> None:
    """Sleep for ``length_s`` seconds."""
    time.sleep(length_s)


def clock_gap_s() -> float:
    """Wall clock minus monotonic clock, in seconds: it stays, unless somebody sets the wall clock."""
    return wall_s() - time.monotonic()


def wall_s() -> float:
    """Read the wall clock in seconds since 1970; for nothing but what files say of their age."""
    return time.time()


def wall_text() -> str:
    """Read the wall clock as ISO 8601 in UTC, for people."""
    return datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="milliseconds")


def boot_id() -> str:
    """Name this boot of the machine; after a reboot it is another one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def pid_space() -> int:
    """Name the namespace in which our pids mean something; 0 where the kernel does not say.

    Two that live at once on one boot never have one number.
    """
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
