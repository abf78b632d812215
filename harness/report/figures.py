"""Figures as text: each estimate with its interval, or the plain statement that there is too little.

No arithmetic on results happens here, only rounding; every number written is one of ``report.json``.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.estimates.model import ClassEstimate, Mean, Quantile, Share
from harness.report.lengths import given, per_cent, seconds, seen_text, span
from harness.report.words import ENDINGS
from harness.units import percent_text


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and up to two lines of small print under it; ``quiet`` where there is no figure."""

    value: str
    small: str = ""
    more: str = ""
    quiet: bool = False


def share_interval(share: Share) -> str:
    """Write the exact interval of a share, e.g. ``69–100 %``; it is never narrower than it is."""
    return f"{per_cent(share.low_ratio, up=False)}–{per_cent(share.high_ratio, up=True)} %"


def share_figure(share: Share, nothing: str) -> Figure:
    """Write ``k / n`` with its interval; ``nothing`` is said where n is 0.

    The interval 0 to 1 is that of a share whose parts depend on each other: it says nothing, so it is
    not written.
    """
    if share.n == 0:
        return Figure(nothing, quiet=True)
    known = share.low_ratio > 0 or share.high_ratio < 1
    return Figure(f"{share.k} / {share.n}", share_interval(share) if known else "")


def quantile_figure(quantile: Quantile, tau_s: float, seen: tuple[float | None, ...] = ()) -> Figure:
    """Write a quantile, or ``needs n / N`` with the few values that were seen."""
    if quantile.n == 0:
        return Figure("–", quiet=True)
    if quantile.n < quantile.needs_n:
        return Figure(f"needs {quantile.n} / {quantile.needs_n}", seen_text(seen), quiet=True)
    value = f"> {given(tau_s)}" if quantile.value_s is None else seconds(quantile.value_s)
    return Figure(value, span(quantile.low_s, quantile.high_s))


def mean_seconds(mean: Mean, nothing: str) -> Figure:
    """Write a mean length with its interval, or say that one run gives none."""
    if mean.mean is None:
        return Figure(nothing, quiet=True)
    low_s, high_s = mean.low, mean.high
    small = _no_interval(mean) if low_s is None or high_s is None else span(low_s, high_s)
    return Figure(seconds(mean.mean), small)


def lost_figure(lost: Mean, recovered: Share) -> Figure:
    """Write the mean of lost service; ``> x`` where an outage outlived the horizon, to which losses count.

    Such a loss is censored: its interval has no upper end. ``recovered``: who was back within the horizon.
    """
    figure = mean_seconds(lost, "–")
    if figure.quiet or recovered.k == recovered.n:
        return figure
    return Figure(f"> {figure.value}", figure.small if lost.low is None else span(lost.low, None))


def mean_percent(mean: Mean, nothing: str) -> Figure:
    """Write a mean share with its interval; two digits, because outages are short against a run."""
    if mean.mean is None:
        return Figure(nothing, quiet=True)
    if mean.low is None or mean.high is None:
        return Figure(percent_text(mean.mean, 2), _no_interval(mean))
    # an interval of a mean may reach beyond what a share can be: it is cut at the edge for reading only
    low, high = (percent_text(min(1.0, max(0.0, bound)), 2) for bound in (mean.low, mean.high))
    return Figure(percent_text(mean.mean, 2), f"{low.removesuffix(' %')}–{high}")


def _no_interval(mean: Mean) -> str:
    return "one run: no interval" if mean.n == 1 else "no interval"


def endings_text(estimate: ClassEstimate) -> str:
    """List how the episodes of a class ended, in the order of the legend, then unknown causes.

    An empty class says so.
    """
    order = [*ENDINGS, *sorted(set(estimate.ended_by) - set(ENDINGS))]
    parts = [
        f"{ENDINGS.get(c, (c, ''))[0]} {estimate.ended_by[c]}" for c in order if estimate.ended_by.get(c)
    ]
    return ", ".join(parts) or "no counted episode"
