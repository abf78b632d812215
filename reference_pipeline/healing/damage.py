"""Damage in the rows that are learned from: a sentinel is left out of them, and meanwhile training is held.

Comes in: batches of decided rows as they are. Goes out: wishes to leave a value of a column out of what is
learned and compared, and to take that back when the value has not come for a while; and why training is
held. Moved rows are no damage: only a value that stands for a missing one is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.acts import Quarantine, Release
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.detectors.pointmass import PointMass, Sample, point_mass, sample_of
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.model_ports import Experience
from reference_pipeline.healing.raw_rows import RawBatch
from reference_pipeline.healing.scribe import Facts, Scribe

Floats = NDArray[np.float64]

_PAGE = 20
_WINDOW = 4  # batches of a hundred rows that are looked at together
_GONE = 100  # batches without the value


@dataclass(slots=True)
class _Column:
    """A column: its sample, what came lately, and batches in a row without the value left out."""

    sample: Sample
    recent: deque[Floats] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    without: int = 0


class Damage:
    """The columns of one system, looked at for values that stand for missing ones."""

    def __init__(self, experience: Experience, scribe: Scribe, watch: RowWatch) -> None:
        self._experience = experience
        self._scribe = scribe
        self._columns = {name: _Column(sample_of(np.asarray(one))) for name, one in watch.samples().items()}
        self._found: dict[str, PointMass] = {}
        self._last = 0

    async def look(self) -> list[Wish]:
        """Take new batches in and say what should be left out, and what no longer.

        Raises:
            CallFailed, StoreFailed: learner or journal failed; the next look goes on.
        """
        page = await self._experience.raw_batches(self._last, _PAGE)
        if page.last < self._last:  # another life of the learner: it counts anew
            self._last = 0
            return []
        for batch in page.batches:
            self._take(batch)
            self._last = batch.number
        return [*self._to_leave_out(), *self._to_release()]

    def why_held(self) -> str:
        """Say why nothing may be trained now: damage is seen that is not left out yet; "" if it may."""
        left_out = self._scribe.books.quarantined
        open_ = [name for name, one in self._found.items() if left_out.get(name) != one.value]
        return (
            f"training is held: {', '.join(open_)} has a value that stands for a missing one" if open_ else ""
        )

    def _take(self, batch: RawBatch) -> None:
        rows = np.array(batch.rows, dtype=np.float64)  # None becomes NaN
        left_out = self._scribe.books.quarantined
        for number, column in enumerate(self._columns.values()):
            column.recent.append(rows[:, number])
        lately = {name: (np.concatenate(one.recent), one.sample) for name, one in self._columns.items()}
        for number, (name, column) in enumerate(self._columns.items()):
            values = rows[:, number]
            beside = [one for other, one in lately.items() if other != name]
            found = point_mass(*lately[name], beside=beside)
            if found:
                self._found[name] = found
            elif name not in left_out:
                self._found.pop(name, None)
            gone = name in left_out and not (values == left_out[name]).any()
            column.without = column.without + 1 if gone else 0

    def _to_leave_out(self) -> Iterator[Wish]:
        left_out = self._scribe.books.quarantined
        for name, one in self._found.items():
            if left_out.get(name) == one.value:
                continue
            act = Quarantine(column=name, value=one.value)
            facts: Facts = {"times": one.times, "of": one.of}
            wish = self._scribe.wish(act, f"{name} is {one.value:g} in {one.times} of {one.of} rows", facts)
            self._scribe.found("detected", wish, f"{name} has a value that stands for a missing one")
            yield wish

    def _to_release(self) -> Iterator[Wish]:
        left_out: Mapping[str, float] = self._scribe.books.quarantined
        for name, value in left_out.items():
            if name in self._columns and self._columns[name].without >= _GONE:
                self._found.pop(name, None)
                act = Release(column=name, value=value)
                yield self._scribe.wish(act, f"{value:g} has not come in {_GONE} batches")
