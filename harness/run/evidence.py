"""Where a run keeps what it has seen: a folder of the store.

Comes in: events, the healer's words. Goes out: what was written so far. What the driver writes by itself lies
beside it and is read here. A run on a virtual clock keeps the same in memory (``simulated``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from harness.history.events import Event
from harness.history.store import RunFolder
from harness.observers.reading import JournalLine

OBSERVATIONS, JOURNAL = "observations.bin", "journal.jsonl"
TAINT, RESENDS, STREAM = "taint.jsonl", "resends.jsonl", "stream.jsonl"


class Evidence(Protocol):
    """What one run keeps."""

    def append(self, event: Event, /) -> object:
        """Put an event into the history; OSError where that cannot be written."""
        ...

    def keep_words(self, lines: Sequence[JournalLine], /) -> None:
        """Keep lines of the healer's journal as they came."""
        ...

    def written(self, name: str, /) -> bytes:
        """What the driver has written so far into the file of that name; b"" for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FolderEvidence:
    """See ``Evidence``; ``hide`` takes out of words what must not be written."""

    folder: RunFolder
    hide: Callable[[str], str] = str

    def append(self, event: Event, /) -> object:
        """See ``Evidence``."""
        return self.folder.writer.append(event)

    def keep_words(self, lines: Sequence[JournalLine], /) -> None:
        """See ``Evidence``."""
        with (self.folder.path / JOURNAL).open("ab") as journal:
            for line in lines:
                words = self.hide(words_of(line).decode(errors="surrogateescape"))
                journal.write(words.encode(errors="surrogateescape"))

    def written(self, name: str, /) -> bytes:
        """See ``Evidence``."""
        path: Path = self.folder.path / name
        return path.read_bytes() if path.exists() else b""


def words_of(line: JournalLine) -> bytes:
    """One line of ``journal.jsonl``: when we had it, and the healer's words as they came."""
    words = {"received_s": line.received_s, "line": msgspec.Raw(line.line)}
    return msgspec.json.encode(words) + b"\n"
