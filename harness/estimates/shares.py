"""Shares with exact intervals: k of n, after Clopper and Pearson (Biometrika 26, 1934).

In: counts of episodes or runs (never of requests: those of one run are not independent).
"""

from __future__ import annotations

import math

from scipy.special import betaincinv

from harness.estimates.model import Share

LEVEL_RATIO = 0.95
DIGITS = 6  # a millionth; finer digits differ between builds of scipy


def lower_bound(k: int, n: int, level_ratio: float = LEVEL_RATIO, *, widened: float = 1.0) -> float:
    """One-sided exact lower bound of a share; 0 without data. ``widened``: as of the same share of fewer.

    >>> round(lower_bound(29, 29), 4), round(lower_bound(28, 28), 4), lower_bound(0, 0)
    (0.9019, 0.8985, 0.0)
    """
    _check(k, n)
    return 0.0 if k == 0 else float(betaincinv(k / widened, (n - k) / widened + 1, 1 - level_ratio))


def upper_bound(k: int, n: int, level_ratio: float = LEVEL_RATIO, *, widened: float = 1.0) -> float:
    """One-sided exact upper bound of a share; 1 without data. ``widened``: as of the same share of fewer.

    >>> round(upper_bound(0, 20), 3), round(upper_bound(0, 100), 3), upper_bound(0, 0)
    (0.139, 0.03, 1.0)
    """
    _check(k, n)
    return 1.0 if k == n else float(betaincinv(k / widened + 1, (n - k) / widened, level_ratio))


def share(k: int, n: int, *, widened: float = 1.0) -> Share:
    """``k`` of ``n`` with its exact two-sided 95 % interval, or with that of n / ``widened``.

    >>> share(0, 20)
    Share(k=0, n=20, low_ratio=0.0, high_ratio=0.168433)
    >>> share(0, 40, widened=2.0).high_ratio
    0.168433
    """
    level = 1 - (1 - LEVEL_RATIO) / 2
    return Share(
        k=k,
        n=n,
        low_ratio=round(lower_bound(k, n, level, widened=widened), DIGITS),
        high_ratio=round(upper_bound(k, n, level, widened=widened), DIGITS),
    )


def all_pass_n(at_least_ratio: float, level_ratio: float = LEVEL_RATIO) -> int | None:
    """How many passes without a failure prove a share of ``at_least_ratio``; None for 1: no number does.

    >>> [all_pass_n(p) for p in (0.9, 0.95, 0.99, 1.0)]
    [29, 59, 299, None]
    """
    if at_least_ratio >= 1:
        return None
    if at_least_ratio <= 0:
        return 1
    return max(1, math.ceil(math.log(1 - level_ratio) / math.log(at_least_ratio)))


def _check(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share: give 0 <= k <= n")
