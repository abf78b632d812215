"""river's ADWIN and PageHinkley, one a column, row by row; runs in an environment of its own."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping

from benchmarks.detectors.measure import Contestant, Detector
from benchmarks.detectors.streams import Batch, Past

PACKAGES = ("river", "numpy")
DELTAS = (1e-4, 0.002, 0.05)
"""Its default is 0.002. Only some are tried: it tells whether it fired, and gives no statistic."""

WARM = 50  # batches of the past that are shown before anything is counted

_drift = importlib.import_module("river.drift")


class Adwin:
    """All of ``DELTAS`` side by side: the stricter the one that fires, the greater the statistic."""

    def __init__(self, past: Past, deltas: tuple[float, ...] = DELTAS) -> None:
        columns = past.reference.numbers.shape[1] + 1
        self._detectors = [(delta, [_drift.ADWIN(delta=delta) for _ in range(columns)]) for delta in deltas]
        for batch in past.history[-WARM:]:
            self.see(batch)

    def see(self, batch: Batch) -> float:
        """Show every row to every column's detector."""
        found = 0.0
        columns = batch.table().T.tolist()
        for delta, detectors in self._detectors:
            fired = [_fired(detector, values) for detector, values in zip(detectors, columns, strict=True)]
            if any(fired):
                found = max(found, -math.log10(delta))
        return found


def _fired(detector: object, values: list[float]) -> bool:
    fired = False
    for value in values:
        detector.update(value)  # type: ignore[attr-defined]
        fired |= detector.drift_detected  # type: ignore[attr-defined]
    return fired


class PageHinkley:
    """Its sums, without a threshold: it would begin anew at each alarm."""

    def __init__(self, past: Past) -> None:
        columns = past.reference.numbers.shape[1] + 1
        self._detectors = [_drift.PageHinkley(threshold=math.inf) for _ in range(columns)]
        for batch in past.history[-WARM:]:
            self.see(batch)

    def see(self, batch: Batch) -> float:
        """Give the greatest statistic of any row in any column."""
        found = 0.0
        for detector, values in zip(self._detectors, batch.table().T.tolist(), strict=True):
            for value in values:
                detector.update(value)
                up = detector._sum_increase - detector._min_increase
                down = detector._max_decrease - detector._sum_decrease
                found = max(found, up, down)
        return found


def _adwin(past: Past) -> Detector:
    return Adwin(past)


def _one_adwin(past: Past) -> Detector:
    return Adwin(past, DELTAS[1:2])


def _page_hinkley(past: Past) -> Detector:
    return PageHinkley(past)


CONTESTANTS: Mapping[str, Contestant] = {
    "river ADWIN": Contestant(_adwin, timed=_one_adwin),
    "river PageHinkley": Contestant(_page_hinkley),
}
