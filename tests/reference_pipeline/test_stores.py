"""The Store port on SQLite and on a simulated disk: unique keys, one step, order, what a full disk leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.simulation.disk import Disk, Mount
from harness.simulation.kernel import Kernel
from harness.simulation.processes import Life
from reference_pipeline.deploy.simulation.disks import SimulatedStore
from reference_pipeline.ports import Append, Row, Store, StoreFailed
from reference_pipeline.stores import SqliteStore


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.db", ["a", "b"])) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "simulated"])
def store(request: pytest.FixtureRequest) -> Store:
    """Every store keeps what the port promises."""
    if request.param == "sqlite":
        found: SqliteStore = request.getfixturevalue("sqlite")
        return found
    return SimulatedStore(mounted(), "store", ["a", "b"])


def mounted() -> Mount:
    """A disk of a simulated host, as its first process has it."""
    kernel = Kernel(seed=1)
    return Mount(Disk(kernel.stream("disk")), Life(kernel, "one", 1))


def test_a_key_is_appended_once_and_keeps_its_first_value(store: Store) -> None:
    assert store.commit([Append("a", "k", b"1"), Append("a", "k", b"2")]) == [1, 0]
    assert store.commit([Append("a", "k", b"3"), Append("a", "l", b"4")]) == [0, 2]
    assert store.read("a", 0, 10) == [Row(1, "k", b"1"), Row(2, "l", b"4")]


def test_logs_do_not_share_keys(store: Store) -> None:
    assert store.commit([Append("a", "k", b"1"), Append("b", "k", b"2")]) == [1, 1]
    assert (store.find("a", "k"), store.find("b", "k")) == (b"1", b"2")


def test_reading_is_by_cursor_in_order_of_commit(store: Store) -> None:
    store.commit([Append("a", key, b"") for key in "zyxwv"])
    assert [row.key for row in store.read("a", 1, 3)] == ["y", "x", "w"]
    assert store.read("a", 5, 3) == []


def test_a_named_value_is_replaced(store: Store) -> None:
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


def test_commits_are_synchronous_full_in_wal_mode(sqlite: SqliteStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert sqlite._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_full_disk_writes_nothing_and_the_store_stays_usable(sqlite: SqliteStore) -> None:
    pages = sqlite._db.execute("PRAGMA page_count").fetchone()[0]
    sqlite._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFailed):
        sqlite.commit([Append("a", "small", b"1"), Append("a", "large", bytes(100_000))], {"cursor": b"9"})
    assert sqlite.read("a", 0, 10) == []
    assert sqlite.find("values", "cursor") is None
    assert sqlite.commit([Append("a", "small", b"1")]) == [1]


def test_a_key_that_comes_twice_in_one_commit_and_is_there_already_is_no_entry(store: Store) -> None:
    store.commit([Append("a", "k", b"1")])
    assert store.commit([Append("a", "k", b"2"), Append("b", "k", b"3"), Append("b", "k", b"4")]) == [0, 1, 0]
    assert [row.value for row in store.read("b", 0, 10)] == [b"3"]
