"""B beside A in everything but recovery times: what was not back, service lost, false heals.

In: counts, figures of runs, rates. Out: ``NotBack``, ``Difference``, ``RateRatio``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr, stdtrit

from harness.episodes.binomial import halves_p_value
from harness.estimates.compared import Difference, NotBack, RateRatio
from harness.estimates.counts import Rate
from harness.estimates.means import mean
from harness.estimates.model import Mean
from harness.estimates.shares import lower_bound, share, upper_bound

DIGITS = 6
_SIDE_RATIO = 0.975


def not_back(
    a: Sequence[float | None],
    b: Sequence[float | None],
    pairs: Sequence[tuple[float | None, float | None]] | None = None,
) -> NotBack:
    """Count what was not back on each side; ``pairs`` None: nothing ties the two sides together.

    >>> found = not_back([1.0] * 10, [None] * 5 + [1.0] * 5)
    >>> found.a.k, found.b.k, found.p_value
    (0, 5, 0.032508)
    >>> not_back([None], [1.0], [(None, 1.0)]).p_value
    1.0
    """
    lost_a, lost_b = sum(t is None for t in a), sum(t is None for t in b)
    only_a = sum(one is None and other is not None for one, other in pairs or ())
    only_b = sum(one is not None and other is None for one, other in pairs or ())
    p_value = None
    if pairs:
        p_value = min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
    elif pairs is None and a and b:
        p_value = halves_p_value((lost_a, lost_b), (len(a), len(b)))
    return NotBack(
        paired=pairs is not None,
        a=share(lost_a, len(a)),
        b=share(lost_b, len(b)),
        only_a=only_a,
        only_b=only_b,
        p_value=None if p_value is None else round(p_value, DIGITS),
    )


def difference(
    a: Sequence[float],
    b: Sequence[float],
    pairs: Sequence[tuple[float, float]] | None = None,
    *,
    cut: tuple[bool, bool] = (False, False),
) -> Difference:
    """Compare means over runs: within ``pairs`` by Student's t, else by Welch's.

    >>> difference([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]).change
    Mean(n=3, mean=2.0, low=-2.1554, high=6.1554)
    >>> difference([1.0, 2.0], [1.5, 2.7], [(1.0, 1.5), (2.0, 2.7)]).change.mean
    0.6
    """
    change = _welch(a, b) if pairs is None else mean([other - one for one, other in pairs])
    return Difference(
        paired=pairs is not None, a=mean(a), b=mean(b), change=change, cut_a=cut[0], cut_b=cut[1]
    )


def rate_ratio(a: Rate, b: Rate) -> RateRatio:
    """Compare two rates of events that come by themselves (Przyborowski and Wilenski, 1940).

    >>> found = rate_ratio(Rate(k=20, hours=10, per_h=2, upper_per_h=3), Rate(k=5, hours=10, per_h=0.5,
    ...     upper_per_h=1))
    >>> found.ratio, found.low, found.high, found.p_value
    (0.25, 0.07332, 0.686447, 0.004077)
    """
    total = a.k + b.k
    if not (a.hours > 0 and b.hours > 0):
        return RateRatio(a=a, b=b, why="not every side was looked at for any time")
    if a.clustered or b.clustered:
        return RateRatio(a=a, b=b, why="they come in clusters, so none comes by itself")
    if not total:
        return RateRatio(a=a, b=b, why="none was seen on either side")
    even = b.hours / (a.hours + b.hours)
    low, high = lower_bound(b.k, total, _SIDE_RATIO), upper_bound(b.k, total, _SIDE_RATIO)
    tails = float(bdtr(b.k, total, even)), 1 - float(bdtr(b.k - 1, total, even)) if b.k else 1.0
    return RateRatio(
        a=a,
        b=b,
        ratio=round(b.k * a.hours / (a.k * b.hours), DIGITS) if a.k else None,
        low=round(low / (1 - low) * a.hours / b.hours, DIGITS),
        high=round(high / (1 - high) * a.hours / b.hours, DIGITS) if high < 1 else None,
        p_value=round(min(1.0, 2 * min(tails)), DIGITS),
    )


def _welch(a: Sequence[float], b: Sequence[float]) -> Mean:
    """B - A with Welch's interval, which takes no spread for the other's; ``n`` is of the smaller one."""
    n = min(len(a), len(b))
    if not n:
        return Mean(n=0, mean=None, low=None, high=None)
    x, y = np.sort(np.asarray(a, dtype=np.float64)), np.sort(np.asarray(b, dtype=np.float64))
    centre = float(y.mean() - x.mean())
    if n == 1:
        return Mean(n=1, mean=round(centre, DIGITS), low=None, high=None)
    parts = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    spread = math.fsum(parts)
    if not spread:
        return Mean(n=n, mean=round(centre, DIGITS), low=round(centre, DIGITS), high=round(centre, DIGITS))
    freedom = spread**2 / (parts[0] ** 2 / (len(x) - 1) + parts[1] ** 2 / (len(y) - 1))
    half = float(stdtrit(freedom, _SIDE_RATIO)) * math.sqrt(spread)
    return Mean(
        n=n, mean=round(centre, DIGITS), low=round(centre - half, DIGITS), high=round(centre + half, DIGITS)
    )
