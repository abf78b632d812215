"""One value of a database is read; nothing is written, and what cannot be read is no "nothing"."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

import pytest

from harness.observers.fetch import Unseen
from harness.observers.kinds.sqlite import SqliteValue

QUERY = "SELECT version FROM alias WHERE name = 'champion'"


@pytest.fixture
def base(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "registry #1.db", isolation_level=None)) as made:
        made.execute("CREATE TABLE alias (name TEXT, version)")
        made.execute("INSERT INTO alias VALUES ('champion', 3)")
        yield made


def value(tmp_path, query=QUERY, within_s=1.0):
    return SqliteValue(tmp_path / "registry #1.db", query, within_s).look()


def test_the_value_is_the_one_that_stands_there_now(base, tmp_path):
    assert value(tmp_path) == "3"
    base.execute("UPDATE alias SET version = 'v4'")
    assert value(tmp_path) == "v4"


def test_no_row_and_no_value_are_nothing(base, tmp_path):
    base.execute("UPDATE alias SET version = NULL")
    assert value(tmp_path) is None
    base.execute("DELETE FROM alias")
    assert value(tmp_path) is None


def test_long_texts_and_bytes_are_told_by_their_hash(base, tmp_path):
    seen = set()
    for last in ("a", "b"):
        base.execute("UPDATE alias SET version = ?", ("x" * 500 + last,))
        seen.add(value(tmp_path))
    base.execute("UPDATE alias SET version = ?", (b"\x00\xff",))
    seen.add(value(tmp_path))
    assert len(seen) == 3
    assert all(one.startswith("sha256 ") and len(one) == 19 for one in seen)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT version FROM nowhere", "no such table"),
        ("SELECT 1, 2", "more than one value"),
        ("SELECT 1 UNION SELECT 2", "more than one value"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("WITH a AS (SELECT 1) INSERT INTO alias SELECT 'x', 'y'", "readonly"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", "interrupt"),
    ],
)
def test_what_gives_no_single_value_in_time_is_unseen_and_changes_nothing(base, tmp_path, query, why):
    with pytest.raises(Unseen, match=why):
        value(tmp_path, query, within_s=0.2)
    assert base.execute("SELECT * FROM alias").fetchall() == [("champion", 3)]


def test_a_missing_file_is_unseen_and_is_not_made(tmp_path):
    with pytest.raises(Unseen, match="no such file"):
        value(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_database_that_somebody_holds_is_unseen(base, tmp_path):
    base.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unseen, match="locked"):
        value(tmp_path, within_s=0.1)
    base.execute("ROLLBACK")
    assert value(tmp_path) == "3"


def test_looks_do_not_keep_a_writer_from_writing(base, tmp_path):
    """In write-ahead mode, as a registry that is read while it is written should be."""
    base.execute("PRAGMA journal_mode = WAL")
    over = threading.Event()
    seen = set()

    def look():
        while not over.is_set():
            seen.add(value(tmp_path))

    looker = threading.Thread(target=look)
    looker.start()
    for version in range(200):
        base.execute("UPDATE alias SET version = ?", (version,))
    over.set()
    looker.join()
    assert seen <= {"3", *map(str, range(200))}
    assert value(tmp_path) == "199"


def test_a_look_leaves_no_log_beside_a_database_at_rest(tmp_path):
    """It would be a change that nobody but the observer made."""
    file = tmp_path / "registry #1.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE alias (name TEXT, version)")
        made.execute("INSERT INTO alias VALUES ('champion', 3)")
    assert value(tmp_path) == "3"
    with pytest.raises(Unseen, match="no such table"):
        value(tmp_path, "SELECT 1 FROM nowhere")
    assert [one.name for one in tmp_path.iterdir()] == [file.name]
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as made:
        made.execute("UPDATE alias SET version = 4")
        assert value(tmp_path) == "4"
    assert value(tmp_path) == "4"


def test_a_value_of_any_size_is_not_taken_into_memory(base, tmp_path):
    with pytest.raises(Unseen, match="too big"):
        value(tmp_path, "SELECT hex(zeroblob(400000000))")


def test_a_path_that_can_be_none_is_not_seen(tmp_path):
    with pytest.raises(Unseen):
        SqliteValue(tmp_path / ("x" * 300), QUERY, 1.0).look()
