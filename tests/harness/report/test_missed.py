"""What a job missed is told in words, the partitions that were never right by name and first."""

from __future__ import annotations

import msgspec
import pytest

from harness.episodes.facts import facts
from harness.episodes.partitions import Backfill, LatePartition
from harness.history.events import Partition
from harness.report.missed import missed_lines, missed_text, partition_text
from tests.traps.histories import history_of, killed

HALF = LatePartition(name="p3", state="half", rows=200, right=57, wrong=0, doubled=0, foreign=0, right_s=None)
MISSED = LatePartition(
    name="p2", state="missing", rows=200, right=0, wrong=0, doubled=0, foreign=0, right_s=2.5
)


def run_with(*late: LatePartition, sham: bool = False):
    run = facts(history_of(killed(0.8)))
    ends = [one.right_s for one in late]
    backfill = Backfill(
        partitions=len(late),
        rows=200 * len(late),
        open=ends.count(None),
        last_s=None if None in ends else max(ends, default=0.0),
        late=late,
    )
    episode = msgspec.structs.replace(run.episodes[0], backfill=backfill)
    return msgspec.structs.replace(run, run_id="r1", episodes=(episode,), sham=sham)


@pytest.mark.parametrize(
    ("late", "told"),
    [
        ((), "no partition was late"),
        ((MISSED,), "1 partition late, 200 rows; the last was right after 2.5 s"),
        (
            (HALF, MISSED),
            "2 partitions late, 400 rows; 1 of them never right; "
            "p3 half there, 57 of 200 rows right, never backfilled",
        ),
    ],
)
def test_an_episode_says_what_was_late_and_when_the_last_was_right(late, told: str) -> None:
    (episode,) = run_with(*late).episodes
    assert missed_text(episode) == told


def test_shams_and_systems_without_partitions_say_nothing() -> None:
    assert list(missed_lines([run_with(MISSED, sham=True), facts(history_of(killed(0.8)))])) == []


def test_many_faults_are_counted_and_names_cannot_write_to_a_terminal() -> None:
    evil = msgspec.structs.replace(HALF, name="p\x1b[31m" + "x" * 200)
    told = list(missed_lines([run_with(evil)] * 9))
    assert len(told) == 7
    assert told[-1] == "3 more faults: see report.json"
    assert "\x1b" not in told[0]
    assert len(told[0]) < 200


def test_what_the_witness_told_stands_in_a_trace() -> None:
    event = Partition(
        at_s=1.0, name="p7", due_s=0.0, state="wrong", rows=9, right=5, wrong=3, doubled=0, foreign=1
    )
    assert partition_text(event) == "p7 is wrong, 5 of 9 rows right, 3 wrong, 1 of no partition"
