"""How often the change-back test errs under a profile, so that every report can print it.

In: ``Profile``. Out: shares of simulated outages. The simulation draws units at regular slots, judges
windows by unit count, and is checked against the test itself by ``tests/harness/episodes``; the full
curve is made with the test itself by ``benchmarks/changeback.py``.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.episodes.binomial import critical_counts
from harness.experiment.model import Profile

BASELINE_RATIOS = (0.0, 0.005, 0.01)
WORSE_MARGINS = 4.0
SEED = 20_240_607  # fixed: the rates are a property of the profile, the same in every report
RUNS, RUNS_MIN = 500, 20
_UNITS_IN_ALL = 40_000_000
_UNITS_AT_ONCE = 2_000_000  # bounds the memory of one batch to some tens of MB


def error_rates(profile: Profile) -> tuple[float, float]:
    """(false re-open, false accept), each the worst over baselines of 0, 0.5 and 1 % bad.

    False re-open: steady at p0 after an outage, and not accepted within W + H of its end.
    False accept: steady at p0 + 4m, and accepted at any time in the horizon.
    Both are shares of 500 simulated outages (fewer for very long profiles): 0.0 means "below 0.6 %".
    """
    reopened = max(1 - _accepted(profile, p0, p0, soon=True) for p0 in BASELINE_RATIOS)
    worse = WORSE_MARGINS * profile.margin_ratio
    accepted = max(_accepted(profile, p0, p0 + worse, soon=False) for p0 in BASELINE_RATIOS)
    return round(reopened, 4), round(accepted, 4)


@lru_cache(maxsize=64)
def _accepted(profile: Profile, p0: float, after: float, *, soon: bool) -> float:
    """Share of outages, followed by a steady bad share ``after``, that are accepted as over.

    ``soon``: within W + H of the outage's end; else within tau.
    """
    window = max(1, round(profile.window_length_s * profile.rate_hz))
    windows = max(1, math.ceil(round(profile.hold_s / profile.window_length_s, 9)))
    starts = window if soon else round(profile.tau_s * profile.rate_hz)
    length = starts + windows * window + 1
    rng = np.random.default_rng(SEED)
    batch = max(1, min(RUNS, _UNITS_AT_ONCE // length))
    # A profile of millions of units gets fewer runs rather than a report that takes minutes.
    total = min(RUNS, max(RUNS_MIN, _UNITS_IN_ALL // length))
    accepted, left = 0, total
    while left > 0:
        runs = min(batch, left)
        p0_seen = rng.binomial(profile.baseline_units, p0, size=runs) / profile.baseline_units
        bad = rng.random((runs, length), dtype=np.float32) < after
        bad[:, 0] = True  # the outage's last unit
        limits = np.minimum(1.0, p0_seen + profile.margin_ratio)
        accepted += int(_any_hold(bad, limits, profile.window_level_ratio, (window, windows, starts)).sum())
        left -= runs
    return accepted / total


def _any_hold(
    bad: NDArray[np.bool_], limits: NDArray[np.float64], level: float, shape: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """Whether any good unit after a bad one starts a hold without a violated window; one entry a run."""
    window, windows, starts = shape
    sums = np.zeros((bad.shape[0], bad.shape[1] + 1), dtype=np.int32)
    np.cumsum(bad, axis=1, out=sums[:, 1:])
    distinct, run = np.unique(limits, return_inverse=True)
    sizes = np.array([window, windows * window])
    critical = np.array([critical_counts(sizes, float(limit), level) for limit in distinct])[run]
    passes = sums[:, window:] - sums[:, :-window] < critical[:, :1]
    holds = np.logical_not(bad[:, 1 : starts + 1]) & bad[:, :starts]
    for number in range(windows):
        first = 1 + number * window
        holds &= passes[:, first : first + starts]
    whole = windows * window
    holds &= sums[:, 1 + whole : 1 + whole + starts] - sums[:, 1 : 1 + starts] < critical[:, 1:]
    result: NDArray[np.bool_] = np.any(holds, axis=1)
    return result
