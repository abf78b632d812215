"""Decided rows in batches, as components: what the healer's scans look at.

Comes in: feature rows with scores, versions and the instant of their event. Goes out: batches by number.
Where the watch knows a cycle, a batch is drawn from all rows of a half hour of the world (``spread``); else
it has every row. Batches of an earlier life are not kept: a scan begins anew, and misses some hundred rows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from operator import attrgetter
from statistics import median_low

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.calendar import phase_of
from reference_pipeline.healing.detectors.histogram import Bins, score_components
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.newest import newer
from reference_pipeline.records import DAY_S, Record
from reference_pipeline.spread import Spread

Floats = NDArray[np.float64]

_HOUR_S = 3600.0
_DICE = 11
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
    """Rows as they came, all of them: the watched features of each, None = missing; and the score of each.

    ``hour``: of the day, 0 to 23, of the middle one.
    """

    number: int
    hour: int
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
    """Batches of one learner; without a watch there are none. ``bins``: of the scores of a version.

    ``serving``: the version that scored most of the newest hundred rows, "" where none did.
    """

    def __init__(self, watch: RowWatch | None, bins: Callable[[str], Bins | None]) -> None:
        self._watch = watch
        self._bins = bins
        self._waiting: list[Scored] = []
        self._waiting_raw: list[Scored] = []
        cyclic = watch is not None and watch.period > 1
        self._spread = Spread[Scored](watch.batch, np.random.default_rng(_DICE)) if watch and cyclic else None
        self._made: deque[Batch] = deque(maxlen=_KEPT)
        self._raw: deque[RawBatch] = deque(maxlen=_RAW_KEPT)
        self._number = self._raw_number = 0
        self.serving = ""

    def take(self, rows: Sequence[Scored]) -> None:
        """Take decided rows in, in their order."""
        if self._watch is None:
            return
        size = self._watch.batch
        for one in rows:
            self._waiting += self._spread.take(one, one.event_s) if self._spread else (one,)
        while len(self._waiting) >= size:
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            self._number += 1
            self._made.append(self._batch(self._watch, batch))
        self._waiting_raw += rows
        while len(self._waiting_raw) >= size:
            batch, self._waiting_raw = self._waiting_raw[:size], self._waiting_raw[size:]
            self._raw_number += 1
            self.serving = _scored_most(batch)
            self._raw.append(_raw(self._watch, batch, self._raw_number))

    @property
    def last(self) -> int:
        """Number of the newest batch; 0 before the first."""
        return self._number

    @property
    def last_raw(self) -> int:
        """Number of the newest raw batch; 0 before the first."""
        return self._raw_number

    def page(self, after: int, limit: int) -> list[Batch]:
        """Give at most ``limit`` batches with a number above ``after``."""
        return newer(self._made, attrgetter("number"), after, limit)

    def raw_page(self, after: int, limit: int) -> list[RawBatch]:
        """Give the rows of at most ``limit`` of the newest batches, with a number above ``after``."""
        return newer(self._raw, attrgetter("number"), after, limit)

    def _batch(self, watch: RowWatch, batch: Sequence[Scored]) -> Batch:
        names = [one.name for one in watch.watched.categories]
        nulls = np.array([[one.record.get(name) is None for name in names] for one in batch], dtype=np.bool_)
        rows = watch.row_components(np.array([one.row for one in batch]), nulls)
        version = _scored_most(batch)
        bins = self._bins(version) if version else None
        own = np.array([one.score for one in batch if one.model == version])
        scores = score_components(bins, own) if bins else None
        return Batch(
            number=self._number,
            phase=phase_of(median_low(one.event_s for one in batch)),
            rows=[] if rows is None else rows.tolist(),
            version=version,
            scores=[] if scores is None else scores.tolist(),
        )


def _scored_most(batch: Sequence[Scored]) -> str:
    ((version, count),) = Counter(one.model for one in batch).most_common(1)
    return version if count >= _MOST_RATIO * len(batch) else ""


def _raw(watch: RowWatch, batch: Sequence[Scored], number: int) -> RawBatch:
    columns = list(watch.watched.features.values())
    values = np.array([one.row for one in batch])[:, columns].tolist()
    rows = [[None if isnan(v) else v for v in row] for row in values]
    scores = [one.score for one in batch]
    hour = int(median_low(one.event_s for one in batch) % DAY_S // _HOUR_S)
    return RawBatch(number=number, hour=hour, rows=rows, scores=scores)
