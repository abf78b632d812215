"""How good decisions were, over the runs of one class: what a move of the world cost, what was left of it.

In: counted episodes with ``Decided``. Out: ``DecisionEstimate``. An episode whose jump could not be told from
none says nothing about what was left: it is counted apart, never as healed. A jump that is told over all
decisions of an episode and in no window still gives what was left in all.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.episodes.decided import ERRORS_MIN
from harness.episodes.model import Decided, Episode, RunFacts
from harness.estimates.means import run_mean
from harness.estimates.model import DecisionEstimate
from harness.estimates.shares import share


def decisions(kept: Sequence[tuple[RunFacts, Episode]]) -> DecisionEstimate | None:
    """Put the episodes of a class together; None where no run knows what its decisions were worth."""
    known = [(run.run_id, e.decided) for run, e in kept if e.decided is not None]
    if not known:
        return None
    judged = [(run_id, one) for run_id, one in known if not one.why]
    told = [(run_id, one) for run_id, one in judged if _left(one) is not None]
    hurt = [
        (run_id, one) for run_id, one in judged if one.jump > 0 and one.jump >= ERRORS_MIN * one.jump_error
    ]
    back = [one.back_s for _, one in told]
    return DecisionEstimate(
        n=len(known),
        not_judged=next((one.why for _, one in known if one.why), ""),
        judged=len(judged),
        hurt=len(hurt),
        told=len(told),
        unanswered=run_mean((run_id, one.unanswered / (one.n + one.unanswered)) for run_id, one in known),
        jump=run_mean((run_id, one.jump) for run_id, one in judged),
        left=run_mean((run_id, _left(one) or 0.0) for run_id, one in told),
        left_in_all=run_mean((run_id, one.excess_sum / one.jump_sum) for run_id, one in hurt),
        back=share(sum(time_s is not None for time_s in back), len(back)),
        back_s=tuple(sorted(back, key=lambda time_s: (time_s is None, time_s or 0.0))),
        excess_sum=run_mean((run_id, one.excess_sum) for run_id, one in judged),
    )


def _left(decided: Decided) -> float | None:
    """What was left of the jump over the last window before the horizon, if the jump could be told there."""
    return None if decided.last is None else decided.last.left_ratio
