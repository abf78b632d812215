"""The scan as it ships, and the article's recipes, each as a contestant."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from benchmarks.detectors.measure import RUN_LENGTH, Contestant, Detector
from benchmarks.detectors.streams import NUMBERS, SHARES, Batch, Floats, Past
from reference_pipeline.healing.detectors.baseline import fit_baseline
from reference_pipeline.healing.detectors.columns import Table, components, make_reference
from reference_pipeline.healing.detectors.scan import Scan, step
from reference_pipeline.seed.drift_tests import chi_square_p_value, ks_p_value, psi

PACKAGES = ("numpy", "scipy")


def _table(batch: Batch) -> Table:
    return Table(numbers=batch.numbers, categories=batch.codes[:, None])


class WindowScan:
    """Its threshold is of its own fit; the statistic is told relative to it."""

    def __init__(self, past: Past) -> None:
        self._reference = make_reference(
            _table(past.reference),
            numbers=tuple(f"number {column}" for column in range(NUMBERS)),
            categories={"category": tuple(f"level {level}" for level in range(len(SHARES)))},
        )
        history = np.array([components(self._reference, _table(batch)) for batch in past.history])
        self._baseline = fit_baseline(
            history,
            self._reference.groups,
            period=past.period,
            run_length=RUN_LENGTH,
            dice=np.random.default_rng(past.seed),
        )
        self._state, self._batch = Scan.fresh(self._baseline), 0

    def see(self, batch: Batch) -> float:
        """Take one batch in; the past ends with a cycle."""
        found = components(self._reference, _table(batch))
        self._state, reading = step(self._baseline, self._state, found, self._batch)
        self._batch += 1
        return math.nan if reading.statistic is None else reading.statistic - self._baseline.threshold


class LeastPValue:
    """M-05 and M-22, the tests: the least p-value over columns, by its logarithm."""

    def __init__(self, past: Past, *, numbers: bool, category: bool) -> None:
        self._reference, self._numbers, self._category = past.reference, numbers, category

    def see(self, batch: Batch) -> float:
        """Test each column anew."""
        found = []
        if self._numbers:
            columns = zip(self._reference.numbers.T, batch.numbers.T, strict=True)
            found += [ks_p_value(known, values) for known, values in columns]
        if self._category:
            found.append(chi_square_p_value(self._reference.codes, batch.codes, len(SHARES)))
        return -math.log10(max(min(found), 1e-300))


class Psi:
    """M-22, the index: over the fixed range of the article, or over deciles of the reference."""

    def __init__(self, past: Past, *, deciles: bool) -> None:
        self._reference = past.reference.numbers
        self._edges = np.quantile(self._reference, np.arange(1, 10) / 10, axis=0) if deciles else None

    def see(self, batch: Batch) -> float:
        """Give the greatest index of a column; NaN is greater than nothing, as in the article."""
        found = -math.inf
        for column in range(NUMBERS):
            known, values = self._reference[:, column], batch.numbers[:, column]
            if self._edges is None:
                index = psi(known, values)
            else:
                # Places among the deciles, laid into the middles of ten bins of (0, 1).
                index = psi(*[self._place(column, one) for one in (known, values)])
            found = index if index > found else found
        return found

    def _place(self, column: int, values: Floats) -> Floats:
        assert self._edges is not None
        return np.asarray((np.searchsorted(self._edges[:, column], values) + 0.5) / 10.0)


def _ks(past: Past) -> Detector:
    return LeastPValue(past, numbers=True, category=False)


def _chi_square(past: Past) -> Detector:
    return LeastPValue(past, numbers=False, category=True)


def _ensemble(past: Past) -> Detector:
    return LeastPValue(past, numbers=True, category=True)


def _psi_fixed(past: Past) -> Detector:
    return Psi(past, deciles=False)


def _psi_deciles(past: Past) -> Detector:
    return Psi(past, deciles=True)


CONTESTANTS: Mapping[str, Contestant] = {
    "window scan": Contestant(WindowScan, own_threshold=True),
    "article KS": Contestant(_ks),
    "article chi-square": Contestant(_chi_square),
    "article KS and chi-square": Contestant(_ensemble),
    "article PSI, range 0 to 1": Contestant(_psi_fixed),
    "PSI over deciles": Contestant(_psi_deciles),
}
