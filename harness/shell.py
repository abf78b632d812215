"""The only module of the harness that reads clock, dice and environment.

Everything else takes instants, seeds and paths as arguments. ``CLOCK_MONOTONIC`` is one clock
for all processes of a machine, so the driver's, the supervisor's and the runner's stamps compare.
"""

from __future__ import annotations

import datetime
import os
import secrets
import time

# One thread a pool: two OpenMP threads on a busy two-core machine turn 0.4 s fits into 16 s.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def monotonic_s() -> float:
    """Read the monotonic clock, in seconds; the clock of every mark."""
    return time.monotonic()


def wall_utc() -> str:
    """Read the wall clock as ISO 8601 in UTC; for people, never for arithmetic."""
    return datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="milliseconds")


def sleep_until(at_s: float) -> None:
    """Sleep until the monotonic instant ``at_s``; returns at once if it has passed."""
    while (left_s := at_s - time.monotonic()) > 0:
        time.sleep(min(left_s, 0.5))


def fresh_seed() -> int:
    """Draw a seed for a run whose user named none; it is printed and stored."""
    return secrets.randbelow(2**31)


def fresh_token() -> str:
    """Draw a 256-bit token for a control API."""
    return secrets.token_hex(32)


def environment(name: str, default: str = "") -> str:
    """Read one environment variable by name; the whole environment is never captured."""
    return os.environ.get(name, default)


def tell_libraries(**settings: str) -> None:
    """Set variables that a library of this process reads when it is imported; none of ours is set so."""
    os.environ.update(settings)


def child_environment(**extra: str) -> dict[str, str]:
    """Build the environment of a child: an allow-list of ours plus ``extra``."""
    allowed = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    kept = {name: os.environ[name] for name in allowed if name in os.environ}
    return kept | ONE_THREAD | {"PYTHONUNBUFFERED": "1"} | extra
