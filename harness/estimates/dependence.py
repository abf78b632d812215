"""Do runs of a class depend on each other? Correlation of each with the next one, as they were done.

In: one outcome a run. Out: ``Dependence``: the correlation of neighbouring ranks, how rarely chance gives as
much (a permutation test, exact in level whatever the outcomes look like), and by how much intervals widen
where it is found: an interval of n runs is then that of n / ``widened`` (docs/measurement.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.estimates.counts import Dependence

NEEDS_RUNS = 20
"""With so many runs a correlation of .6 is found in seven campaigns of ten, with 30 in nine of ten."""
LEVEL_RATIO = 0.05
CORRELATION_MAX = 0.9
DRAWS = 1999
DIGITS = 6
_SEED = 20_240_607
_AT_ONCE = 200


def dependence(outcomes: Sequence[float]) -> Dependence:
    """Test the outcomes of runs, in the order in which they were done; none of them may be NaN.

    >>> dependence([1.0] * 19)
    Dependence(n=19, needs_n=20, lag1=None, p=None, widened=1.0)
    >>> found = dependence([float(run) for run in range(20)])
    >>> found.lag1, found.p, found.widened
    (0.85, 0.0005, 19.0)
    """
    n = len(outcomes)
    ranks = _ranks(np.asarray(outcomes, dtype=np.float64))
    if n < NEEDS_RUNS or not ranks.any():
        return Dependence(n=n, needs_n=NEEDS_RUNS)
    lag1 = float(_lag1(ranks[None, :])[0])
    rng = np.random.default_rng(_SEED)
    as_much = 0
    for start in range(0, DRAWS, _AT_ONCE):
        rows = np.tile(ranks, (min(_AT_ONCE, DRAWS - start), 1))
        as_much += int((_lag1(rng.permuted(rows, axis=1)) >= lag1 - 1e-12).sum())
    p = (1 + as_much) / (1 + DRAWS)
    # The estimate lies too low by about (1 + 3 r) / n (Kendall 1954).
    likely = min(CORRELATION_MAX, max(0.0, (n * lag1 + 1) / (n - 3)))
    widened = (1 + likely) / (1 - likely) if p <= LEVEL_RATIO else 1.0
    return Dependence(
        n=n, needs_n=NEEDS_RUNS, lag1=round(lag1, DIGITS), p=round(p, DIGITS), widened=round(widened, DIGITS)
    )


def _ranks(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Midranks, their mean taken off: equal outcomes share one."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return (first + last - len(values)) / 2


def _lag1(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The serial correlation of each row; shape (rows,). Each row has the mean 0."""
    products: np.ndarray[tuple[int], np.dtype[np.float64]] = np.einsum("ij,ij->i", rows[:, :-1], rows[:, 1:])
    squares: np.ndarray[tuple[int], np.dtype[np.float64]] = np.einsum("ij,ij->i", rows, rows)
    return products / squares
