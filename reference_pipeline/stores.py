"""The Store port on disk: SQLite in WAL mode with synchronous=FULL, one file, one owning process.

FULL, because with NORMAL a power cut loses committed rows (kill -9 alone does not show it).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from reference_pipeline.ports import Append, Row, StoreFailed


class SqliteStore:
    """Logs ``logs`` in the file ``path``, made if missing; open it in the process that uses it."""

    def __init__(self, path: Path, logs: Sequence[str]) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        for log in logs:
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS log_{log}"
                "(seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL)"
            )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS log_values(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._db.close()

    def commit(self, appends: Sequence[Append], values: Mapping[str, bytes] | None = None, /) -> list[int]:
        """See :meth:`reference_pipeline.ports.Store.commit`."""
        execute = self._db.execute
        seqs = []
        try:
            execute("BEGIN IMMEDIATE")
            for log, key, value in appends:
                done = execute(f"INSERT OR IGNORE INTO log_{log}(key, value) VALUES (?, ?)", (key, value))
                seqs.append(done.lastrowid or 0 if done.rowcount else 0)
            for key, value in (values or {}).items():
                execute("INSERT OR REPLACE INTO log_values VALUES (?, ?)", (key, value))
            execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                execute("ROLLBACK")
            raise StoreFailed(f"commit failed: {error}") from error
        return seqs

    def read(self, log: str, after: int, limit: int, /) -> list[Row]:
        """See :meth:`reference_pipeline.ports.Store.read`."""
        query = f"SELECT seq, key, value FROM log_{log} WHERE seq > ? ORDER BY seq LIMIT ?"
        try:
            return [Row(*row) for row in self._db.execute(query, (after, limit))]
        except sqlite3.Error as error:
            raise StoreFailed(f"read failed: {error}") from error

    def find(self, log: str, key: str, /) -> bytes | None:
        """See :meth:`reference_pipeline.ports.Store.find`."""
        try:
            row = self._db.execute(f"SELECT value FROM log_{log} WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise StoreFailed(f"read failed: {error}") from error
        return None if row is None else bytes(row[0])
