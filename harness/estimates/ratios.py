"""How many times as long: the ratio of two sets of recovery times, with an exact rank interval.

In: times in seconds, None for what was not back within the horizon. Out: ``Ratio``.
Paired, all back: the middle of all averages of two log ratios, and Wilcoxon's signed ranks; it takes log
ratios as symmetric about one centre. Paired, one not back: the median of log ratios, its order statistics.
Unpaired: the middle of all differences of logs, and Mann and Whitney; it takes both sides as of one shape.
A time beyond the horizon lies anywhere from there on: each end of the interval takes the place that makes it
wider. So nothing is left out, and the interval is wider than need be where many are not back.
Middle values: Hodges and Lehmann, Annals of Mathematical Statistics 34 (1963).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.estimates.compared import Ratio
from harness.estimates.quantiles import DIGITS, coverage, ranks
from harness.estimates.rank_cuts import PAIRS_MIN, SIDE_MIN, rank_sum_cut, signed_rank_cut

Floats = NDArray[np.float64]


class _Found(NamedTuple):
    """B / A as it stands in ``Ratio``."""

    ratio: float | None
    low: float | None
    high: float | None
    coverage_ratio: float


_STEPS = 60  # halvings of a range of logs: finer than the digits of a float


def paired_ratio(
    pairs: Sequence[tuple[float | None, float | None]], *, horizon_s: float, least_s: float
) -> Ratio:
    """Compare B with A over pairs (A, B) of one seed and plan each.

    What is shorter than ``least_s``, the distance of two units, counts as that long.

    >>> pairs = [(1.0, 2.0), (2.0, 4.4), (3.0, 5.7), (1.5, 3.3), (2.5, None), (4.0, 7.6), (None, None)]
    >>> found = paired_ratio(pairs, horizon_s=10.0, least_s=0.02)
    >>> found.n, found.apart, found.ratio, found.low, found.high, found.coverage_ratio
    (6, 1, 2.097618, 1.9, None, 0.96875)
    """
    told = [pair for pair in pairs if pair != (None, None)]
    n, apart = len(told), len(pairs) - len(told)
    if n < PAIRS_MIN:
        return Ratio(paired=True, n=n, n_b=n, apart=apart, needs_n=PAIRS_MIN)
    a, b = [pair[0] for pair in told], [pair[1] for pair in told]
    last = math.log(horizon_s)
    low = np.sort(_logs(b, last, least_s) - _logs(a, math.inf, least_s))
    high = np.sort(_logs(b, math.inf, least_s) - _logs(a, last, least_s))
    found = _by_signs(low, high) if None in a or None in b else _by_signed_ranks(low)
    return Ratio(
        paired=True,
        n=n,
        n_b=n,
        apart=apart,
        needs_n=PAIRS_MIN,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        coverage_ratio=found.coverage_ratio,
    )


def _by_signed_ranks(logs: Floats) -> _Found:
    cut, averages, total = signed_rank_cut(len(logs)), _averages(logs), len(logs) * (len(logs) + 1) // 2
    return _Found(
        _unlogged(_middle(averages, total)),
        _unlogged(_kth(averages, cut.rank)),
        _unlogged(_kth(averages, total + 1 - cut.rank)),
        cut.coverage_ratio,
    )


def _by_signs(low: Floats, high: Floats) -> _Found:
    """The median of log ratios with its order statistics: one that is open takes one rank, no more."""
    n = len(low)
    first, last = ranks(n, 0.5)
    middle = [(n - 1) // 2, n // 2]
    return _Found(
        _between(float(low[middle].mean()), float(high[middle].mean())),
        _unlogged(float(low[first - 1])),
        _unlogged(float(high[last - 1])),
        coverage(n, 0.5),
    )


def unpaired_ratio(
    a: Sequence[float | None], b: Sequence[float | None], *, horizon_s: float, least_s: float
) -> Ratio:
    """Compare B with A where nothing ties an episode of one to one of the other.

    >>> found = unpaired_ratio([1.0, 1.1, 1.2, 1.3], [2.0, 2.2, 2.4, None], horizon_s=9.0, least_s=0.02)
    >>> found.ratio, found.low, found.high
    (2.0, 1.538462, None)
    >>> unpaired_ratio([1.0], [2.0] * 9, horizon_s=9.0, least_s=0.02).tells()
    False
    """
    m, n = len(a), len(b)
    cut = rank_sum_cut(m, n)
    if not cut.rank:
        return Ratio(paired=False, n=m, n_b=n, needs_n=SIDE_MIN)
    last = math.log(horizon_s)
    low = _differences(_logs(a, math.inf, least_s), _logs(b, last, least_s))
    high = _differences(_logs(a, last, least_s), _logs(b, math.inf, least_s))
    return Ratio(
        paired=False,
        n=m,
        n_b=n,
        needs_n=SIDE_MIN,
        ratio=_between(_middle(low, m * n), _middle(high, m * n)),
        low=_unlogged(_kth(low, cut.rank)),
        high=_unlogged(_kth(high, m * n + 1 - cut.rank)),
        coverage_ratio=cut.coverage_ratio,
    )


def _logs(times: Sequence[float | None], beyond: float, least_s: float) -> Floats:
    """Logs of times; ``beyond`` stands for those that were not back. ValueError for what is no time."""
    if any(t is not None and not math.isfinite(t) for t in times):
        raise ValueError("a time is not finite; give None for what was not back within the horizon")
    return np.array([beyond if t is None else math.log(max(t, least_s)) for t in times], dtype=np.float64)


class _Many:
    """Very many numbers that are never written down: how many lie at or below a value, and their range.

    Those that are not finite count as well; the range is that of the others.
    """

    def __init__(self, up_to: Callable[[float], int], low: float, high: float) -> None:
        self.up_to, self.low, self.high = up_to, low, high


def _differences(x: Floats, y: Floats) -> _Many:
    """All y - x."""
    ordered = np.sort(y)

    def up_to(value: float) -> int:
        return int(np.searchsorted(ordered, value + x, side="right").sum())

    finite_x, finite_y = x[np.isfinite(x)], y[np.isfinite(y)]
    if not finite_x.size or not finite_y.size:
        return _Many(up_to, 0.0, 0.0)
    return _Many(up_to, float(finite_y.min() - finite_x.max()), float(finite_y.max() - finite_x.min()))


def _averages(ordered: Floats) -> _Many:
    """All averages of two of the sorted values, each with itself, too."""

    def up_to(value: float) -> int:
        both = int(np.searchsorted(ordered, 2 * value - ordered, side="right").sum())
        return (both + int(np.searchsorted(ordered, value, side="right"))) // 2

    finite = ordered[np.isfinite(ordered)]
    return _Many(up_to, float(finite.min()), float(finite.max())) if finite.size else _Many(up_to, 0.0, 0.0)


def _kth(many: _Many, k: int) -> float:
    """The k-th smallest of many numbers, by halving; infinite where it is none of those that are not."""
    low, high = many.low - 1e-9, many.high + 1e-9  # sums of logs round
    if many.up_to(low) >= k:
        return -math.inf
    if many.up_to(high) < k:
        return math.inf
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if many.up_to(middle) >= k else (middle, high)
    return high


def _middle(many: _Many, total: int) -> float:
    one, other = _kth(many, (total + 1) // 2), _kth(many, total // 2 + 1)
    return one if one == other else (one + other) / 2


def _between(low: float, high: float) -> float | None:
    """The middle of where a ratio may lie; None where that has an open end."""
    return _unlogged((low + high) / 2) if math.isfinite(low) and math.isfinite(high) else None


def _unlogged(value: float) -> float | None:
    return round(math.exp(value), DIGITS) if math.isfinite(value) else None
