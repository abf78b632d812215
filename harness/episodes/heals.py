"""False heals: healing that began while nothing was broken, as episodes and not as acts.

In: effectful acts in order, what was planned and injected. Out: ``FalseHeal`` values, and for how long
nothing was broken. A burst of acts on one place is one healing episode: its acts come for one reason, so that
a bound on their rate that takes them one by one covers far less than it says (docs/measurement.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.episodes.acts import Act
from harness.episodes.log import RunLog
from harness.episodes.model import FalseHeal
from harness.faults.catalog import is_placebo
from harness.plan.model import Plan

GAP_S = 10.0
"""Acts on one place with no longer a pause between them are one healing episode."""

_DIGITS = 3

Stretch = tuple[float, float]


def unbroken(plan: Plan, log: RunLog) -> tuple[Stretch, ...]:
    """Give the stretches (from, until; monotonic seconds) of a run in which no act is needed.

    A sham run is one, without an end, and so is one of placebos alone. Else it is what lies before the first
    fault, and each placebo after that while it is there. Nothing was broken *after* a fault either, but what
    healing is still about then cannot be told from what it begins.
    """
    if log.first_due_s is None:
        return ()
    begun = [(e, log.injected[e.index].asked_at_s) for e in plan.episodes if e.index in log.injected]
    faults = [at_s for e, at_s in begun if not (plan.sham or is_placebo(e.kind))]
    broken_s = min(faults, default=math.inf)
    later = [
        (at_s, log.undone[e.index].at_s if e.index in log.undone else log.first_due_s + e.undo_at_s)
        for e, at_s in begun
        if at_s > broken_s and is_placebo(e.kind)
    ]
    return ((log.first_due_s, broken_s), *later)


def seconds_of(stretches: Sequence[Stretch], last_s: float) -> float:
    """Add up the seconds of ``stretches`` until ``last_s``, the last unit of the witness.

    >>> seconds_of([(0.0, 5.0), (8.0, float("inf"))], 10.0)
    7.0
    """
    return round(sum((max(0.0, min(end_s, last_s) - from_s) for from_s, end_s in stretches), 0.0), _DIGITS)


def false_heals(acts: Sequence[Act], stretches: Sequence[Stretch]) -> tuple[FalseHeal, ...]:
    """Give the healing episodes whose first act lies in one of ``stretches``, in the order of that act.

    ``acts`` in the order of their instants; those of ``FalseHeal`` count from the start of the first stretch.
    """
    return tuple(
        FalseHeal(
            at_s=round(burst[0].at_s - stretches[0][0], _DIGITS),
            lasted_s=round(burst[-1].at_s - burst[0].at_s, _DIGITS),
            service=burst[0].service,
            act=burst[0].act,
            by=burst[0].by,
            acts=len(burst),
        )
        for burst in _bursts(acts)
        if any(from_s <= burst[0].at_s < until_s for from_s, until_s in stretches)
    )


def _bursts(acts: Sequence[Act]) -> list[list[Act]]:
    """Put acts on one place together that follow each other within ``GAP_S``."""
    bursts: list[list[Act]] = []
    running: dict[str, list[Act]] = {}
    for act in acts:
        burst = running.get(act.service)
        if burst is None or act.at_s - burst[-1].at_s > GAP_S:
            burst = running[act.service] = []
            bursts.append(burst)
        burst.append(act)
    return bursts
