"""When what a stream owed was as little as before again, over the episodes of one class.

In: episodes with impact. Out: ``DebtCount``; None where the debt of none is part of its recovery.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.episodes.model import Episode
from harness.estimates.counts import DebtCount


def debts(hurt: Sequence[Episode]) -> DebtCount | None:
    """Put the debts that bind a recovery together."""
    bound = [(e.served, e.debt) for e in hurt if e.debt is not None and e.debt.binds]
    if not bound:
        return None
    return DebtCount(
        n=len(bound),
        band=max(debt.band for _, debt in bound),
        peak=max(debt.peak for _, debt in bound),
        answered_s=tuple(level.answered_s for level, _ in bound),
        back_s=tuple(debt.back_s for _, debt in bound),
    )
