"""Examples and labels are joined once, in whatever order and however often they come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.examples import LOGS, Example, Examples, Label, as_bytes
from reference_pipeline.stores import SqliteStore


def _example(number: int) -> Example:
    return Example(as_bytes(np.array([number, -number], dtype=float)), number % 2 == 0, 0.25, "1.0.0", False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "learner.db", LOGS)) as opened:
        yield opened


def _open(store: SqliteStore) -> Examples:
    examples = Examples(store, 2)
    examples.recover()
    return examples


def test_a_label_joins_its_row_whichever_comes_first(store: SqliteStore) -> None:
    examples = _open(store)
    examples.label([Label("a", 1)])
    examples.take({"a": _example(1), "b": _example(2)}, 2)
    examples.label([Label("b", 0)])
    window = examples.window(0, 10)
    assert window.rows.tolist() == [[1.0, -1.0], [2.0, -2.0]]
    assert window.label.tolist() == [1, 0]
    assert window.declined.tolist() == [False, True]
    assert examples.cursor == 2


def test_the_first_label_counts_and_another_one_is_a_contradiction(store: SqliteStore) -> None:
    examples = _open(store)
    examples.take({"a": _example(1)}, 1)
    for labels in ([Label("a", 1)], [Label("a", 1)], [Label("a", 0), Label("a", 1)]):
        examples.label(labels)
    assert examples.window(0, 10).label.tolist() == [1]
    assert examples.counts["labels_total"] == 1
    assert examples.counts["labels_repeated_total"] == 3
    assert examples.counts["labels_contradicted_total"] == 1


def test_two_labels_of_one_id_in_one_post_are_one_and_a_contradiction(store: SqliteStore) -> None:
    examples = _open(store)
    examples.label([Label("a", 0), Label("a", 1)])
    examples.take({"a": _example(1)}, 1)
    assert examples.window(0, 10).label.tolist() == [0]
    assert examples.counts["labels_contradicted_total"] == 1


def test_pages_begin_behind_their_cursor_and_end_at_their_limit(store: SqliteStore) -> None:
    examples = _open(store)
    examples.take({str(n): _example(n) for n in range(10)}, 10)
    examples.label([Label(str(n), n % 2) for n in range(10)])
    first = examples.window(0, 4)
    second = examples.window(first.last, 100)
    assert [*first.rows[:, 0], *second.rows[:, 0]] == list(range(10))
    assert examples.newest(3).rows[:, 0].tolist() == [7.0, 8.0, 9.0]
    empty = examples.window(second.last, 100)
    assert (empty.last, empty.rows.shape) == (second.last, (0, 2))


def test_memory_holds_the_newest_and_leaves_the_rest_to_the_disk(store: SqliteStore) -> None:
    examples = Examples(store, 2, kept=5)
    examples.take({str(n): _example(n) for n in range(20)}, 20)
    examples.label([Label(str(n), 0) for n in range(20)])
    assert examples.window(0, 100).rows[:, 0].tolist() == [15.0, 16.0, 17.0, 18.0, 19.0]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 1)), max_size=40))
def test_a_new_life_knows_what_the_old_one_knew(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[bool, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("examples")
    with closing(SqliteStore(folder / "learner.db", LOGS)) as store:
        examples = _open(store)
        for cursor, (is_label, number, label) in enumerate(events, start=1):
            if is_label:
                examples.label([Label(str(number), label)])
            else:
                examples.take({str(number): _example(number)}, cursor)
        before = examples.window(0, 100)
        again = _open(store).window(0, 100)
    assert again.rows.tolist() == before.rows.tolist()
    assert again.label.tolist() == before.label.tolist()
    assert len(set(before.rows[:, 0].tolist())) == len(before.label)


def test_a_probability_may_stand_for_a_label(store: SqliteStore) -> None:
    examples = _open(store)
    examples.take({"a": _example(1)}, 1)
    examples.label([Label("a", 0.125)])
    assert examples.window(0, 10).label.tolist() == [0.125]
    assert _open(store).window(0, 10).label.tolist() == [0.125]
