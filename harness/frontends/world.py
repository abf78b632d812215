"""Whether the world lets a run begin: a look only, nothing is made, held or removed.

Comes in: store and target. Goes out: words on what was looked at, or ``Refused`` with what stands in the way.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from harness.errors import Refused
from harness.run.refusals import refuse_if_halted, refuse_if_left_open
from harness.run.scratch import scratch_root


def look_at_world(store: Path, target: str) -> tuple[str, ...]:
    """Look at scratch, halt, lock and open undo records; ``Refused`` where a run would be refused now."""
    root = scratch_root()
    refuse_if_halted(store)
    if _is_locked(store / f".lock-{target}"):
        raise Refused(f"another run holds target {target} of {store}; wait for it, or stop it: hormesis halt")
    refuse_if_left_open(store)
    return (
        f"state can lie in {root}",
        f"{store} is not halted",
        f"target {target} is free",
        "nothing is left to undo",
    )


def _is_locked(path: Path) -> bool:
    """Ask for the lock without making or writing its file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
