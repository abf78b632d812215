"""Have rows or scores moved, are fields refused? Told, and no reason to touch the model: most do no harm.

Comes in: batches of the learner. Goes out: ``detected`` entries, once an episode. Where rows cannot be judged
that is paged, once: silence would look like quiet.
"""

from __future__ import annotations

from reference_pipeline.healing.detectors.refused import refused_baseline, refused_components
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.model_ports import Experience, RowBatch
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.healing.served_scores import ServedScores
from reference_pipeline.healing.stream import Stream

ROWS, FIELDS = "rows", "fields"
_PAGE = 100


class Moved:
    """The scans of one system; ``alarms`` counts batches that were called moved."""

    def __init__(self, experience: Experience, scribe: Scribe, watch: RowWatch) -> None:
        self._experience = experience
        self._scribe = scribe
        self._why = watch.why
        self._rows = Stream(ROWS, scribe, watch.rows) if watch.rows else None
        self._scores = ServedScores(experience, scribe, watch.scores)
        self._fields: Stream | None = None
        self._last = self._last_refused = 0
        self.alarms = 0

    async def look(self) -> None:
        """Take new batches in.

        Raises:
            CallFailed, StoreFailed: learner or journal failed; the next look goes on.
        """
        if self._why:
            self._scribe.tell(ROWS, "page", f"nothing can be said of rows: {self._why}")
        await self._look_at_fields()
        page = await self._experience.batches(self._last, _PAGE)
        if page.last < self._last:  # another life of the learner: it counts anew
            self._last = 0
            return
        for batch in page.batches:
            self._take(batch)
            self._last = batch.number
        self._scores.serves(page.serving)
        await self._scores.look()

    async def _look_at_fields(self) -> None:
        page = await self._experience.refused(self._last_refused, _PAGE)
        if page.last < self._last_refused:
            self._last_refused = 0
            return
        if self._fields is None:
            self._fields = Stream(FIELDS, self._scribe, refused_baseline(page.names))
        for batch in page.batches:
            self.alarms += self._fields.take(refused_components(batch.counts).tolist(), 0)
            self._last_refused = batch.number

    def _take(self, batch: RowBatch) -> None:
        if self._rows is not None:
            self.alarms += self._rows.take(batch.rows, batch.phase)
        self.alarms += self._scores.take(batch)
