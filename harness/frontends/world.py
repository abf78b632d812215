"""Whether the world lets a run begin: a look only, nothing is made, held or removed.

Comes in: store and target. Goes out: words on what was looked at, or ``Refused`` with what stands in the way.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import Refused
from harness.guard.lock import holder
from harness.run.refusals import refuse_if_halted, refuse_if_left_open
from harness.run.scratch import scratch_root


def look_at_world(store: Path, target: str) -> tuple[str, ...]:
    """Look at scratch, halt, lock and open undo records; ``Refused`` where a run would be refused now."""
    root = scratch_root()
    refuse_if_halted(store)
    if _is_held(store, target):
        raise Refused(f"another run holds target {target} of {store}; wait for it, or stop it: hormesis halt")
    refuse_if_left_open(store)
    return (
        f"state can lie in {root}",
        f"{store} is not halted",
        f"target {target} is free",
        "nothing is left to undo",
    )


def _is_held(store: Path, target: str) -> bool:
    try:
        return bool(holder(store, target))
    except OSError as error:
        raise Refused(f"{error.filename or store} cannot be read: {error.strerror}") from error
