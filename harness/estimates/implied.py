"""Implied availability: what the measured losses come to at declared fault rates and a declared human.

In: what the classes lost, how often faults come, how long a human needs. Out: ``ImpliedAvailability``. How
often we inject says nothing of how often faults come, so without declared rates there is no such figure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from harness.episodes.model import Episode
from harness.estimates.bounded import LEVEL_RATIO, betting
from harness.estimates.lost import MILLION, ClassLosses, Scale, lost_us
from harness.estimates.points import ImpliedAvailability
from harness.experiment.rules import FaultRate, ImpliedRules

DAYS = 30
_MINUTE_S, _SPAN_S = 60.0, DAYS * 86_400.0
DIGITS = 9  # of a ratio: seconds in a month are parts in a million


def implied_availability(
    classes: Sequence[ClassLosses], rules: ImpliedRules, scale: Scale
) -> ImpliedAvailability:
    """Charge each fault what it lost within its horizon; what was not back by then waits for the human.

    The interval takes the high ends of rates and losses together, and the low ends: each loss at a part of
    the level (Bonferroni), so it holds at 95 % where the declared rates do.
    """
    level_ratio = 1 - (1 - LEVEL_RATIO) / len(classes)
    of_kind = Counter(c.fault for c in classes)
    down = [0.0, 0.0, 0.0]
    for c in classes:
        mean, low, high = _cost_s(c, rules.human_repair_s, scale, level_ratio)
        rate = rules.faults_per_30_days[c.fault]
        # A rate is of a kind: what it hits is taken to be any of the kind's classes alike.
        part = 1 / of_kind[c.fault]
        down[0] += rate.mean * part * mean
        down[1] += rate.low * part * low
        down[2] += rate.high * part * high
    ratio, high_ratio, low_ratio = (round(max(0.0, 1 - one / _SPAN_S), DIGITS) for one in down)
    mean_min, low_min, high_min = (round(one / _MINUTE_S, DIGITS) for one in down)
    return ImpliedAvailability(
        ratio=ratio,
        low_ratio=low_ratio,
        high_ratio=high_ratio,
        down_min=mean_min,
        down_low_min=low_min,
        down_high_min=high_min,
        human_repair_s=rules.human_repair_s,
        faults_per_30_days={kind: _told(rate) for kind, rate in sorted(rules.faults_per_30_days.items())},
    )


def _told(rate: FaultRate) -> tuple[float, float, float]:
    return rate.mean, rate.low, rate.high


def _cost_s(one: ClassLosses, human_s: float, scale: Scale, level_ratio: float) -> tuple[float, float, float]:
    """Mean seconds of good service that one fault costs, with its interval; one figure a run."""
    runs: dict[str, list[float]] = defaultdict(list)
    for run, episode in one.seen:
        runs[run.run_id].append(_charged_s(episode, human_s, scale.worth_ppm))
    of_runs = [sum(of_run) / len(of_run) / human_s for of_run in runs.values()]
    # Always by betting: one fault in a hundred that waits for the human may be most of the cost.
    low, high = betting([min(1.0, share) for share in of_runs], level_ratio)
    return human_s * sum(sorted(of_runs)) / len(of_runs), human_s * low, human_s * high


def _charged_s(episode: Episode, human_s: float, worth_ppm: int) -> float:
    """What was not back goes on as it was since the impact, until the human has repaired it."""
    assert episode.loss is not None, "an episode without a loss is not counted"
    lost_s, served = lost_us(episode.loss, worth_ppm, None) / MILLION, episode.served
    if served.impact_s is None or served.recovered_s is not None:
        return lost_s
    impaired_s = episode.horizon_s - max(0.0, served.impact_s)
    share = min(1.0, lost_s / impaired_s) if impaired_s > 0 else 1.0
    return lost_s + share * max(0.0, human_s - episode.horizon_s)
