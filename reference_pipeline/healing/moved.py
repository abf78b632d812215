"""Have rows or scores moved? Told, and never a reason to touch the model: most moves do no harm.

Comes in: batches of the learner. Goes out: ``detected`` entries that name column, direction and since when,
once an episode. An episode ends when a hundred batches in a row were quiet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.scan import Baseline, Scan, step
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.model_ports import Experience, RowBatch
from reference_pipeline.healing.scribe import Facts, Scribe

ROWS, SCORES = "rows", "scores"
_PAGE = 100
_QUIET = 100  # batches


@dataclass(slots=True)
class _Stream:
    """One scan; ``quiet``: batches since the last alarm."""

    target: str
    baseline: Baseline
    scan: Scan
    quiet: int = 0

    def see(self, components: list[float], phase: int) -> Reading:
        values = np.array(components) if components else None
        self.scan, reading = step(self.baseline, self.scan, values, phase)
        return reading


class Moved:
    """The scans of one system; ``alarms`` counts batches that were called moved."""

    def __init__(self, experience: Experience, scribe: Scribe, watch: RowWatch) -> None:
        self._experience = experience
        self._scribe = scribe
        self._streams = {
            ROWS: _Stream(ROWS, watch.rows, Scan.fresh(watch.rows)),
            SCORES: _Stream(SCORES, watch.scores, Scan.fresh(watch.scores)),
        }
        self._last = 0
        self.alarms = 0

    async def look(self) -> None:
        """Take new batches in.

        Raises:
            CallFailed, StoreFailed: learner or journal failed; the next look goes on.
        """
        page = await self._experience.batches(self._last, _PAGE)
        if page.last < self._last:  # another life of the learner: it counts anew
            self._last = 0
            return
        for batch in page.batches:
            self._take(batch)
            self._last = batch.number

    def _take(self, batch: RowBatch) -> None:
        for name, components in ((ROWS, batch.rows), (SCORES, batch.scores)):
            stream = self._streams[name]
            reading = stream.see(list(components), batch.phase)
            if reading.says == "alarm":
                self.alarms += 1
                stream.quiet = 0
                self._tell(stream, reading)
            elif reading.says == "quiet":
                stream.quiet += 1
                if stream.quiet == _QUIET:
                    self._scribe.close(name)

    def _tell(self, stream: _Stream, reading: Reading) -> None:
        facts: Facts = {
            "batches": reading.window,
            "statistic": round(reading.statistic or 0.0, 3),
            "threshold": round(reading.threshold or 0.0, 3),
        }
        self._scribe.saw_once(stream.target, f"{reading.where} has moved: {reading.how}", facts)
