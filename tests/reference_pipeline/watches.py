"""A small watch over rows of one number, and versions that score them; no template is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.stored import Past, RowWatch, make_row_watch
from reference_pipeline.records import FeatureSpec, FieldSpec

Floats = NDArray[np.float64]

SPEC = FeatureSpec(
    kind="columns",
    fields=(FieldSpec(name="amount", type="number"),),
    features=("amount",),
    time_field="at",
)
FIRST = "1.0.0+a"


@dataclass(frozen=True)
class Scorer:
    """A model of one number: its score is a power of it."""

    power: float = 4.0
    features: tuple[str, ...] = ("amount",)

    def score(self, rows: Floats) -> Floats:
        return np.asarray(np.asarray(rows, dtype=np.float64)[:, 0] ** self.power)


def stored_rows() -> Floats:
    """Rows of numbers in [0, 1), in the order of time."""
    return np.random.default_rng(1).random((10_000, 1))


def small_watch() -> RowWatch:
    """Batches of 20 rows, no cycle; ``FIRST`` serves first."""
    rows = stored_rows()
    past = Past(rows=rows, nulls=np.zeros((len(rows), 0), dtype=np.bool_), period=1, learned=False)
    return make_row_watch(past, Scorer().score, spec=SPEC, version=FIRST, dice=np.random.default_rng(2))


def few_rows() -> RowWatch:
    """The watch of a system that was prepared from 900 rows, all of them learned from."""
    rows = stored_rows()[:900]
    past = Past(rows=rows, nulls=np.zeros((len(rows), 0), dtype=np.bool_), period=1, learned=True)
    return make_row_watch(past, Scorer().score, spec=SPEC, version=FIRST, dice=np.random.default_rng(2))
