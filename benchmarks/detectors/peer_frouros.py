"""frouros' MMD and KS test on batches; runs in an environment of its own."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors.measure import Contestant, Detector
from benchmarks.detectors.streams import SHARES, Batch, Past

PACKAGES = ("frouros", "numpy", "scipy")
KERNEL_ROWS = 500
"""Rows of the reference in the kernel: more cost more, and find little more beside batches of 100."""

_data_drift = importlib.import_module("frouros.detectors.data_drift")
_rbf_kernel = importlib.import_module("frouros.utils.kernels").rbf_kernel


def _with_levels(batch: Batch) -> NDArray[np.float64]:
    """A category enters a kernel by a column of each level."""
    return np.column_stack([batch.numbers, np.eye(len(SHARES))[batch.codes]])


class Mmd:
    """Kernel width by the median of distances, the usual choice; its default is for one column."""

    def __init__(self, past: Past) -> None:
        reference = _with_levels(past.reference)[:KERNEL_ROWS]
        apart = np.square(reference[:100, None] - reference[None, :100]).sum(axis=-1)
        width = math.sqrt(float(np.median(apart[apart > 0])) / 2.0)
        self._detector = _data_drift.MMD(kernel=functools.partial(_rbf_kernel, sigma=width))
        self._detector.fit(X=reference)

    def see(self, batch: Batch) -> float:
        """Compare the batch with the reference."""
        return float(self._detector.compare(X=_with_levels(batch))[0].distance)


class Ks:
    """A test a column, the category by its code."""

    def __init__(self, past: Past) -> None:
        self._detectors = []
        for values in past.reference.table().T:
            detector = _data_drift.KSTest()
            detector.fit(X=values)
            self._detectors.append(detector)

    def see(self, batch: Batch) -> float:
        """Give the least p-value, by its logarithm."""
        columns = zip(self._detectors, batch.table().T, strict=True)
        least = min(float(detector.compare(X=values)[0].p_value) for detector, values in columns)
        return -math.log10(max(least, 1e-300))


def _mmd(past: Past) -> Detector:
    return Mmd(past)


def _ks(past: Past) -> Detector:
    return Ks(past)


CONTESTANTS: Mapping[str, Contestant] = {
    "frouros MMD": Contestant(_mmd),
    "frouros KS": Contestant(_ks),
}
