"""Acts that changed the system and that the harness did not make, matched to a fault's service.

In: the supervisor's ledger in a history. Out: effectful acts, the first one that answers a fault.
Effectful is what replaces or ends a process: ``started`` and ``killed`` (by liveness). What the
harness asked for itself stands in the ledger as ``asked`` before it, and is no act.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.history.events import Platform

EFFECTFUL = frozenset({"started", "killed"})
_ASKED_CALLS = ("start", "restart")


def platform_acts(ledger: Sequence[Platform], since_s: float) -> tuple[Platform, ...]:
    """Effectful acts from ``since_s`` on, in order, without the harness's own starts.

    One ``asked`` start or restart owns the next ``started`` of that service and no other.
    """
    owned: dict[str, int] = {}
    acts: list[Platform] = []
    for line in ledger:
        if line.act == "asked":
            starts = line.detail.split("/")[-1].strip() in _ASKED_CALLS
            owned[line.service] = owned.get(line.service, 0) + starts
        elif line.act == "started" and owned.get(line.service, 0):
            owned[line.service] -= 1
        elif line.act in EFFECTFUL and line.at_s >= since_s:
            acts.append(line)
    return tuple(acts)


def first_act(acts: Sequence[Platform], service: str, from_s: float, to_s: float) -> Platform | None:
    """The first act on ``service`` in [from_s, to_s); None = nobody acted."""
    return next((act for act in acts if act.service == service and from_s <= act.at_s < to_s), None)
