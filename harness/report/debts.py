"""What was owed after a fault, in words: how much, and when it was as little as before again."""

from __future__ import annotations

from harness.estimates.model import ClassEstimate, Quantile
from harness.report.figures import quantile_figure
from harness.report.lengths import seconds


def debt_text(estimate: ClassEstimate) -> str:
    """Give both times that make a recovery, "" where nothing owed is part of it."""
    found = estimate.debt
    if found is None:
        return ""
    answered = _time(estimate.answered_median, found.answered_s, estimate.tau_s)
    paid = _time(estimate.paid_median, found.back_s, estimate.tau_s)
    more = f"up to {found.peak} records owed (before: at most {found.band})"
    return f"decisions in time again {answered}; {more}, as few as before {paid}"


def _time(median: Quantile | None, seen_s: tuple[float | None, ...], tau_s: float) -> str:
    """The median with its interval, or the one time that there is."""
    if median is None or len(seen_s) == 1:
        return "not by the end" if seen_s[0] is None else f"after {seconds(seen_s[0])}"
    figure = quantile_figure(median, tau_s, seen_s)
    return f"after {figure.value} ({figure.small})" if figure.small else f"after {figure.value}"
