"""What a move of the world did to decisions, in words: harm, what was left of it, when it was back."""

from __future__ import annotations

from harness.estimates.model import ClassEstimate, DecisionEstimate, Mean
from harness.report.figures import Figure
from harness.report.lengths import seen_text
from harness.units import percent_text

UNANSWERED_MIN_RATIO = 0.01
OF_THE_WORLD = "world."
"""How kinds of faults begin that are there to hurt decisions; where they do not, that is told."""


def left_of(estimate: ClassEstimate) -> Mean | None:
    """Give how much of the harm to decisions was left at the end; None where none could be told."""
    found = estimate.decisions
    return found.left if found is not None and found.told else None


def mean_ratio(mean: Mean, nothing: str) -> Figure:
    """Write a mean ratio in percent with its interval, signed: it may lie below 0 and above 1."""
    if mean.mean is None:
        return Figure(nothing, quiet=True)
    if mean.low is None or mean.high is None:
        return Figure(signed_percent(mean.mean), "one run: no interval" if mean.n == 1 else "")
    return Figure(signed_percent(mean.mean), f"{signed_percent(mean.low)} to {signed_percent(mean.high)}")


def signed_percent(ratio: float) -> str:
    """Write a ratio in whole percent, with a true minus sign.

    >>> signed_percent(0.987), signed_percent(-0.04), signed_percent(-0.001)
    ('99 %', '−4 %', '0 %')
    """
    whole = round(100 * ratio)
    return f"{whole} %".replace("-", "−")


def decisions_text(estimate: ClassEstimate) -> str:
    """Say what a fault did to decisions, "" where that is not known, or not what it is for.

    Four answers: not judged, and why; no harm that could be told from none; harm, and what was left cannot be
    told in a window; what was left, in how many episodes that could be told, and when it was back.
    """
    found = estimate.decisions
    if found is None or not (found.hurt or found.told or estimate.fault.startswith(OF_THE_WORLD)):
        return ""
    if not found.judged:
        return f"decisions not judged: {found.not_judged}"
    if not found.told:
        return f"decisions: {harm_text(found)}"
    left = mean_ratio(found.left, "–")
    interval = f" [{left.small}]" if found.left.low is not None else ""
    where = "" if found.told == found.n else f", told in {found.told} of {found.n}"
    lost = missed_text(found)
    return (
        f"decisions: {left.value}{interval} of the harm left at the end{where}; back in {back_text(found)}"
        + (f"; {lost}" if lost else "")
    )


def harm_text(found: DecisionEstimate) -> str:
    """Say what a move costs a decision if nobody learns, or that it costs nothing that could be told.

    A harm that no run tells alone may be told by all of them together.
    """
    jump = found.jump
    together = jump.low is not None and jump.low > 0
    if not found.hurt and not together:
        return "no harm that could be told from none"
    interval = "" if jump.low is None or jump.high is None else f" [{jump.low:.2g} to {jump.high:.2g}]"
    costs = f"costs {jump.mean:.2g}{interval} a decision if nobody learns"
    if not found.hurt:
        return f"{costs}, told by {jump.n} runs together and by none alone; what was left cannot be told"
    if found.told:
        return costs
    all_in_all = mean_ratio(found.left_in_all, "–").value
    return f"{costs}; {all_in_all} of that was left over the whole, at the end it cannot be told"


def back_text(found: DecisionEstimate) -> str:
    """Write in how many episodes decision quality was back, and when where they are few."""
    if not found.back.n:
        return "–"
    times = seen_text(tuple(time_s for time_s in found.back_s if time_s is not None))
    return f"{found.back.k} of {found.back.n}" + (f" ({times.removeprefix('seen: ')})" if times else "")


def missed_text(found: DecisionEstimate) -> str:
    """Tell of units without a decision, which no figure here is about; "" where there is hardly one."""
    share = found.unanswered.mean
    return (
        "" if share is None or share < UNANSWERED_MIN_RATIO else f"{percent_text(share, 1)} got no decision"
    )
