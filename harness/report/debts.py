"""What was owed after a fault, in words: how much, and when it was as little as before again."""

from __future__ import annotations

from harness.estimates.model import DebtEstimate, Quantile
from harness.report.figures import quantile_figure
from harness.report.lengths import seconds


def debt_text(found: DebtEstimate | None, tau_s: float) -> str:
    """Give both times that make a recovery, "" where nothing owed was part of it."""
    if found is None:
        return ""
    answered = _time(found.answered_median, found.answered_s, tau_s)
    back = _time(found.back_median, found.back_s, tau_s)
    more = f"up to {found.peak} records owed (before: at most {found.band})"
    return f"decisions in time again: {answered}; {more}, as few as before: {back}"


def _time(median: Quantile, seen_s: tuple[float | None, ...], tau_s: float) -> str:
    """The median with its interval, or the one time that there is."""
    if len(seen_s) == 1:
        return "not back" if seen_s[0] is None else f"after {seconds(seen_s[0])}"
    figure = quantile_figure(median, tau_s, seen_s)
    return f"{figure.value} ({figure.small})" if figure.small else figure.value
