"""When what a stream owed was as little as before again, over the runs of one class.

In: counted episodes whose debt binds their recovery. Out: ``DebtEstimate``; None where none has one.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.episodes.model import Episode
from harness.estimates.model import DebtEstimate
from harness.estimates.quantiles import quantile


def debts(hurt: Sequence[Episode]) -> DebtEstimate | None:
    """Put the debts of a class's episodes with impact together."""
    bound = [(e.served, e.debt) for e in hurt if e.debt is not None and e.debt.binds]
    if not bound:
        return None
    answered = [level.answered_s for level, _ in bound]
    back = [debt.back_s for _, debt in bound]
    return DebtEstimate(
        n=len(bound),
        band=max(debt.band for _, debt in bound),
        peak=max(debt.peak for _, debt in bound),
        answered_median=quantile(answered, 0.5),
        back_median=quantile(back, 0.5),
        answered_s=tuple(answered),
        back_s=tuple(back),
    )
