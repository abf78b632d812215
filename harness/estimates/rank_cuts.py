"""How many values a rank interval leaves out at each end: exact null distributions for few values.

In: how many pairs, or how many values on each side. Out: a ``Cut``: the interval reaches from the c-th
smallest to the c-th largest of all averages or differences (Hodges and Lehmann, 1963).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from harness.estimates.quantiles import DIGITS, TAIL_RATIO

PAIRS_MIN, SIDE_MIN = 6, 4
"""The fewest pairs, and the fewest values on each of two sides of one size, that give an interval."""
_Z = 1.959964
_EXACT_PAIRS, _EXACT_PRODUCT = 100, 2500  # above, the normal curve differs by a rank or two


class Cut(NamedTuple):
    """``rank`` is c, 0 = so few values give no interval; how often the interval holds the truth."""

    rank: int
    coverage_ratio: float


@lru_cache(maxsize=256)
def signed_rank_cut(n: int) -> Cut:
    """Of the n (n + 1) / 2 averages of two (Wilcoxon's signed ranks).

    >>> [signed_rank_cut(n).rank for n in (5, 6, 10, 20)], signed_rank_cut(6).coverage_ratio
    ([0, 1, 9, 53], 0.96875)
    """
    total = n * (n + 1) // 2
    if n > _EXACT_PAIRS:
        return _normal_cut(total / 2, math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for rank in range(1, n + 1):
        chance[rank:] = (chance[rank:] + chance[: total + 1 - rank]) / 2
        chance[:rank] /= 2
    below = np.cumsum(chance)
    count = int(np.searchsorted(below, TAIL_RATIO, side="right"))
    return Cut(count, round(1 - 2 * float(below[count - 1]), DIGITS) if count else 1.0)


@lru_cache(maxsize=256)
def rank_sum_cut(m: int, n: int) -> Cut:
    """Of the m n differences (Mann and Whitney, 1947).

    >>> [rank_sum_cut(*sizes).rank for sizes in ((3, 3), (3, 5), (4, 4), (10, 10), (20, 20))]
    [0, 1, 1, 24, 128]
    """
    if m * n > _EXACT_PRODUCT:
        return _normal_cut(m * n / 2, math.sqrt(m * n * (m + n + 1) / 12))
    orders = math.comb(m + n, n)
    count = outside = 0
    for more in _orders(m, n):
        if outside + more > TAIL_RATIO * orders:
            break
        count, outside = count + 1, outside + more
    return Cut(count, round(1 - 2 * outside / orders, DIGITS))


def _normal_cut(centre: float, spread: float) -> Cut:
    count = math.floor(centre - 0.5 - _Z * spread) + 1
    return Cut(count, round(1 - 2 * float(ndtr((count - 0.5 - centre) / spread)), DIGITS))


def _orders(m: int, n: int) -> list[int]:
    """In how many orders of m and n values the statistic is 0, 1, ...: a Gaussian binomial."""
    counts = [1] + [0] * (m * n)
    for i in range(1, n + 1):
        for u in range(m * n, m + i - 1, -1):
            counts[u] -= counts[u - m - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    return counts
