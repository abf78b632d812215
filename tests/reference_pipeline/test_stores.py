"""The Store port on SQLite: unique keys, one step, order, and what a full disk leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reference_pipeline.ports import Append, Row, StoreFailed
from reference_pipeline.stores import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.db", ["a", "b"])) as opened:
        yield opened


def test_a_key_is_appended_once_and_keeps_its_first_value(store: SqliteStore) -> None:
    assert store.commit([Append("a", "k", b"1"), Append("a", "k", b"2")]) == [1, 0]
    assert store.commit([Append("a", "k", b"3"), Append("a", "l", b"4")]) == [0, 2]
    assert store.read("a", 0, 10) == [Row(1, "k", b"1"), Row(2, "l", b"4")]


def test_logs_do_not_share_keys(store: SqliteStore) -> None:
    assert store.commit([Append("a", "k", b"1"), Append("b", "k", b"2")]) == [1, 1]
    assert (store.find("a", "k"), store.find("b", "k")) == (b"1", b"2")


def test_reading_is_by_cursor_in_order_of_commit(store: SqliteStore) -> None:
    store.commit([Append("a", key, b"") for key in "zyxwv"])
    assert [row.key for row in store.read("a", 1, 3)] == ["y", "x", "w"]
    assert store.read("a", 5, 3) == []


def test_a_named_value_is_replaced(store: SqliteStore) -> None:
    store.commit([], {"cursor": b"1"})
    store.commit([], {"cursor": b"2"})
    assert store.find("values", "cursor") == b"2"
    assert store.find("values", "other") is None


def test_what_was_committed_is_there_after_a_kill(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "store.db", ["a"])
    first.commit([Append("a", "k", b"1")], {"cursor": b"7"})
    # Not closed: a second opening recovers from the write-ahead log, as after SIGKILL.
    with closing(SqliteStore(tmp_path / "store.db", ["a"])) as second:
        assert second.find("a", "k") == b"1"
        assert second.find("values", "cursor") == b"7"
    first.close()


def test_commits_are_synchronous_full_in_wal_mode(store: SqliteStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_full_disk_writes_nothing_and_the_store_stays_usable(store: SqliteStore) -> None:
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFailed):
        store.commit([Append("a", "small", b"1"), Append("a", "large", bytes(100_000))], {"cursor": b"9"})
    assert store.read("a", 0, 10) == []
    assert store.find("values", "cursor") is None
    assert store.commit([Append("a", "small", b"1")]) == [1]
