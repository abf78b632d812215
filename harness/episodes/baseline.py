"""The run's own baseline: how bad service was before the first fault, and whether that can be a measure.

In: the witness's rows up to an instant. Out: ``Baseline``. The runner asks before it injects anything,
the analysis asks again of the stored rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.episodes.binomial import binomial_pmf, halves_p_value
from harness.episodes.recovery import Units
from harness.episodes.service import service_of
from harness.experiment.model import Objective, Profile
from harness.history.observations import Rows

BAD_RATIO_MAX = 0.05
TREND_LEVEL_RATIO = 0.001
"""Low on purpose: the test runs in every run, and a false alarm voids a good one."""


def bad_ratio_allowed(objectives: Sequence[Objective]) -> float:
    """The worst baseline that may be met: 5 %, or what the strictest availability objective allows."""
    asked = [1 - o.availability_ratio for o in objectives if o.availability_ratio is not None]
    return min([BAD_RATIO_MAX, *asked])


@dataclass(frozen=True, slots=True)
class Baseline:
    """``bad`` of ``units`` before the first fault; ``why`` is empty when the baseline is met.

    ``bad_ratio`` is the weighted share, p0 of the change-back test; 1 without a unit.
    """

    units: int
    bad: int
    bad_ratio: float
    why: str


def baseline_of(
    rows: Rows, *, until_s: float, profile: Profile, bad_ratio_max: float = BAD_RATIO_MAX
) -> Baseline:
    """Judge the served level of witness units due before ``until_s`` (monotonic seconds).

    ``until_s`` lies one deadline before the fault is asked for, so that none of these units could
    still be waiting when it struck. ``bad_ratio_max`` is the objective's share where that is tighter.
    """
    return judged(
        service_of(rows).units(full=False), until_s=until_s, profile=profile, bad_ratio_max=bad_ratio_max
    )


def judged(
    units: Units, *, until_s: float, profile: Profile, bad_ratio_max: float = BAD_RATIO_MAX
) -> Baseline:
    """Judge a series of units that is taken from the rows already."""
    part = units.between(-math.inf, until_s)
    count, bad = len(part.due), int(part.bad.sum())
    ratio = part.bad_ratio()
    known = 1.0 if ratio is None else ratio
    return Baseline(units=count, bad=bad, bad_ratio=known, why=_why(part, known, profile, bad_ratio_max))


def _why(part: Units, ratio: float, profile: Profile, bad_ratio_max: float) -> str:
    count, bad = len(part.due), int(part.bad.sum())
    needed = profile.baseline_units - 1  # one less for the jitter of slots
    if count == 0:
        return "no units before the first fault"
    if count < needed:
        return f"only {count} units before the first fault, needed {needed}"
    if ratio > BAD_RATIO_MAX:
        return f"{bad} of {count} units bad before any fault, more than {BAD_RATIO_MAX:.0%}"
    if _worse(bad, count, bad_ratio_max):
        return f"{bad} of {count} units bad before any fault, worse than the objective's {bad_ratio_max:.2%}"
    half = count // 2
    halves = int(part.bad[:half].sum()), int(part.bad[half:].sum())
    if halves_p_value(halves, (half, count - half)) <= TREND_LEVEL_RATIO:
        return f"a trend before any fault: {halves[0]} bad in the first half, {halves[1]} in the second"
    return ""


def _worse(bad: int, count: int, ratio_max: float) -> bool:
    """Whether the counts reject "share bad <= ratio_max" (exact one-sided test)."""
    return bad > 0 and float(binomial_pmf(count, ratio_max)[bad:].sum()) <= TREND_LEVEL_RATIO
