"""Where partitions land and results are found: files of a folder, or a table of an SQLite database.

Comes in: a ``Place`` and the state folder of the job. Goes out: rows, as every other reader would see them
now. Nothing of the job's is changed, and no lock is held longer than one reading; what cannot be read or
written now raises ``Shut``, and whoever calls comes again.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from harness.driver.partitions import Cell, Row
from harness.experiment.tables import NUMBER, Place, Table

_Record = Mapping[str, object]
ROWS_IN_TURN = 500
"""So many rows a look are read again, and one partition at least, though their number has not changed."""


class Shut(Exception):
    """The place could not be used now; the text says why."""


class Results(Protocol):
    """Looks at what a job has made."""

    def changed(self, names: Collection[str], doubted: Collection[str], /) -> dict[str, list[Row]]:
        """The rows of those partitions of ``names`` that may differ from what was given before.

        Those of ``doubted`` are read again whenever anything was written, the others in turn: rows may be
        written over without a change of their number. Raises ``Shut``.
        """
        ...

    def strays(self, names: Collection[str], /) -> dict[str, int]:
        """Rows under what is called as partitions are, by another number or other zeros than ``names`` have.

        A name of any other form is the job's own affair. Raises ``Shut``.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_results(table: Table, root: Path) -> Results:
    """Open the place of the results; it need not be there yet."""
    return _Files(table, root) if table.results.folder else _Database(table, root)


def make_ready(table: Table, root: Path) -> None:
    """Make the folder that partitions land in, so that a job may look into it before the first."""
    (root / table.lands.folder).mkdir(mode=0o700, parents=True, exist_ok=True)


def land(table: Table, root: Path, name: str, body: bytes) -> None:
    """Put a partition where it lands, whole or not at all; raises ``Shut``. ``body``: a JSON list."""
    records: list[dict[str, object]] = msgspec.json.decode(body)
    try:
        if table.lands.folder:
            _land_file(root / table.lands.folder, name, records)
        else:
            _land_rows(table.lands, root, name, records)
    except (OSError, sqlite3.Error) as error:
        raise Shut(f"{name} cannot land: {error}") from error


def _land_file(folder: Path, name: str, records: Sequence[_Record]) -> None:
    new = folder / f".{name}.new"
    new.write_bytes(_jsonl(records) if name.endswith(".jsonl") else _csv(records))
    new.replace(folder / name)


def _jsonl(records: Iterable[_Record]) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


def _csv(records: Sequence[_Record]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(records), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell_text(value) for name, value in record.items()} for record in records)
    return text.getvalue().encode()


def _cell_text(value: object) -> object:
    """As the reader of units takes it: true and false in small letters, nothing for null."""
    return ("false", "true")[value] if isinstance(value, bool) else "" if value is None else value


def _columns(records: Iterable[_Record]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))


def _land_rows(place: Place, root: Path, name: str, records: Sequence[_Record]) -> None:
    columns = [str(place.partition), *_columns(records)]
    named = ", ".join(map(_quoted, columns))
    wanted = ", ".join("?" for _ in columns)
    rows = [(name, *(_value(record.get(column)) for column in columns[1:])) for record in records]
    with contextlib.closing(sqlite3.connect(root / place.database, timeout=0)) as database, database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(f"CREATE TABLE IF NOT EXISTS {_quoted(str(place.table))} ({named})")
        database.executemany(f"INSERT INTO {_quoted(str(place.table))} ({named}) VALUES ({wanted})", rows)


def _value(value: object) -> Cell:
    if value is None or isinstance(value, str | int | float):
        return value
    return msgspec.json.encode(value).decode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Files:
    """Results as files; one is read again when its size, its time or its inode is another."""

    def __init__(self, table: Table, root: Path) -> None:
        self._table, self._folder = table, root / table.results.folder
        self._known: dict[str, tuple[int, int, int]] = {}

    def changed(self, names: Collection[str], doubted: Collection[str], /) -> dict[str, list[Row]]:  # noqa: ARG002
        found = {}
        for name in names:
            try:
                seen = (self._folder / name).stat()
                mark = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
                if mark != self._known.get(name):
                    found[name] = self._rows((self._folder / name).read_bytes(), name)
                    self._known[name] = mark
            except FileNotFoundError:
                if self._known.pop(name, None):
                    found[name] = []
            except OSError as error:
                raise Shut(f"{name} cannot be read: {error}") from error
        return found

    def strays(self, names: Collection[str], /) -> dict[str, int]:
        try:
            there = [path for path in self._folder.iterdir() if path.is_file()]
            strays = sorted(path for path in there if _is_stray(path.name, self._table.results, names))
            return {path.name: len(self._rows(path.read_bytes(), path.name)) for path in strays}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Shut(f"{self._folder.name} cannot be read: {error}") from error

    def close(self) -> None:
        self._known.clear()

    def _rows(self, content: bytes, name: str) -> list[Row]:
        """What can be read of a file; a line that is none is no row: it may be half written."""
        text = content.decode("utf-8", "replace")
        lines: Iterable[object]
        if name.endswith(".jsonl"):
            lines = _json_lines(text)
        else:
            lines = csv.DictReader(io.StringIO(text, newline=""))
        key, columns = self._table.key, self._table.columns
        return [
            (_word(line[key]), tuple(_cell(line.get(one)) for one in columns))
            for line in lines
            if isinstance(line, dict) and line.get(key) is not None
        ]


def _json_lines(text: str) -> Iterator[object]:
    for line in text.splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line)


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _word(key: object) -> str:
    """A key as text, the same from a file and from a table."""
    return str(int(key)) if isinstance(key, float) and key.is_integer() else str(key)


