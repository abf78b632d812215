"""Runs a campaign to its end: gives out chunks, keeps parts, adds them up in the order of their numbers.

Comes in: a question, who does the work, where it is kept. Goes out: the sums and what ended it. What a chunk
holds depends on the question alone, and chunks are read in order, so neither who did them nor when changes a
byte. A chunk that nobody could do is told and not kept: the next attempt tries it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from harness.campaign.executor import Done, Executor, Rows
from harness.campaign.model import Question, RunRow, chained
from harness.campaign.parts import Parts
from harness.campaign.precision import exact_enough
from harness.campaign.rows import failed
from harness.campaign.table import Ending, Table, table_of
from harness.campaign.tally import Tally
from harness.errors import Refused, Untrustworthy
from harness.plan.model import Plan

CAP, EXACT = "all pairs that were asked for", "the precision that was asked for"
DECIDED = "evidence for or against the baseline"
DOUBTS_MAX = 10
"""So many runs with which something is wrong are named, and done again whole."""


class Asked(Protocol):
    """What is to be done: ``worker.Chunk``."""

    @property
    def question(self) -> Question:
        """What is asked."""
        ...

    def __call__(self, chunk: int, /) -> Rows:
        """Do one chunk."""
        ...

    def plans(self, chunk: int, /) -> Iterator[Plan]:
        """Give the plans of its runs, in order."""
        ...


@dataclass(slots=True)
class Merge:
    """What has been added up: all chunks below ``next``; ``digest`` is chained over those of their worlds.

    ``decided`` is called with the rows of each chunk and ends it by saying so. ``stopped``: what ended it,
    "" = there is more to do. ``lost``: the rows of chunks that nobody could do.
    """

    asked: Asked
    parts: Parts
    decided: Callable[[Rows], bool] | None = None
    next: int = 0
    stopped: str = ""
    tally: Tally = field(default_factory=Tally)
    digest: str = ""
    doubtful: int = 0
    doubts: list[RunRow] = field(default_factory=list)
    lost: dict[int, Rows] = field(default_factory=dict)

    def go_on(self, present: set[int]) -> None:
        """Add up the next chunks as far as they are there; a campaign that is over takes no more."""
        question = self.asked.question
        while not self.is_over() and (self.next in present or self.next in self.lost):
            rows = self.rows(self.next)
            self._add(rows)
            self.next += 1
            if self.decided is not None and self.decided(rows):
                self.stopped = DECIDED
            elif question.precision_ratio is not None and exact_enough(self.tally, question.precision_ratio):
                self.stopped = EXACT
            elif self.next == question.chunks():
                self.stopped = CAP

    def rows(self, chunk: int) -> Rows:
        """The rows of a chunk that is there or lost."""
        return self.lost[chunk] if chunk in self.lost else self.parts.read(chunk)

    def is_over(self) -> bool:
        """Whether nothing more is wanted."""
        return bool(self.stopped)

    def table(self) -> Table:
        """The table as it is now."""
        ending = Ending(
            stopped=self.stopped, digest=self.digest, doubtful=self.doubtful, doubts=tuple(self.doubts)
        )
        return table_of(self.asked.question, self.tally, ending)

    def _add(self, rows: Rows) -> None:
        wanted = [(p.pair, p.arm, p.restart_profile, p.sham) for p in self.asked.plans(self.next)]
        if [(r.pair, r.arm, r.restart_profile, r.sham) for r in rows] != wanted:
            raise Untrustworthy(
                f"chunk {self.next} in {self.parts.folder} does not hold the runs it must hold"
            )
        pairs: dict[int, list[RunRow]] = {}
        for row in rows:
            self.digest = chained(self.digest, row)
            pairs.setdefault(row.pair, []).append(row)
            if row.doubt():
                self.doubtful += 1
                self.doubts += [row] if len(self.doubts) < DOUBTS_MAX else []
        for pair in sorted(pairs):
            self.tally.add_pair(pairs[pair])


def run_chunks(
    asked: Asked,
    executor: Executor,
    parts: Parts,
    *,
    tell: Callable[[int], None],
    look: Callable[[], None],
    decided: Callable[[Rows], bool] | None = None,
) -> Merge:
    """Do what is missing, and add all up. ``tell`` hears how many pairs are done.

    ``look`` is called several times a second; what it raises ends the campaign, and what was done stays.
    ``decided``: see ``Merge``. Raises ``Refused`` where a worker cannot do the question at all,
    ``Untrustworthy`` where parts were lost.
    """
    merge = Merge(asked, parts, decided)
    # What raised (no room, no memory) may go well another time; what it gives is decided by its seed alone.
    present = {chunk for chunk in parts.present() if all(row.digest for row in parts.read(chunk))}
    question = asked.question
    pairs = question.pairs_in(present)
    tell(pairs)
    try:
        merge.go_on(present)
        if merge.is_over():
            return merge
        executor.submit_all(asked, [chunk for chunk in range(question.chunks()) if chunk not in present])
        for done in executor.results():
            look()
            if done is None:
                continue
            _take(merge, present, done)
            pairs += len(question.pairs_of(done.chunk))
            tell(pairs)
            if merge.is_over():
                return merge
    finally:
        executor.cancel()
    raise Untrustworthy(f"the workers ended after {merge.next} of {question.chunks()} chunks; run it again")


def _take(merge: Merge, present: set[int], done: Done) -> None:
    if done.refused:
        raise Refused(done.why)
    if done.why:
        rows = tuple(failed(plan, done.why) for plan in merge.asked.plans(done.chunk))
        merge.lost[done.chunk] = rows
    else:
        merge.parts.write(done.chunk, done.rows)
        present.add(done.chunk)
    merge.go_on(present)
