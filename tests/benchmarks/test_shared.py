"""Work is shared out between processes: each item once, and what a dead one left is done."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import msgspec
import pytest

from benchmarks import shared
from benchmarks.shared import Commit, TreeChanged, _claimed, append, refuse_a_changed_tree, share_out

ITEMS = [("edges", number) for number in range(12)]


def stored(rows: Path) -> list[tuple[str, int]]:
    if not rows.exists():
        return []
    return [(name, int(number)) for name, number in map(str.split, rows.read_text().splitlines())]


def keep(rows: Path, item: tuple[str, int]) -> None:
    with rows.open("a") as file:
        file.write(f"{item[0]} {item[1]}\n")


def work(folder: Path) -> None:
    rows = folder / "rows"
    share_out(
        ITEMS,
        claims=folder / "claims",
        done=lambda: stored(rows),
        do=lambda item: keep(rows, item),
        pause_s=0.01,
    )


def test_processes_side_by_side_do_each_item_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(tmp_path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(stored(tmp_path / "rows")) == ITEMS


def test_what_was_done_before_is_not_done_again(tmp_path: Path) -> None:
    keep(tmp_path / "rows", ITEMS[3])
    work(tmp_path)
    assert stored(tmp_path / "rows")[0] == ITEMS[3]
    assert sorted(stored(tmp_path / "rows")) == ITEMS


def test_a_claim_that_another_holds_is_not_taken_and_one_that_ended_is(tmp_path: Path) -> None:
    with _claimed(tmp_path, "a b") as first, _claimed(tmp_path, "a b") as second:
        assert (first, second) == (True, False)
    with _claimed(tmp_path, "a b") as again:
        assert again


class Number(msgspec.Struct):
    """A row."""

    n: int


def test_a_torn_line_at_the_end_is_no_row_and_the_next_row_is_not_glued_to_it(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    append(path, [Number(1), Number(2)])
    path.write_bytes(path.read_bytes() + b'{"n":3')
    assert [row.n for row in shared.stored(path, Number)] == [1, 2]
    append(path, [Number(4)])
    assert [row.n for row in shared.stored(path, Number)] == [1, 2, 4]
    assert shared.stored(tmp_path / "none", Number) == []


@pytest.mark.parametrize(
    ("begun", "now", "words"),
    [
        (Commit("a" * 40, True), Commit("a" * 40, True), "rows are kept of commits only"),
        (Commit("a" * 40, False), Commit("a" * 40, True), "begun at aaaaaaa, and the tree is at aaaaaaa"),
        (Commit("a" * 40, False), Commit("b" * 40, False), "the tree is at bbbbbbb now"),
    ],
)
def test_a_row_never_names_code_that_it_was_not_measured_with(
    monkeypatch: pytest.MonkeyPatch, begun: Commit, now: Commit, words: str
) -> None:
    shared.commit_text.cache_clear()
    monkeypatch.setattr(shared, "read_commit", lambda _: begun)
    shared.commit_text()
    monkeypatch.setattr(shared, "read_commit", lambda _: now)
    with pytest.raises(TreeChanged, match=words):
        refuse_a_changed_tree()
    shared.commit_text.cache_clear()
