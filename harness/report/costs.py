"""What healing costs, in words: regret that was not won back, training, healing where nothing was broken."""

from __future__ import annotations

from collections.abc import Sequence

from harness.estimates.counts import HarmCount, Rate
from harness.estimates.model import ClassEstimate, DecisionEstimate, Mean, TrainingEstimate
from harness.report.figures import Figure, mean_seconds
from harness.report.lengths import amount, at_most
from harness.report.words import inert
from harness.units import plural

_JOINED = {"gave up": "on ", "left an orphan": "of "}
NO_TRAINING, UNSEEN = "no training", "not observable"


def regret_figure(found: DecisionEstimate) -> Figure:
    """Write the regret of an episode's decisions above the system as prepared, had the world not moved."""
    total = found.excess_sum
    return (
        Figure("not judged", quiet=True) if total.mean is None else Figure(amount(total.mean), _span(total))
    )


def training_figure(found: TrainingEstimate | None) -> Figure:
    """Write the processor time of trainings, which is no zero where none was seen, or none could be."""
    if found is None or not found.n + found.blind:
        return Figure("–", quiet=True)
    if not found.n:
        return Figure(UNSEEN, quiet=True)
    blind = f"{found.blind} {UNSEEN}" if found.blind else ""
    if not found.trainings:
        return Figure(NO_TRAINING, blind, quiet=True)
    count = f"{found.trainings} training{'s' * (found.trainings > 1)}"
    if found.untold:
        return Figure("not told", count, blind, quiet=True)
    mean = mean_seconds(found.cpu_s, "not told")
    return Figure(mean.value, mean.small, "; ".join(words for words in (count, blind) if words))


def heals_figure(found: Rate | None) -> Figure:
    """Write false heals with the hours that were looked at and the bound; unseen ones are no zero."""
    if found is None:
        return Figure("–", quiet=True)
    runs = plural(found.blind, "run")
    seen = f", {found.blind_k} seen there" if found.blind_k else ""
    if found.per_h is None:
        return (
            Figure(UNSEEN, f"in {runs}{seen}", quiet=True)
            if found.blind
            else Figure("not looked at", quiet=True)
        )
    blind = f"{runs} {UNSEEN}{seen}" if found.blind else ""
    each = f"{amount(found.per_h)} an hour, " if found.k else ""
    bound = "in clusters: no bound" if found.upper_per_h is None else f"at most {at_most(found.upper_per_h)}"
    return Figure(f"{found.k} in {hours(found.hours)}", f"{each}{bound}{'' if each else ' an hour'}", blind)


def hours(value_h: float) -> str:
    """Write how long was looked at.

    >>> hours(0.2512), hours(9.96), hours(71.8)
    ('0.25 h', '10 h', '72 h')
    """
    return f"{value_h:.2g} h" if value_h < 10 else f"{value_h:.0f} h"


def costs_text(estimate: ClassEstimate) -> str:
    """Say what a fault cost in regret and training, in half a line."""
    found, trained = estimate.decisions, training_figure(estimate.training)
    regret = f"regret {regret_figure(found).value} in all; " if found is not None and found.judged else ""
    if not trained.quiet:
        return f"{regret}{trained.value} of CPU for training"
    return f"{regret}{trained.value}" if trained.value == NO_TRAINING else f"{regret}training {trained.value}"


def heals_text(found: Rate) -> str:
    """Write false heals in one piece.

    >>> heals_text(Rate(k=0, hours=0.25, per_h=0.0, upper_per_h=11.982929))
    '0 in 0.25 h (at most 12 an hour)'
    """
    figure = heals_figure(found)
    notes = "; ".join(note for note in (figure.small, figure.more) if note)
    return f"{figure.value} ({notes})" if notes else figure.value


def _span(mean: Mean) -> str:
    if mean.low is None or mean.high is None:
        return "one run: no interval" if mean.n == 1 else ""
    return f"{amount(mean.low)} to {amount(mean.high)}"


def platform_text(found: Sequence[HarmCount]) -> str:
    """Write what the platform did to what nobody hit, in one piece; "" for nothing.

    >>> platform_text([HarmCount(service="b", what="took down", times=3, runs=2)])
    'took down b 3 times in 2 runs'
    """
    return "; ".join(
        f"{one.what} {_JOINED.get(one.what, '')}{inert(one.service, 24)} {_times(one.times)} in "
        f"{one.runs} run{'s' * (one.runs > 1)}"
        for one in found
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
