"""Accepted records by the hundred: counted where they stand, whatever the pages are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.examples import LOGS
from reference_pipeline.records import FieldSpec
from reference_pipeline.refusals import Accepted, BrokenRecord, Refusals
from reference_pipeline.stores import SqliteStore

FIELDS = (FieldSpec(name="amount", type="number"),)
NAMES = ("amount missing", "amount invalid")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "learner.db", LOGS)) as opened:
        yield opened


def _page(lacks: list[str], last: int) -> Accepted:
    broken = [
        BrokenRecord(at=at, id=f"r{at}", fields={"amount": lack})  # type: ignore[dict-item]
        for at, lack in enumerate(lacks)
        if lack
    ]
    return Accepted(rows=len(lacks), broken=tuple(broken), last=last)


@given(
    st.lists(st.sampled_from(["", "", "", "missing", "invalid"]), min_size=250, max_size=420),
    st.lists(st.integers(1, 150), min_size=1, max_size=5),
)
def test_pages_of_any_size_make_the_same_batches(lacks: list[str], sizes: list[int]) -> None:
    with closing(SqliteStore(Path(":memory:"), LOGS)) as opened:
        refusals, at, number = Refusals(opened, FIELDS), 0, 0
        while at < len(lacks):
            size = sizes[number % len(sizes)]
            refusals.take(_page(lacks[at : at + size], at + size))
            at, number = at + size, number + 1
        page = refusals.page(0, 100)
    assert (page.names, page.last) == (NAMES, len(lacks) // 100)
    for batch in page.batches:
        own = lacks[100 * (batch.number - 1) : 100 * batch.number]
        assert batch.counts == (own.count("missing"), own.count("invalid"))


def test_the_cursor_moves_with_the_commit_that_marks_it(store: SqliteStore) -> None:
    refusals, page = Refusals(store, FIELDS), _page(["missing"], 7)
    refusals.take(page)
    assert refusals.cursor == 0
    store.commit([], refusals.mark(page))
    assert refusals.cursor == Refusals(store, FIELDS).cursor == 7


def test_pages_of_batches_begin_behind_their_number(store: SqliteStore) -> None:
    refusals = Refusals(store, FIELDS)
    refusals.take(_page([""] * 500, 500))
    assert [one.number for one in refusals.page(2, 2).batches] == [3, 4]
    assert refusals.page(5, 10).batches == ()


def test_a_field_that_nobody_knows_is_not_counted(store: SqliteStore) -> None:
    refusals = Refusals(store, FIELDS)
    strange = BrokenRecord(at=3, id="r3", fields={"colour": "missing"})
    refusals.take(Accepted(rows=100, broken=(strange,), last=100))
    assert [one.counts for one in refusals.page(0, 10).batches] == [(0, 0)]
