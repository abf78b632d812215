"""Quantiles with exact, distribution-free intervals from order statistics (David and Nagaraja, 2003).

In: times, ``None`` where the event did not come within the horizon. Such a time counts as larger than
all others, which is exact for any quantile that lies among the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr

from harness.estimates.model import Quantile

TAIL_RATIO = 0.025
DIGITS = 6


def needed_n(q: float) -> int:
    """Fewest values for a two-sided 95 % interval of the quantile ``q``.

    >>> needed_n(0.5), needed_n(0.9)
    (6, 36)
    """
    return math.ceil(math.log(TAIL_RATIO) / math.log(max(q, 1 - q)))


def ranks(n: int, q: float, *, widened: float = 1.0) -> tuple[int, int]:
    """Ranks (from 1) of the order statistics that bracket the quantile; 0 or n + 1 = unbounded.

    ``widened``: those that lie where the ranks of n / ``widened`` values would.

    >>> ranks(10, 0.5), ranks(20, 0.5), ranks(36, 0.9), ranks(35, 0.9)
    ((2, 9), (6, 15), (29, 36), (28, 36))
    """
    places = np.arange(n + 1, dtype=np.float64) / widened
    as_of = math.floor(n / widened)
    # P(at most k values lie below the quantile), each end rounded to the side that makes the interval longer
    low = int(np.searchsorted(bdtr(np.minimum(np.ceil(places), as_of), as_of, q), TAIL_RATIO))
    high = int(np.searchsorted(bdtr(np.minimum(np.floor(places), as_of), as_of, q), 1 - TAIL_RATIO)) + 1
    return low, high


def coverage(n: int, q: float) -> float:
    """How often the order statistics of these ranks bracket the quantile.

    >>> coverage(10, 0.5)
    0.978516
    """
    low, high = ranks(n, q)
    return round(float(bdtr(high - 1, n, q) - bdtr(low - 1, n, q)), DIGITS)


def quantile(times_s: Sequence[float | None], q: float, *, widened: float = 1.0) -> Quantile:
    """The quantile ``q`` of ``times_s`` with its exact interval; no figure below ``needed_n``.

    ``widened``: the interval is that of n / ``widened`` times, and so many more are needed.

    Raises ValueError for NaN: a time that is not known is no time, and no event is ``None``.

    >>> found = quantile([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, None], 0.5)
    >>> found.value_s, found.low_s, found.high_s, found.coverage_ratio
    (5.5, 2.0, 9.0, 0.978516)
    """
    n, needs = len(times_s), math.ceil(needed_n(q) * widened)
    ordered = sorted(math.inf if t is None else t for t in times_s)
    if any(math.isnan(t) for t in ordered):
        raise ValueError("a time is NaN; give None for what did not end within the horizon")
    if n < needs:
        return Quantile(q=q, n=n, needs_n=needs, value_s=None, low_s=None, high_s=None, coverage_ratio=None)
    low, high = ranks(n, q, widened=widened)
    return Quantile(
        q=q,
        n=n,
        needs_n=needs,
        value_s=_finite(_value(ordered, q)),
        low_s=_finite(ordered[low - 1]),
        high_s=_finite(ordered[high - 1]),
        coverage_ratio=coverage(n, q),
    )


def _value(ordered: Sequence[float], q: float) -> float:
    """The sample quantile: the smallest x with share(values <= x) >= q, the midpoint where that is a tie."""
    place = len(ordered) * q
    rank = math.ceil(round(place, 9))
    tie = abs(place - rank) < 1e-9 and rank < len(ordered)
    return (ordered[rank - 1] + ordered[rank]) / 2 if tie else ordered[rank - 1]


def _finite(time_s: float) -> float | None:
    return round(time_s, DIGITS) if math.isfinite(time_s) else None
