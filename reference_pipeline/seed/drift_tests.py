"""M-05 and M-22: tests of each feature, production against training, batch by batch.

Comes in: the training sample and a batch, as columns. Goes out: p-values, population stability indices, and
whether the recipe says "drifted". Nothing is corrected for many features, for autocorrelation, or for looking
again and again: that is how the recipes are written.

Known defects. KS: with ten features some 40 % of clean batches of 100 rows have one below p = 0.05, with
twenty 65 %, and with 100,000 rows any harmless difference is below it. Ten drifted batches in a row (M-05)
cannot come before ten batches, and hardly come at all for a move that one batch in three does not show. PSI
over the fixed range (0, 1): whatever lies outside is in no bin, so shares of nothing are NaN, and NaN > 0.2
is false: blind to amounts that grow tenfold. Where training has an empty bin and the batch has not, or the
other way round, it is infinite, and fires on a single row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

P_LESS = 0.05
IN_A_ROW = 10
PSI_MORE, PSI_MORE_ELSEWHERE = 0.2, 0.25  # the article has both; the arm takes the one that fires earlier
PSI_BINS = 10
PSI_RANGE = (0.0, 1.0)


def ks_p_value(training: Floats, batch: Floats) -> float:
    """Give the p-value of the two-sample Kolmogorov-Smirnov test, as the library gives it."""
    from scipy import stats  # half a second, in the arm ``seed`` alone

    return float(stats.ks_2samp(training, batch).pvalue)


def chi_square_p_value(training: NDArray[np.int64], batch: NDArray[np.int64], levels: int) -> float:
    """Give the p-value of the chi-square test of two samples of a category with ``levels`` levels.

    Levels that neither has are left out; a batch without rows has p = NaN, which is no drift.
    """
    from scipy import stats

    table = np.array([np.bincount(training, minlength=levels), np.bincount(batch, minlength=levels)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return float("nan")
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def psi(training: Floats, batch: Floats) -> float:
    """Give the population stability index over ten bins of the fixed range (0, 1), as the recipe codes it.

    >>> round(psi(np.linspace(0, 1, 100), np.linspace(0, 1, 100) ** 2), 2)
    0.39
    >>> psi(np.array([3.0, 30.0]), np.array([300.0, 3000.0]))
    nan
    """
    before, _ = np.histogram(training, bins=PSI_BINS, range=PSI_RANGE)
    after, _ = np.histogram(batch, bins=PSI_BINS, range=PSI_RANGE)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected, actual = before / before.sum(), after / after.sum()
        return float(((actual - expected) * np.log(actual / expected)).sum())


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns by name: numbers, and codes of categories with how many levels each has."""

    numbers: Mapping[str, Floats]
    categories: Mapping[str, NDArray[np.int64]]
    levels: Mapping[str, int]


def sample_of(columns: Mapping[str, Floats]) -> Sample:
    """Make a sample of columns of features, each without its missing values; what has no value is left out.

    Features "field=level" of one field are that category: only counts are compared, so its codes stand in no
    order. Rows that have none of the levels have one more.

    >>> found = sample_of({"sum": np.array([5.0]), "way=a": np.array([0.0, 1.0, 0.0]), "way=b": np.zeros(3)})
    >>> list(found.numbers), found.categories["way"].tolist(), found.levels
    (['sum'], [0, 2, 2], {'way': 3})
    """
    fields: dict[str, list[Floats]] = {}
    for name, values in columns.items():
        field, is_level, _ = name.partition("=")
        if is_level:
            fields.setdefault(field, []).append(values)
    categories = {field: _codes(levels) for field, levels in fields.items() if any(map(len, levels))}
    return Sample(
        numbers={name: values for name, values in columns.items() if "=" not in name and values.size},
        categories=categories,
        levels={field: len(fields[field]) + 1 for field in categories},
    )


def _codes(levels: Sequence[Floats]) -> NDArray[np.int64]:
    counts = [int((values == 1.0).sum()) for values in levels]
    counts.append(max(0, max(map(len, levels)) - sum(counts)))
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


class KsInARow:
    """M-05: act once ``in_a_row`` batches in a row have a feature with p < 0.05."""

    def __init__(self, training: Sample, in_a_row: int = IN_A_ROW) -> None:
        self._training = training
        self._in_a_row = in_a_row
        self._drifted = 0

    def see(self, batch: Sample) -> bool:
        """Take one batch in; True where the recipe acts now."""
        known = self._training.numbers
        p_values = [ks_p_value(known[name], values) for name, values in batch.numbers.items()]
        self._drifted = self._drifted + 1 if min(p_values, default=1.0) < P_LESS else 0
        return self._drifted >= self._in_a_row


def ensemble_says(training: Sample, batch: Sample, *, psi_more: float = PSI_MORE) -> dict[str, str]:
    """M-22: name the features that drifted, and by which test; any of them is "drift".

    Numbers by PSI > ``psi_more`` or KS p < 0.05, categories by chi-square p < 0.05. NaN is beyond no
    threshold.
    """
    found: dict[str, str] = {}
    for name, values in batch.numbers.items():
        if psi(training.numbers[name], values) > psi_more:
            found[name] = "psi"
        elif ks_p_value(training.numbers[name], values) < P_LESS:
            found[name] = "ks"
    for name, codes in batch.categories.items():
        if chi_square_p_value(training.categories[name], codes, training.levels[name]) < P_LESS:
            found[name] = "chi-square"
    return found
