"""A histogram of whole milliseconds that merges exactly: 1 % wide buckets, counts in integers.

Comes in: times. Goes out: counts, quantiles to half a bucket, intervals of quantiles widened to bucket edges.
Two histograms added give the same as one over all times, in whatever order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping

from harness.estimates.model import Quantile
from harness.estimates.quantiles import needed_n, ranks

MS_MAX = 100_000_000


def _edges() -> list[int]:
    """Lower edges: every millisecond up to 100, then each 1 % above the one before; integers alone."""
    edges = [0]
    while edges[-1] < MS_MAX:
        edges.append(max(edges[-1] + 1, edges[-1] * 101 // 100))
    return edges


_EDGES = _edges()


def bucket(time_ms: int) -> int:
    """Which bucket a time lies in.

    >>> bucket(0), bucket(7), bucket(1000) == bucket(1004)
    (0, 7, True)
    """
    if time_ms < 0:
        raise ValueError(f"{time_ms} ms is no time")
    return bisect_right(_EDGES, min(time_ms, MS_MAX)) - 1


def low_ms(place: int) -> int:
    """The lower edge of a bucket."""
    return _EDGES[place]


def high_ms(place: int) -> int:
    """The largest time in a bucket."""
    return _EDGES[place + 1] - 1 if place + 1 < len(_EDGES) else MS_MAX


def quantile(counts: Mapping[int, int], beyond: int, q: float) -> Quantile:
    """The quantile ``q`` of all times and ``beyond`` more that were larger than any, in seconds.

    The value is the middle of its bucket; the interval is exact by ranks, then widened to the edges of its
    buckets. None where a rank lies among those beyond.

    >>> found = quantile({bucket(1000): 6, bucket(2000): 4}, 0, 0.5)
    >>> found.value_s, found.low_s, found.high_s
    (1.001, 0.996, 2.009)
    """
    places = sorted(counts)
    n, needs = sum(counts.values()) + beyond, needed_n(q)
    if n < needs:
        return Quantile(q=q, n=n, needs_n=needs, value_s=None, low_s=None, high_s=None, coverage_ratio=None)

    def at(rank: int) -> int | None:
        seen = 0
        for place in places:
            seen += counts[place]
            if rank <= seen:
                return place
        return None

    low, high = ranks(n, q)
    value, under, over = at(math.ceil(round(n * q, 9))), at(low), at(high)
    return Quantile(
        q=q,
        n=n,
        needs_n=needs,
        value_s=None if value is None else (low_ms(value) + high_ms(value)) / 2000,
        low_s=None if under is None else low_ms(under) / 1000,
        high_s=None if over is None else high_ms(over) / 1000,
        coverage_ratio=None,
    )
