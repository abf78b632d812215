"""One value of a SQLite database, read by a query over a read-only connection that changes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from harness.observers.fetch import Unseen
from harness.shell import monotonic_s

STEPS_BETWEEN_LOOKS = 10_000
"""So many steps of SQLite's machine (well under a millisecond) pass between two looks at the clock."""
TEXT_MAX = 100
DIGITS = 12


@dataclass(frozen=True, slots=True)
class SqliteValue:
    """``query`` gives one row of one column; it is given up after ``within_s``, a busy database as well."""

    file: Path
    query: str
    within_s: float

    def look(self) -> str | None:
        """Give the value as text; None for no row and for NULL."""
        if not self.file.is_file():
            raise Unseen("there is no such file")
        try:
            rows = self._rows()
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise Unseen(f"{type(error).__name__}: {error}") from error
        if len(rows) > 1 or any(len(row) != 1 for row in rows):
            raise Unseen("the query gives more than one value")
        return None if not rows or rows[0][0] is None else _text(rows[0][0])

    def _rows(self) -> list[tuple[object, ...]]:
        until_s = monotonic_s() + self.within_s
        name = f"{self.file.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(name, uri=True, timeout=self.within_s)) as base:
            base.set_progress_handler(lambda: monotonic_s() > until_s, STEPS_BETWEEN_LOOKS)
            base.execute("PRAGMA query_only = ON")
            return base.execute(self.query).fetchmany(2)


def _text(value: object) -> str:
    """Write it out where it is short; else by its hash: a change of its end is a change."""
    data = value if isinstance(value, bytes) else str(value).encode()
    if isinstance(value, bytes) or len(data) > TEXT_MAX:
        return f"sha256 {hashlib.sha256(data).hexdigest()[:DIGITS]}"
    return str(value)
