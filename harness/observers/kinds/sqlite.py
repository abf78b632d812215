"""One value of a SQLite database, read by a query over a read-only connection that changes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from harness.observers.fetch import Unseen
from harness.shell import monotonic_s

STEPS_BETWEEN_LOOKS = 10_000
"""So many steps of SQLite's machine (well under a millisecond) pass between two looks at the clock."""
TEXT_MAX = 100
BYTES_MAX = 4 << 20
DIGITS = 12
_IS_WAL = b"\2\2"
"""In the header of a database whose writers keep a log beside it; readers make that log where it is not."""


@dataclass(frozen=True, slots=True)
class SqliteValue:
    """``query`` gives one row of one column; it is given up after ``within_s``, a busy database as well."""

    file: Path
    query: str
    within_s: float

    def look(self) -> str | None:
        """Give the value as text; None for no row and for NULL."""
        try:
            if not self.file.is_file():
                raise Unseen("there is no such file")
            rows = self._rows()
        except (sqlite3.Error, sqlite3.Warning, OverflowError, OSError) as error:
            raise Unseen(f"{type(error).__name__}: {error}") from error
        if len(rows) > 1 or any(len(row) != 1 for row in rows):
            raise Unseen("the query gives more than one value")
        return None if not rows or rows[0][0] is None else _text(rows[0][0])

    def _rows(self) -> list[tuple[object, ...]]:
        """Read it; where a log would be made by looking, as a file that nobody has changed meanwhile."""
        before = self._at_rest()
        if before is None:
            return self._asked("mode=ro")
        try:
            rows = self._asked("mode=ro&immutable=1")
        except sqlite3.Error:
            if self._at_rest() == before:
                raise
        else:
            if self._at_rest() == before:
                return rows
        return self._asked("mode=ro")  # a writer has come, and with it the log

    def _at_rest(self) -> tuple[int, int] | None:
        """When the file was written last, and its length, where it keeps a log and has none now."""
        if Path(f"{self.file}-wal").exists():
            return None
        with self.file.open("rb") as opened:
            state = os.fstat(opened.fileno())
            return (state.st_mtime_ns, state.st_size) if opened.read(20)[18:] == _IS_WAL else None

    def _asked(self, how: str) -> list[tuple[object, ...]]:
        until_s = monotonic_s() + self.within_s
        name = f"{self.file.absolute().as_uri()}?{how}"
        with contextlib.closing(sqlite3.connect(name, uri=True, timeout=self.within_s)) as base:
            base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, BYTES_MAX)
            base.set_progress_handler(lambda: monotonic_s() > until_s, STEPS_BETWEEN_LOOKS)
            base.execute("PRAGMA query_only = ON")
            return base.execute(self.query).fetchmany(2)


def _text(value: object) -> str:
    """Write it out where it is short; else by its hash: a change of its end is a change."""
    data = value if isinstance(value, bytes) else str(value).encode()
    if isinstance(value, bytes) or len(data) > TEXT_MAX:
        return f"sha256 {hashlib.sha256(data).hexdigest()[:DIGITS]}"
    return str(value)
