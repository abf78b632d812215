"""The scores of the version that serves: are they like those of the one before, and have they moved since?

Comes in: batches that name who scored them, and what the learner knows of that version. Goes out: entries
that say ``detected``. The scan begins anew with each version. Its beginning is judged apart: on the stored
rows, its scores must have the law of those of the version last trusted. What the healer itself has let serve
is trusted: it was compared row by row, on labels.
"""

from __future__ import annotations

import numpy as np

from reference_pipeline.healing.detectors.scores import ScoreReference, likeness
from reference_pipeline.healing.model_ports import Experience, RowBatch
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.healing.stream import Stream

SCORES = "scores"


class ServedScores:
    """Scores of one system; ``first``: those of the version that it was prepared with."""

    def __init__(self, experience: Experience, scribe: Scribe, first: ScoreReference) -> None:
        self._experience = experience
        self._scribe = scribe
        self._first = first
        self._trusted = first.sample
        self._version = ""
        self._stream: Stream | None = None
        self._open: set[str] = set()  # versions of which not all is known that will be
        self._judged: set[str] = set()

    async def look(self) -> None:
        """Ask for what is not known yet of versions that serve, or have served.

        Raises:
            CallFailed, StoreFailed: learner or journal failed; the next look goes on.
        """
        for version in sorted(self._open):
            told = await self._experience.version_scores(version)
            found = ScoreReference(
                version=version,
                sample=np.array(told.sample),
                baseline=told.baseline.as_baseline() if told.baseline else None,
                why=told.why,
            )
            self._learn(found, waiting=told.waiting)

    def take(self, batch: RowBatch) -> bool:
        """Take one batch in; tell whether it is an alarm.

        Raises:
            StoreFailed: the journal cannot be written.
        """
        if self._stream is None or batch.version != self._version:  # or most of it came before a change
            return False
        # A learner in another life has forgotten the reference: asked again, it makes it again.
        if not batch.scores:
            self._open.add(self._version)
        return self._stream.take(batch.scores, batch.phase)

    def serves(self, version: str) -> None:
        """Note who serves now, "" where nobody does alone: another one than before begins anew."""
        if not version or version == self._version:
            return
        self._scribe.close(SCORES)
        self._version, self._stream = version, None
        self._judged.discard(version)
        self._open.add(version)
        if version == self._first.version:
            self._learn(self._first, waiting=False)

    def _learn(self, found: ScoreReference, *, waiting: bool) -> None:
        serves = found.version == self._version
        if found.sample.size and found.version not in self._judged:
            self._judge(found)
            self._judged.add(found.version)
        if serves and self._stream is None and found.baseline is not None:
            self._stream = Stream(SCORES, self._scribe, found.baseline)
        if serves and found.why and not waiting:
            why = f"nothing can be said of scores of {found.version}: {found.why}"
            self._scribe.tell(SCORES, "page", why)
        if not waiting or (found.sample.size and not serves):
            self._open.discard(found.version)

    def _judge(self, found: ScoreReference) -> None:
        """Compare with the version last trusted, on the same stored rows."""
        reading = likeness(self._trusted, found.sample)
        books = self._scribe.books
        if found.version in books.promoted - books.failed or reading.says != "alarm":
            self._trusted = found.sample
            return
        facts: Facts = {"apart": round(reading.statistic or 0.0, 3), "version": found.version}
        self._scribe.saw_once(SCORES, f"{reading.where} has moved with the version: {reading.how}", facts)
