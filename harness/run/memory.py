"""Where a run on a virtual clock keeps what it has seen: in memory, as a folder would hold it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from harness.history.events import Entry, Event
from harness.observers.reading import JournalLine
from harness.run.evidence import words_of
from harness.run.virtual import VirtualWitness
from harness.simulation.clock import VirtualClock

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""When virtual time begins, for words that want a date."""


class MemoryEvidence:
    """See ``run.evidence.Evidence``. ``driver``: who writes observations, None before there is one."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.entries: list[Entry] = []
        self.words = bytearray()
        self.driver: VirtualWitness | None = None

    def append(self, event: Event, /) -> object:
        """See ``Evidence``."""
        now_s = self._clock.now_s()
        wall = (EPOCH + timedelta(seconds=now_s)).isoformat(timespec="milliseconds")
        self.entries.append(Entry(seq=len(self.entries) + 1, mono_s=now_s, wall=wall, event=event, chain=""))
        return self.entries[-1]

    def keep_words(self, lines: Sequence[JournalLine], /) -> None:
        """See ``Evidence``."""
        for line in lines:
            self.words += words_of(line)

    def written(self, name: str, /) -> bytes:
        """See ``Evidence``."""
        return bytes(self.driver.written.get(name, b"")) if self.driver else b""
