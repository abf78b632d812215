"""Means over runs with Student's t interval.

In: one figure a run. The interval assumes nearly normal figures; with rare large losses it is too
short below some 40 runs, which is why no claim of recovery rests on a mean.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import stdtrit

from harness.estimates.model import Mean

DIGITS = 6
AS_OF_MIN = 2.0


def mean(values: Sequence[float], *, widened: float = 1.0) -> Mean:
    """Mean with a two-sided 95 % t interval; no interval below two values, no mean without any.

    ``widened``: the interval is that of len(values) / ``widened`` values of the same spread. Raises
    ValueError for a value that is not finite.

    >>> mean([1.0, 2.0, 3.0])
    Mean(n=3, mean=2.0, low=-0.484138, high=4.484138)
    >>> mean([]).mean is None, mean([2.5]).high is None
    (True, True)
    """
    n = len(values)
    if not all(math.isfinite(v) for v in values):
        raise ValueError("a value is not finite; leave out what was not measured")
    if n == 0:
        return Mean(n=0, mean=None, low=None, high=None)
    # Sorted: the same runs in another order must give the same digits.
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    centre = float(ordered.mean())
    as_of = n / widened
    if n == 1 or as_of < AS_OF_MIN:
        return Mean(n=n, mean=round(centre, DIGITS), low=None, high=None)
    half = float(stdtrit(as_of - 1, 0.975)) * float(ordered.std(ddof=1)) / math.sqrt(as_of)
    low, high = round(centre - half, DIGITS), round(centre + half, DIGITS)
    return Mean(n=n, mean=round(centre, DIGITS), low=low, high=high)


def mean_of_sums(n: int, total: int, squares: int, unit: float = 1.0) -> Mean:
    """The same of ``n`` whole numbers by their sum and the sum of their squares, each times ``unit``.

    Exact until the last step: integers of any size, so the order in which they came does not matter.

    >>> mean_of_sums(3, 6, 14)
    Mean(n=3, mean=2.0, low=-0.484138, high=4.484138)
    """
    if n == 0:
        return Mean(n=0, mean=None, low=None, high=None)
    centre = total / n * unit
    if n == 1:
        return Mean(n=1, mean=round(centre, DIGITS), low=None, high=None)
    spread = math.sqrt((n * squares - total * total) / (n * (n - 1))) * unit
    half = float(stdtrit(n - 1, 0.975)) * spread / math.sqrt(n)
    low, high = round(centre - half, DIGITS), round(centre + half, DIGITS)
    return Mean(n=n, mean=round(centre, DIGITS), low=low, high=high)


def of_runs(figures: Iterable[tuple[str, float]]) -> dict[str, float]:
    """One figure a run of (run, figure): of several the mean.

    >>> of_runs([("a", 1.0), ("a", 3.0), ("b", 4.0)])
    {'a': 2.0, 'b': 4.0}
    """
    runs: dict[str, list[float]] = defaultdict(list)
    for run_id, figure in figures:
        runs[run_id].append(figure)
    return {run_id: sum(sorted(of_run)) / len(of_run) for run_id, of_run in runs.items()}


def run_mean(figures: Iterable[tuple[str, float]], *, widened: float = 1.0) -> Mean:
    """Mean over runs of (run, figure); a run with several figures gives their mean, once.

    >>> run_mean([("a", 1.0), ("a", 3.0), ("b", 4.0)]).mean
    3.0
    """
    return mean(list(of_runs(figures).values()), widened=widened)
