"""Decided rows in batches, as components: what the healer's scans look at.

Comes in: feature rows with scores, versions and the hour of their event. Goes out: batches by number. Those
of an earlier life are not kept: a scan begins anew, and misses some hundred rows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median_low

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.histogram import Bins, score_components
from reference_pipeline.healing.detectors.stored import PHASES, RowWatch
from reference_pipeline.records import DAY_S, Record

Floats = NDArray[np.float64]

_KEPT = 2000
_RAW_KEPT = 50
_MOST_RATIO = 0.75  # of a batch that one version must have scored: of fewer a share is another number


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """``version``: which scored most of the batch, "" where none scored three quarters of it.

    ``scores``: components of the scores that it gave; empty where it has no reference yet.
    """

    number: int
    phase: int
    rows: list[float]
    version: str
    scores: list[float]


class RawBatch(msgspec.Struct, frozen=True, kw_only=True):
    """The same rows as they are: the watched features of each, None = missing; and the score of each."""

    number: int
    phase: int
    rows: list[list[float | None]]
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Scored:
    """One decided row; ``model`` "" where a fallback answered. ``event_s`` in seconds of the world."""

    row: Floats
    record: Record
    score: float
    model: str
    event_s: float


class Batches:
    """Batches of one learner; without a watch there are none. ``bins``: of the scores of a version."""

    def __init__(self, watch: RowWatch | None, bins: Callable[[str], Bins | None]) -> None:
        self._watch = watch
        self._bins = bins
        self._waiting: list[Scored] = []
        self._made: deque[Batch] = deque(maxlen=_KEPT)
        self._raw: deque[RawBatch] = deque(maxlen=_RAW_KEPT)
        self._number = 0

    def take(self, rows: Sequence[Scored]) -> None:
        """Take decided rows in, in their order."""
        if self._watch is None:
            return
        self._waiting += rows
        size = self._watch.batch
        while len(self._waiting) >= size:
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            self._number += 1
            made = self._batch(self._watch, batch)
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

    def _batch(self, watch: RowWatch, batch: Sequence[Scored]) -> Batch:
        names = [one.name for one in watch.watched.categories]
        nulls = np.array([[one.record.get(name) is None for name in names] for one in batch], dtype=np.bool_)
        rows = watch.row_components(np.array([one.row for one in batch]), nulls)
        version = _scored_most(batch)
        bins = self._bins(version) if version else None
        own = np.array([one.score for one in batch if one.model == version])
        scores = score_components(bins, own) if bins else None
        hour = int(median_low(one.event_s for one in batch) % DAY_S / DAY_S * PHASES)
        return Batch(
            number=self._number,
            phase=min(hour, PHASES - 1),
            rows=[] if rows is None else rows.tolist(),
            version=version,
            scores=[] if scores is None else scores.tolist(),
        )


def _scored_most(batch: Sequence[Scored]) -> str:
    ((version, count),) = Counter(one.model for one in batch).most_common(1)
    return version if count >= _MOST_RATIO * len(batch) else ""


def _raw(watch: RowWatch, batch: Sequence[Scored], made: Batch) -> RawBatch:
    columns = list(watch.watched.features.values())
    rows = [[None if np.isnan(v) else float(v) for v in one.row[columns]] for one in batch]
    scores = [one.score for one in batch]
    return RawBatch(number=made.number, phase=made.phase, rows=rows, scores=scores)
