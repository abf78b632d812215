"""What a job missed and made good again, in words: partitions that were not right in time. No arithmetic.

Comes in: episodes and events. Goes out: text; "" where no partition lands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.episodes.model import Episode, RunFacts
from harness.episodes.partitions import Backfill, LatePartition
from harness.history.events import Partition
from harness.report.lengths import seconds
from harness.report.words import inert

SHOWN_MAX = 5
RUNS_MAX = 6
NAME_MAX = 40


def missed_lines(runs: Iterable[RunFacts]) -> Iterator[str]:
    """Say of each fault what was missed, one line an episode that was not a sham's."""
    told = [
        f"{run.run_id}, {episode.kind} {episode.service}: {missed_text(episode)}"
        for run in runs
        if not run.sham
        for episode in run.episodes
        if episode.backfill is not None
    ]
    yield from told[:RUNS_MAX]
    if len(told) > RUNS_MAX:
        yield f"{len(told) - RUNS_MAX} more faults: see report.json"


def missed_text(episode: Episode) -> str:
    """Write what one episode's backfill was."""
    found = episode.backfill
    if found is None:
        return ""
    if not found.partitions:
        return "no partition was late"
    late = f"{_count(found.partitions)} late, {found.rows:,} rows"
    named = [one for one in found.late if one.right_s is None or one.state != "missing"][:SHOWN_MAX]
    each = "".join(f"; {late_text(one)}" for one in named)
    return f"{late}; {_end(found)}{each}"


def late_text(one: LatePartition) -> str:
    """Write one late partition.

    >>> late_text(LatePartition(name="p7", state="half", rows=200, right=57, wrong=0, doubled=0, foreign=0,
    ...     right_s=2.5))
    'p7 half there, 57 of 200 rows right, backfilled after 2.5 s'
    """
    end = "never backfilled" if one.right_s is None else f"backfilled after {seconds(one.right_s)}"
    return f"{inert(one.name, NAME_MAX)} {_STATES.get(one.state, inert(one.state))}, {_rows(one)}, {end}"


def partition_text(event: Partition) -> str:
    """Write one telling of the witness."""
    return f"{inert(event.name, NAME_MAX)} is {_STATES.get(event.state, inert(event.state))}, {_rows(event)}"


_STATES = {
    "missing": "missing",
    "half": "half there",
    "wrong": "wrong",
    "doubled": "doubled",
    "right": "right",
}


def _end(found: Backfill) -> str:
    if found.last_s is None:
        return f"{found.open} of them never right"
    return f"the last was right after {seconds(found.last_s)}"


def _rows(one: LatePartition | Partition) -> str:
    more = {"wrong": one.wrong, "there twice": one.doubled, "of no partition": one.foreign}
    rest = "".join(f", {count} {word}" for word, count in more.items() if count)
    return f"{one.right} of {one.rows} rows right{rest}"


def _count(partitions: int) -> str:
    return f"{partitions:,} partition{'s' * (partitions != 1)}"
