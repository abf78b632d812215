"""Decided rows in batches of a hundred, as components: what the healer's scans look at.

Comes in: feature rows with scores, versions and the hour of their event. Goes out: batches by number. Those
of an earlier life are not kept: a scan begins anew, and misses some hundred rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.stored import BATCH, PHASES, RowWatch
from reference_pipeline.records import DAY_S

Floats = NDArray[np.float64]

_KEPT = 2000
_RAW_KEPT = 50


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """``scores`` empty: not all of the batch were scored by the version that the scan knows."""

    number: int
    phase: int
    rows: list[float]
    scores: list[float]


class RawBatch(msgspec.Struct, frozen=True, kw_only=True):
    """The same rows as they are: the watched features of each, None = missing; and the score of each."""

    number: int
    phase: int
    rows: list[list[float | None]]
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Scored:
    """One decided row; ``event_s`` in seconds of the world."""

    row: Floats
    score: float
    model: str
    event_s: float


class Batches:
    """Batches of one learner; without a watch there are none."""

    def __init__(self, watch: RowWatch | None) -> None:
        self._watch = watch
        self._waiting: list[Scored] = []
        self._made: deque[Batch] = deque(maxlen=_KEPT)
        self._raw: deque[RawBatch] = deque(maxlen=_RAW_KEPT)
        self._number = 0

    def take(self, rows: Sequence[Scored]) -> None:
        """Take decided rows in, in their order."""
        if self._watch is None:
            return
        self._waiting += rows
        while len(self._waiting) >= BATCH:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._number += 1
            made = _made(self._watch, batch, self._number)
            self._made.append(made)
            self._raw.append(_raw(self._watch, batch, made))

    @property
    def last(self) -> int:
        """Number of the newest batch; 0 before the first."""
        return self._number

    def page(self, after: int, limit: int) -> list[Batch]:
        """Give at most ``limit`` batches with a number above ``after``."""
        return [one for one in self._made if one.number > after][:limit]

    def raw_page(self, after: int, limit: int) -> list[RawBatch]:
        """Give the rows of at most ``limit`` of the newest batches, with a number above ``after``."""
        return [one for one in self._raw if one.number > after][:limit]


def _made(watch: RowWatch, batch: Sequence[Scored], number: int) -> Batch:
    rows = watch.row_components(np.array([one.row for one in batch]))
    known = all(one.model == watch.version for one in batch)
    scores = watch.score_components(np.array([one.score for one in batch])) if known else None
    hour = int(median_low(one.event_s for one in batch) % DAY_S / DAY_S * PHASES)
    return Batch(
        number=number,
        phase=min(hour, PHASES - 1),
        rows=[] if rows is None else rows.tolist(),
        scores=[] if scores is None else scores.tolist(),
    )


def _raw(watch: RowWatch, batch: Sequence[Scored], made: Batch) -> RawBatch:
    rows = [[None if np.isnan(v) else float(v) for v in one.row[watch.watched]] for one in batch]
    scores = [one.score for one in batch]
    return RawBatch(number=made.number, phase=made.phase, rows=rows, scores=scores)
