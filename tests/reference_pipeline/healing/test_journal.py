"""The journal: CloudEvents lines, durable first, and books that come out the same from the disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reference_pipeline.healing.acts import Restart
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.model import Entry, Evidence
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.ports import StoreFailed
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import CONFIG, open_store

HANG = Restart(service="gateway", boot_id="old")
ENTRY = Entry(
    kind="action.started",
    episode="life-1",
    target="gateway",
    reason="silent",
    at_s=12.5,
    evidence=Evidence(act=HANG, facts={"probes": 3}),
)


class Instant:
    def now_s(self) -> float:
        return 12.5

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        raise AssertionError(f"the scribe waits for nothing, here {seconds} s")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def test_a_line_is_a_cloudevent_with_the_promised_data(store: SqliteStore) -> None:
    journal = Journal(store, "healer", "life")
    journal.write(ENTRY)
    (row,) = journal.page(0, 10)
    assert json.loads(row.value) == {
        "specversion": "1.0",
        "id": "life-1",
        "source": "/healer",
        "type": "io.hormesis.heal.action.started.v1",
        "subject": "gateway",
        "datacontenttype": "application/json",
        "data": {
            "episode": "life-1",
            "target": "gateway",
            "reason": "silent",
            "at_s": 12.5,
            "evidence": {
                "act": {"do": "restart", "service": "gateway", "boot_id": "old"},
                "facts": {"probes": 3.0},
            },
        },
    }


def test_what_was_written_is_read_back_by_the_next_life(store: SqliteStore) -> None:
    Journal(store, "healer", "one").write(ENTRY)
    assert list(Journal(store, "healer", "two").entries()) == [ENTRY]


def _scribe(store: SqliteStore, life: str) -> Scribe:
    scribe = Scribe(Journal(store, "healer", life), Instant(), life, page_every_s=CONFIG.page_every_s)
    scribe.recover()
    return scribe


def test_the_books_of_the_next_life_are_those_of_the_last(store: SqliteStore) -> None:
    scribe = _scribe(store, "one")
    wish = scribe.wish(HANG, "silent", {"probes": 3})
    scribe.found("detected", wish, "silent")
    scribe.begin(wish)
    scribe.tell("features", "page", "too often")
    assert scribe.books.busy("gateway")
    assert _scribe(store, "two").books == scribe.books


def test_the_same_words_are_written_once(store: SqliteStore) -> None:
    for life in ("one", "two"):
        scribe = _scribe(store, life)
        for _ in range(3):
            scribe.tell("gateway", "page", "too often")
    assert len(Journal(store, "healer", "three").page(0, 10)) == 1


def test_an_intent_that_is_not_durable_is_none(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        scribe = _scribe(store, "one")
        with closing(sqlite3.connect(tmp_path / "healer.db", isolation_level=None)) as other:
            other.execute("DROP TABLE log_journal")
        with pytest.raises(StoreFailed):
            scribe.begin(scribe.wish(HANG, "silent"))
        assert not scribe.books.busy("gateway")
