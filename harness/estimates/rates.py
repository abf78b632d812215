"""Rates of rare events over time that was looked at, with an exact upper bound after Poisson.

In: of each run its events and the hours that were looked at, and what was seen in runs that could not be
looked at whole. Out: ``Rate``. The bound takes events as independent, so it is not given where they lie in
fewer runs than chance would put them in (index of dispersion, Fisher 1922).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import chdtrc, gammaincinv

from harness.estimates.counts import Rate

LEVEL_RATIO = 0.95
DIGITS = 6  # as of shares


def rate(runs: Sequence[tuple[int, float]], blind: Sequence[int] = ()) -> Rate:
    """Put runs of (events, hours) together; ``blind``: events seen in each run that was not seen whole.

    >>> nothing = rate([(0, 0.25), (0, 0.75)])
    >>> nothing.k, nothing.hours, nothing.per_h, nothing.upper_per_h
    (0, 1.0, 0.0, 2.995732)
    >>> rate([(1, 1.0), (1, 1.0)]).upper_per_h, rate([(9, 1.0), (0, 1.0)]).clustered, rate([], [2]).blind_k
    (3.147897, True, 2)
    """
    k, hours = sum(events for events, _ in runs), math.fsum(length_h for _, length_h in runs)
    clustered = _clustered(runs, k, hours)
    return Rate(
        k=k,
        hours=round(hours, DIGITS),
        per_h=round(k / hours, DIGITS) if hours > 0 else None,
        upper_per_h=None if clustered or not hours > 0 else round(upper_bound_per_h(k, hours), DIGITS),
        clustered=clustered,
        blind=len(blind),
        blind_k=sum(blind),
    )


def upper_bound_per_h(k: int, hours: float) -> float:
    """One-sided exact 95 % upper bound of a rate: half the chi-square quantile of 2k + 2 over the hours.

    >>> round(upper_bound_per_h(0, 1.0), 3), round(upper_bound_per_h(3, 2.0), 3)
    (2.996, 3.877)
    """
    return float(gammaincinv(k + 1, LEVEL_RATIO)) / hours


def interval_per_h(k: int, hours: float) -> tuple[float, float]:
    """Exact two-sided 95 % interval of a rate (Garwood 1936); no hours, no bound.

    >>> [round(end, 3) for end in (*interval_per_h(0, 1.0), *interval_per_h(3, 2.0))]
    [0.0, 3.689, 0.309, 4.384]
    """
    if not hours > 0:
        return 0.0, math.inf
    outside = (1 - LEVEL_RATIO) / 2
    low = float(gammaincinv(k, outside)) if k else 0.0
    return low / hours, float(gammaincinv(k + 1, 1 - outside)) / hours


def _clustered(runs: Sequence[tuple[int, float]], k: int, hours: float) -> bool:
    """Whether events lie in fewer runs than they would if each came by itself, at 5 %."""
    looked = [(events, k * length_h / hours) for events, length_h in runs if length_h > 0] if k > 1 else []
    spread = sum((events - expected) ** 2 / expected for events, expected in looked)
    return len(looked) > 1 and float(chdtrc(len(looked) - 1, spread)) < 1 - LEVEL_RATIO
