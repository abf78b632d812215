"""Runs a campaign to its end: gives out chunks, keeps parts, adds them up in the order of their numbers.

Comes in: a question, who does the work, where it is kept. Goes out: the table. What a chunk holds depends on
the question alone, and chunks are read in order, so neither who did them nor when changes a byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.campaign.executor import Done, Executor
from harness.campaign.model import RunRow
from harness.campaign.parts import Parts
from harness.campaign.table import Table, exact_enough, table_of
from harness.campaign.tally import Tally
from harness.campaign.worker import Chunk, failed, material_of
from harness.plan.safety import SIMULATION
from harness.plan.schedule import plans_of_pair

CAP, EXACT = "all pairs that were asked for", "the precision that was asked for"


@dataclass(slots=True)
class Merge:
    """What has been added up: all chunks below ``next``; ``digest`` is chained over those of their worlds.

    ``stopped``: what ended it, "" = there is more to do.
    """

    work: Chunk
    parts: Parts
    next: int = 0
    stopped: str = ""
    tally: Tally = field(default_factory=Tally)
    digest: str = ""

    def go_on(self, present: set[int]) -> None:
        """Add up the next chunks as far as they are there; a campaign that is over takes no more."""
        question = self.work.question
        while not self.is_over() and self.next in present:
            self._add(self.parts.read(self.next))
            self.next += 1
            if question.precision_ratio is not None and exact_enough(self.tally, question.precision_ratio):
                self.stopped = EXACT
            elif self.next == question.chunks():
                self.stopped = CAP

    def is_over(self) -> bool:
        """Whether nothing more is wanted."""
        return bool(self.stopped)

    def table(self) -> Table:
        """The table as it is now."""
        question = self.work.question
        return table_of(question, self.tally, stopped=self.stopped, digest=self.digest)

    def _add(self, rows: tuple[RunRow, ...]) -> None:
        pairs: dict[int, list[RunRow]] = {}
        for row in rows:
            chained = f"{self.digest} {row.digest}".encode()
            self.digest = hashlib.blake2b(chained, digest_size=16).hexdigest()
            pairs.setdefault(row.pair, []).append(row)
        for pair in sorted(pairs):
            self.tally.add_pair(pairs[pair])


def run_chunks(
    work: Chunk,
    executor: Executor,
    parts: Parts,
    *,
    tell: Callable[[Merge, int], None],
    look: Callable[[], None],
) -> Table:
    """Do what is missing; gives the table. ``tell`` hears how far it has come and how many chunks are there.

    ``look`` is called several times a second; what it raises ends the campaign, and what was done stays.
    """
    merge, present = Merge(work, parts), parts.present()
    merge.go_on(present)
    tell(merge, len(present))
    if not merge.is_over():
        missing = [chunk for chunk in range(work.question.chunks()) if chunk not in present]
        executor.submit_all(work, missing)
        try:
            for done in executor.results():
                look()
                if done is None:
                    continue
                parts.write(done.chunk, done.rows if not done.why else _failed(work, done))
                present.add(done.chunk)
                merge.go_on(present)
                tell(merge, len(present))
                if merge.is_over():
                    break
        finally:
            executor.cancel()
    return merge.table()


def _failed(work: Chunk, done: Done) -> tuple[RunRow, ...]:
    """The rows of a chunk that could not be done: one a run, each saying why."""
    experiment = material_of(work.question, work.place).experiment
    return tuple(
        failed(plan, done.why)
        for pair in work.question.pairs_of(done.chunk)
        for plan in plans_of_pair(experiment, work.question.seed, pair, SIMULATION)
    )
