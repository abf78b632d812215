"""When a system owed no more than before the fault: accepted units that have not ended yet.

In: what observers counted, in order. Out: ``Debt``, and the recovery of a level that waits for it. The band
is the most that was owed before the first fault, and at least what comes in between two looks, because the
listings are not read at one instant.
Source: debt in its pre-fault band is what recovery of work that nobody waits for asks (queues, outboxes).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from harness.episodes.dues import Debt
from harness.episodes.model import Level
from harness.history.events import Owed

BEFORE_MIN = 4
"""Looks before the first fault that a band needs."""

APART_S_MAX = 1.5
"""Looks that lie further apart say nothing of what was owed between them."""


def _is_hole(during: Sequence[Owed], inject_s: float, end_s: float) -> bool:
    """Whether looks at one episode lie too far apart: what was owed between them nobody has seen."""
    seen_s = [inject_s, *(look.at_s for look in during), end_s]
    return any(later_s - at_s > APART_S_MAX for at_s, later_s in pairwise(seen_s))


def debt_of(looks: Sequence[Owed], *, before_s: float, inject_s: float, end_s: float) -> Debt | None:
    """What was owed around one fault; None where too little was seen to say it.

    ``before_s``: the first injection of the run; ``end_s``: when the episode was over.

    >>> looks = [Owed(at_s=t / 2, accepted=5 * t, owed=90 if 6 <= t < 10 else 3) for t in range(16)]
    >>> debt_of(looks, before_s=3.0, inject_s=3.0, end_s=8.0)
    Debt(band=5, peak=90, back_s=2.0, binds=False)
    """
    before = [look for look in looks if look.at_s < before_s]
    during = [look for look in looks if inject_s <= look.at_s < end_s]
    close = [(a, b) for a, b in pairwise(before) if b.at_s - a.at_s <= APART_S_MAX]
    if len(close) < BEFORE_MIN - 1 or not during or _is_hole(during, inject_s, end_s):
        return None
    between = max(later.accepted - look.accepted for look, later in close)
    band = max(between, *(look.owed for look in before))
    peak = max(look.owed for look in during)
    binds = any(look.binds for look in looks)
    above = [number for number, look in enumerate(during) if look.owed > band]
    if not above:
        return Debt(band=band, peak=peak, back_s=0.0, binds=binds)
    back = during[above[-1] + 1 :]
    back_s = round(back[0].at_s - inject_s, 6) if back else None
    return Debt(band=band, peak=peak, back_s=back_s, binds=binds)


def risen_s(looks: Sequence[Owed], debt: Debt | None, inject_s: float) -> float:
    """Seconds from the injection until more than the band was owed first; 0.0 where it never was."""
    band = math.inf if debt is None else debt.band
    above = (look.at_s for look in looks if look.at_s >= inject_s and look.owed > band)
    return round(next(above, inject_s) - inject_s, 6)


def with_debt(level: Level, debt: Debt | None, horizon_s: float, *, above_s: float = 0.0) -> Level:
    """Let a recovery wait for the debt where that binds: records that nobody decided are no service.

    Where so few are decided late that no window shows it, and the debt stays, it is an impact from
    ``above_s`` on: the instant at which more than the band was owed.

    >>> level = Level(impact_s=0.0, recovered_s=3.0, bound_low_s=None, bound_high_s=None, flaps=0, lost_s=3.0,
    ...     bad_ratio=0.3)
    >>> with_debt(level, Debt(band=5, peak=90, back_s=4.5, binds=True), 10.0).recovered_s
    4.5
    >>> with_debt(level, Debt(band=5, peak=90, back_s=None, binds=True), 10.0).recovered_s is None
    True
    """
    if debt is None or not debt.binds:
        return level
    if level.impact_s is None:
        if debt.back_s is not None and debt.back_s <= horizon_s:
            return level
        return msgspec.structs.replace(level, impact_s=above_s, answered_s=0.0)
    answered_s, back_s = level.recovered_s, debt.back_s
    both = None if answered_s is None or back_s is None else max(answered_s, back_s)
    recovered_s = both if both is not None and both <= horizon_s else None
    return msgspec.structs.replace(level, recovered_s=recovered_s, answered_s=answered_s)
