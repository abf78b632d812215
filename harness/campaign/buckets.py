"""A histogram of whole milliseconds that merges exactly: buckets at most 1 % wide, counts in integers.

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
"""Over a day; no horizon is as long."""


def _edges() -> list[int]:
    """Lower edges: every millisecond up to 200, then each 1 % above the one before; integers alone."""
    edges = [0]
    while edges[-1] < MS_MAX:
        edges.append(max(edges[-1] + 1, edges[-1] * 101 // 100))
    return edges


_EDGES = _edges()


def bucket(time_ms: int) -> int:
    """Which bucket a time lies in; ValueError for what is no time of a run.

    >>> bucket(0), bucket(7), bucket(1000) == bucket(1004)
    (0, 7, True)
    """
    if not 0 <= time_ms < MS_MAX:
        raise ValueError(f"{time_ms} ms is no time of a run: give 0 to {MS_MAX - 1}")
    return bisect_right(_EDGES, time_ms) - 1


def low_ms(place: int) -> int:
    """The smallest time in a bucket."""
    return _EDGES[place]


def high_ms(place: int) -> int:
    """The largest time in a bucket."""
    return _EDGES[place + 1] - 1


def quantile(counts: Mapping[int, int], beyond: int, q: float) -> Quantile:
    """The quantile ``q`` of all times and ``beyond`` more that were larger than any, in seconds.

    The value is made of the middles of its buckets; the interval is exact by ranks, then widened to the edges
    of its buckets, so it covers at least as often (``coverage_ratio`` is not told). None where a rank lies
    among those beyond.

    >>> found = quantile({bucket(1000): 6, bucket(2000): 4}, 0, 0.5)
    >>> found.value_s, found.low_s, found.high_s
    (1.0, 0.996, 2.007)
    """
    n, needs = sum(counts.values()) + beyond, needed_n(q)
    if n < needs:
        return Quantile(q=q, n=n, needs_n=needs, value_s=None, low_s=None, high_s=None, coverage_ratio=None)
    ordered = _Ordered(counts)
    low, high = ranks(n, q)
    under, over = ordered.at(low), ordered.at(high)
    return Quantile(
        q=q,
        n=n,
        needs_n=needs,
        value_s=_value_s(ordered, n, q),
        low_s=None if under is None else low_ms(under) / 1000,
        high_s=None if over is None else high_ms(over) / 1000,
        coverage_ratio=None,
    )


class _Ordered:
    """Buckets by rank."""

    def __init__(self, counts: Mapping[int, int]) -> None:
        self._counts = sorted(counts.items())

    def at(self, rank: int) -> int | None:
        """The bucket of the time of this rank (from 1); None: it lies beyond all."""
        seen = 0
        for place, count in self._counts:
            seen += count
            if rank <= seen:
                return place
        return None


def _value_s(ordered: _Ordered, n: int, q: float) -> float | None:
    """The same sample quantile as of single times: between two of them where the share is met between."""
    place = n * q
    rank = math.ceil(round(place, 9))
    tie = abs(place - rank) < 1e-9 and rank < n
    found = ordered.at(rank), ordered.at(rank + tie)
    if found[0] is None or found[1] is None:
        return None
    return sum(low_ms(one) + high_ms(one) for one in found if one is not None) / 4000