def _is_stray(name: str, place: Place, names: Collection[str]) -> bool:
    shape = re.escape(place.name).replace(re.escape(NUMBER), r"\d+")
    return name not in names and re.fullmatch(shape, name) is not None


class _Database:
    """Results as rows of a table. Nothing is read where no other connection has written since."""

    def __init__(self, table: Table, root: Path) -> None:
        self._table, self._path = table, root / table.results.database
        self._database: sqlite3.Connection | None = None
        self._inode = 0
        self._version = -1
        self._counts: dict[str, int] = {}
        self._read: dict[str, int] = {}  # the version at which each was read last, the oldest reading first

    def changed(self, names: Collection[str], doubted: Collection[str], /) -> dict[str, list[Row]]:
        try:
            return self._changed(names, doubted)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return self._gone()
            raise Shut(f"{self._path.name} cannot be read: {error}") from error
        except (OSError, sqlite3.Error) as error:
            raise Shut(f"{self._path.name} cannot be read: {error}") from error

    def strays(self, names: Collection[str], /) -> dict[str, int]:
        try:
            database = self._open()
            counts = {} if database is None else self._counted(database)
            there = {str(name): rows for name, rows in counts.items()}
            return {name: n for name, n in there.items() if _is_stray(name, self._table.results, names)}
        except (OSError, sqlite3.Error) as error:
            if "no such table" in str(error):
                return {}
            raise Shut(f"{self._path.name} cannot be read: {error}") from error

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database, self._version = None, -1

    def _changed(self, names: Collection[str], doubted: Collection[str]) -> dict[str, list[Row]]:
        database = self._open()
        if database is None:
            return self._gone()
        (version,) = database.execute("PRAGMA data_version").fetchone()
        in_turn = self._in_turn(names, version)
        is_new = version != self._version or not self._counts.keys() >= set(names)
        if not is_new and not in_turn:
            return {}
        # One read transaction: between two of them a job that catches up would get in and lock us out, and
        # with many partitions to read no look would ever come to its end.
        database.execute("BEGIN")
        try:
            counts = self._counted(database) if is_new else self._counts
            wanted = {
                name
                for name in names
                if counts.get(name, 0) != self._counts.get(name, 0)
                or (is_new and name in doubted and name in counts)
            }
            found = self._rows(database, sorted(wanted.union(in_turn)))
        finally:
            database.rollback()
        # Of the others nothing was given yet: one may have come while this look was under way.
        self._counts, self._version = {name: counts.get(name, 0) for name in names}, version
        for name in found:
            self._read.pop(name, None)
            self._read[name] = version
        return found

    def _in_turn(self, names: Collection[str], version: int) -> list[str]:
        """Some of those that were read before the last writing; never many: a look holds a lock."""
        wanted = set(names)
        older = (name for name, read in self._read.items() if read != version and name in wanted)
        return list(islice(older, max(1, ROWS_IN_TURN // self._table.rows)))

    def _gone(self) -> dict[str, list[Row]]:
        """Say that nothing is there any more of what was given; the version that comes next is new."""
        lost = [name for name, count in self._counts.items() if count]
        self._counts, self._version = {}, -1
        self._read.clear()
        return {name: [] for name in lost}

    def _column(self, name: str | None) -> str:
        """With its table: a quoted name alone that is no column would be read as a text, the same for all."""
        return f"{_quoted(str(self._table.results.table))}.{_quoted(str(name))}"

    def _counted(self, database: sqlite3.Connection) -> dict[str, int]:
        column, table = self._column(self._table.results.partition), _quoted(str(self._table.results.table))
        return dict(database.execute(f"SELECT {column}, count(*) FROM {table} GROUP BY {column}"))

    def _open(self) -> sqlite3.Connection | None:
        """The connection; a database that was put in the place of another is opened anew."""
        if not self._path.exists():
            return None
        inode = self._path.stat().st_ino
        if self._database is None or inode != self._inode:
            self.close()
            self._counts = dict.fromkeys(self._counts, -1)  # another's: whatever was there may not be
            self._read.clear()
            # Not read-only: after a kill in the middle of a commit every reader has to roll it back first,
            # and sees nothing else. "query_only" keeps us from writing anything of our own.
            self._database = sqlite3.connect(
                f"file:{self._path}?mode=rw", uri=True, timeout=0, check_same_thread=False
            )
            self._database.execute("PRAGMA query_only = 1")
            self._inode = inode
        return self._database

    def _rows(self, database: sqlite3.Connection, names: Sequence[str]) -> dict[str, list[Row]]:
        """Read the partitions ``names`` in one pass: there may be no index.

        SQLite puts the rows of each together. Row by row the interpreter would be let go and taken back every
        time, which starves the threads that beat and the loop that lands partitions.
        """
        place = self._table.results
        column = self._column(place.partition)
        cells = ", ".join(_as_json(self._column(name)) for name in (self._table.key, *self._table.columns))
        marks = ", ".join("?" for _ in names)
        query = (
            f"SELECT {column}, json_group_array(json_array({cells})) FROM {_quoted(str(place.table))} "
            f"WHERE {column} IN ({marks}) GROUP BY {column}"
        )
        found: dict[str, list[Row]] = {name: [] for name in names}
        for name, rows in database.execute(query, tuple(names)) if names else ():
            for key, *cells_read in msgspec.json.decode(rows, type=list[list[Cell]]):
                found[name].append((_word(key), tuple(cells_read)))
        return found


def _as_json(column: str) -> str:
    """An expression for what JSON cannot hold, too: bytes and infinities become text."""
    return (
        f"CASE WHEN typeof({column}) = 'blob' THEN hex({column}) "
        f"WHEN {column} IN (9e999, -9e999) THEN CAST({column} AS TEXT) ELSE {column} END"
    )
