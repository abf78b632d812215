"""Intervals for the mean of figures that lie between 0 and 1, however they are spread.

In: one figure a run. Below ``BOOTSTRAP_N`` a betting interval (Waudby-Smith and Ramdas, "Estimating means of
bounded random variables by betting", JRSS B 86, 2024): it holds for any n and any distribution, and is wide.
From there on bootstrap-t (Efron and Tibshirani 1993, section 12.5), as long as its resamples all vary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_N = 40
LEVEL_RATIO = 0.95
Floats = NDArray[np.float64]
Method = Literal["", "betting", "bootstrap-t"]

_STAKES = (np.arange(40) + 0.5) / 40  # shares of all that one may stake without going broke
_HALVINGS = 30
_RESAMPLES, _SEED = 1000, 1993  # the same figures give the same interval, in every report
_AT_ONCE = 1_000_000  # bounds the memory of one batch of resamples


def interval(values: Sequence[float], level_ratio: float = LEVEL_RATIO) -> tuple[float, float, Method]:
    """Two-sided interval of the mean, and how it was made; raises ValueError for a value outside [0, 1].

    >>> [round(end, 3) for end in interval([0.0] * 10)[:2]], interval([])
    ([0.0, 0.405], (0.0, 1.0, ''))
    """
    if not all(0.0 <= value <= 1.0 for value in values):
        raise ValueError("a value is not between 0 and 1; leave out what was not measured")
    if not values:
        return 0.0, 1.0, ""
    found = _bootstrap_t(_ordered(values), level_ratio) if len(values) >= BOOTSTRAP_N else None
    if found is not None:
        return *found, "bootstrap-t"
    return *betting(values, level_ratio), "betting"


def betting(values: Sequence[float], level_ratio: float = LEVEL_RATIO) -> tuple[float, float]:
    """The means on which nobody could have won 2 / (1 - level) times his stake, by bets fixed beforehand."""
    ordered, outside = _ordered(values), (1 - level_ratio) / 2
    return _least(ordered, outside), 1.0 - _least(1.0 - ordered, outside)


def _ordered(values: Sequence[float]) -> Floats:
    """The order of runs changes no digit of a sum."""
    return np.sort(np.asarray(values, dtype=np.float64))


def _least(values: Floats, outside: float) -> float:
    """The smallest mean that is not refuted. What a bet against "at most m" has won falls as m rises."""
    low, high, limit = 0.0, float(values.mean()), -math.log(outside)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle <= 0 or _won(values, middle) < limit:
            high = middle
        else:
            low = middle
    return low


def _won(values: Floats, mean: float) -> float:
    """Log of what a gambler has who spread his money over all stakes and bet that the mean is above."""
    log_wealth = np.log1p(_STAKES[:, None] * (values / mean - 1.0)).sum(axis=1)
    most = float(log_wealth.max())
    return most + math.log(float(np.exp(log_wealth - most).mean()))


def _bootstrap_t(values: Floats, level_ratio: float) -> tuple[float, float] | None:
    """Bootstrap-t, cut to [0, 1]; None where too many resamples do not vary: they show no error.

    That is so where at most three runs differ from the rest: a few rare losses say little of their share.
    """
    n, centre = len(values), float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(n)
    if not error > 0:
        return None
    rng = np.random.default_rng(_SEED)
    rows, found = max(1, _AT_ONCE // n), []
    for begun in range(0, _RESAMPLES, rows):
        drawn = values[rng.integers(n, size=(min(rows, _RESAMPLES - begun), n))]
        errors = drawn.std(axis=1, ddof=1) / math.sqrt(n)
        varies = errors > 1e-12
        shift = drawn.mean(axis=1) - centre
        found.append(np.where(varies, shift / np.where(varies, errors, 1.0), np.copysign(np.inf, shift)))
    ordered = np.sort(np.concatenate(found))
    outside = int((1 - level_ratio) / 2 * _RESAMPLES)
    low, high = float(ordered[outside]), float(ordered[-1 - outside])
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return max(0.0, centre - high * error), min(1.0, centre - low * error)
