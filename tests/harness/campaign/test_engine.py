"""A campaign's outcome is that of its question, however its chunks came, and however often it was ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.engine import CAP, DOUBTS_MAX, EXACT, Merge, run_chunks
from harness.campaign.executor import Done, Work, done_of
from harness.campaign.model import Question, RunRow
from harness.campaign.parts import Parts, held
from harness.campaign.table import encode
from harness.errors import Refused, Untrustworthy
from tests.harness.campaign.campaign_kit import Toy
from tests.harness.campaign.rows_kit import question


@dataclass
class Here:
    """Does chunks in this process, in an order of its own; ``lost``: by chunk, why there are no rows."""

    order: Sequence[int] | None = None
    lost: dict[int, str] = field(default_factory=dict)
    ends_after: int | None = None
    did: list[int] = field(default_factory=list)
    cancelled: bool = False
    work: Work | None = None
    chunks: list[int] = field(default_factory=list)

    def submit_all(self, work: Work, chunks: Sequence[int]) -> None:
        self.work = work
        self.chunks = list(chunks) if self.order is None else [one for one in self.order if one in chunks]

    def results(self) -> Iterator[Done | None]:
        assert self.work is not None
        for chunk in self.chunks[: self.ends_after]:
            yield None
            self.did.append(chunk)
            why = self.lost.get(chunk, "")
            yield Done(chunk, why=why) if why else done_of(self.work, chunk)

    def cancel(self) -> None:
        self.cancelled = True


def ran(
    folder: Path, executor: Here, asked: Question | None = None, bad: frozenset[int] = frozenset()
) -> Merge:
    with held(folder, asked or question()) as parts:
        return run_chunks(
            Toy(asked or question(), bad), executor, parts, tell=lambda _: None, look=lambda: None
        )


@given(st.permutations(range(10)))
def test_the_order_in_which_chunks_come_changes_no_byte(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("one")
    straight, mixed = Here(), Here(order)
    expected = encode(ran(folder / "a", straight).table())
    assert encode(ran(folder / "b", mixed).table()) == expected
    assert mixed.did == list(order)
    parts = [sorted((folder / name / "parts").iterdir()) for name in "ab"]
    assert [one.read_bytes() for one in parts[0]] == [one.read_bytes() for one in parts[1]]


@given(st.permutations(range(10)))
def test_the_precision_that_was_asked_for_is_looked_at_in_the_order_of_chunks(tmp_path_factory, order):
    """Chunks that came early and lie behind the end are not counted, though they are there."""
    asked = question(precision_ratio=0.25)
    expected = ran(tmp_path_factory.mktemp("a"), Here(), asked)
    merge = ran(tmp_path_factory.mktemp("b"), Here(order), asked)
    assert expected.stopped == merge.stopped == EXACT
    assert 0 < expected.next < 10
    assert merge.next == expected.next
    assert merge.tally.pairs == 2 * expected.next
    assert encode(merge.table()) == encode(expected.table())


@pytest.mark.parametrize("ends_after", [0, 1, 7])
def test_an_ended_campaign_goes_on_with_what_is_missing_and_gives_the_same(tmp_path: Path, ends_after: int):
    order = [7, 2, 9, 0, 1, 3, 8, 6, 5, 4]
    expected = encode(ran(tmp_path / "whole", Here()).table())
    first, second, third = Here(order, ends_after=ends_after), Here(), Here()
    with pytest.raises(Untrustworthy, match="the workers ended after"):
        ran(tmp_path / "cut", first)
    assert encode(ran(tmp_path / "cut", second).table()) == expected
    assert sorted(first.did + second.did) == list(range(10))
    assert encode(ran(tmp_path / "cut", third).table()) == expected
    assert third.did == []
    assert first.cancelled
    assert second.cancelled
    assert third.cancelled


def test_a_chunk_that_raises_is_told_in_the_table_and_hides_no_other(tmp_path: Path):
    merge = ran(tmp_path, Here(), bad=frozenset({3}))
    table = merge.table()
    assert merge.stopped == CAP
    assert table.pairs == 20
    assert table.doubtful == 8
    assert {(one.pair, one.what) for one in table.doubts} == {
        (6, "ValueError: no luck with 3"),
        (7, "ValueError: no luck with 3"),
    }
    assert [(arm.runs, arm.void) for arm in table.arms] == [(36, 4), (36, 4)]
    assert [line.n for line in table.classes] == [18, 18]


def test_a_chunk_whose_workers_died_is_tried_again_by_the_next_attempt(tmp_path: Path):
    first, second = Here(lost={4: "workers died over it"}), Here()
    assert ran(tmp_path, first).doubtful == 8
    merge = ran(tmp_path, second)
    assert second.did == [4]
    assert merge.doubtful == 0
    assert encode(merge.table()) == encode(ran(tmp_path / "whole", Here()).table())


def test_a_run_that_raised_is_tried_again_by_the_next_attempt(tmp_path: Path):
    class Full(Toy):
        def __call__(self, chunk: int) -> tuple[RunRow, ...]:
            first, *others = super().__call__(chunk)
            full = "OSError: no space left"
            return (
                (msgspec.structs.replace(first, why=full, digest=""), *others)
                if chunk == 4
                else (first, *others)
            )

    with held(tmp_path, question()) as parts:
        first = run_chunks(Full(question()), Here(), parts, tell=lambda _: None, look=lambda: None)
    assert first.doubtful == 1
    executor = Here()
    merge = ran(tmp_path, executor)
    assert executor.did == [4]
    assert merge.doubtful == 0
    assert encode(merge.table()) == encode(ran(tmp_path / "whole", Here()).table())


def test_of_many_bad_runs_the_first_are_named_and_all_are_counted(tmp_path: Path):
    merge = ran(tmp_path, Here([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]), bad=frozenset({2, 5, 8}))
    assert merge.doubtful == 24
    assert [one.pair for one in merge.doubts] == [4, 4, 4, 4, 5, 5, 5, 5, 10, 10]
    assert len(merge.doubts) == DOUBTS_MAX


def test_a_worker_that_refuses_the_question_ends_the_campaign(tmp_path: Path):
    class Refusing(Here):
        def results(self) -> Iterator[Done | None]:
            yield Done(0, why="other code here", refused=True)

    executor = Refusing()
    with pytest.raises(Refused, match="other code here"):
        ran(tmp_path, executor)
    assert executor.cancelled


def test_rows_of_other_runs_than_the_chunk_holds_are_not_added_up(tmp_path: Path):
    asked = question()
    with held(tmp_path, asked) as parts:
        rows = Toy(asked)(1)
        parts.write(0, rows)
        with pytest.raises(Untrustworthy, match=r"chunk 0 .* does not hold the runs"):
            run_chunks(Toy(asked), Here(), parts, tell=lambda _: None, look=lambda: None)


def test_whoever_looks_may_end_it_and_what_was_done_stays(tmp_path: Path):
    looks = iter(range(100))

    def look() -> None:
        if next(looks) == 5:
            raise Refused("halted")

    executor = Here()
    with held(tmp_path, question()) as parts:
        with pytest.raises(Refused, match="halted"):
            run_chunks(Toy(question()), executor, parts, tell=lambda _: None, look=look)
        assert executor.cancelled
        assert Parts(tmp_path).present() == {0, 1}


def test_progress_counts_pairs_and_what_was_there_before(tmp_path: Path):
    told: list[int] = []
    asked = question(pairs_max=5)
    with held(tmp_path, asked) as parts:
        parts.write(2, Toy(asked)(2))
        run_chunks(Toy(asked), Here(), parts, tell=told.append, look=lambda: None)
    assert told == [1, 3, 5]


def test_the_digest_is_over_every_world(tmp_path: Path):
    class Other(Toy):
        def __call__(self, chunk: int) -> tuple[RunRow, ...]:
            rows = super().__call__(chunk)
            return (*rows[:-1], msgspec.structs.replace(rows[-1], digest="another"))

    merge = ran(tmp_path / "a", Here())
    with held(tmp_path / "b", question()) as parts:
        other = run_chunks(Other(question()), Here(), parts, tell=lambda _: None, look=lambda: None)
    assert merge.digest != other.digest
    assert len(merge.digest) == 32
