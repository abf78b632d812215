"""Exact tests on counts, on numpy alone: the windows of the change-back test and the baseline's trend.

In: counts. Out: critical counts and p-values. Nothing here is an approximation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def log_factorials(n: int) -> Floats:
    """log(0!), log(1!), ..., log(n!); shape (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1, dtype=np.float64)))])


def binomial_pmf(n: int, p: float) -> Floats:
    """P(X = 0), ..., P(X = n) for X ~ Bin(n, p); shape (n + 1,).

    >>> binomial_pmf(2, 0.5).round(12).tolist()
    [0.25, 0.5, 0.25]
    """
    if p <= 0 or p >= 1:
        certain = np.zeros(n + 1)
        certain[0 if p <= 0 else n] = 1.0
        return certain
    k = np.arange(n + 1, dtype=np.float64)
    logs = log_factorials(n)
    log_pmf: Floats = logs[n] - logs - logs[::-1] + k * np.log(p) + (n - k) * np.log1p(-p)
    pmf: Floats = np.exp(log_pmf)
    return pmf


def critical_count(n: int, limit_ratio: float, level_ratio: float) -> int:
    """Smallest b with P(Bin(n, limit) >= b) <= level; n + 1 where no count is that rare.

    >>> critical_count(250, 0.02, 0.05), critical_count(250, 0.0, 0.05), critical_count(1, 0.5, 0.05)
    (10, 1, 2)
    """
    tail = np.cumsum(binomial_pmf(n, limit_ratio)[::-1])[::-1]  # tail[b] = P(X >= b)
    rare = np.flatnonzero(tail <= level_ratio)
    return int(rare[0]) if rare.size else n + 1


def critical_counts(sizes: Ints, limit_ratio: float, level_ratio: float) -> Ints:
    """``critical_count`` of every entry of ``sizes``; computed once a distinct size."""
    distinct, where = np.unique(sizes, return_inverse=True)
    counts = np.array([critical_count(int(n), limit_ratio, level_ratio) for n in distinct], dtype=np.int64)
    return counts[where].reshape(sizes.shape)


def halves_p_value(bad: tuple[int, int], units: tuple[int, int]) -> float:
    """Fisher's exact two-sided p-value that two halves share one bad share.

    Sums the hypergeometric probabilities that do not exceed the observed one (R. A. Fisher, 1935).

    >>> round(halves_p_value((1, 9), (10, 10)), 5)
    0.00109
    """
    n1, n2 = units
    total = bad[0] + bad[1]
    if n1 == 0 or n2 == 0 or total == 0:
        return 1.0
    logs = log_factorials(n1 + n2)
    k = np.arange(max(0, total - n2), min(n1, total) + 1)
    chosen = logs[n1] - logs[k] - logs[n1 - k] + logs[n2] - logs[total - k] - logs[n2 - total + k]
    probability = np.exp(chosen - (logs[n1 + n2] - logs[total] - logs[n1 + n2 - total]))
    seen = probability[bad[0] - k[0]]
    # 1 + 1e-7: tables of equal probability differ by rounding (the same guard as R's fisher.test).
    return min(1.0, float(probability[probability <= seen * (1 + 1e-7)].sum()))
