"""The table archetype: a unit is a partition, handed over by landing, answered by results that are right.

Comes in: parcels of ``partitions.build_partitions``, the twin's results. Goes out: a ``Workload``, and what
the runner must know, by ``tell``: each partition that was not right when it had to be, until it is.
A partition is judged at its deadline, so that one which was right and was spoilt meanwhile is not good.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path
from typing import Self

import msgspec

from harness.driver.partitions import Judged, Row, Twin, judge
from harness.driver.places import Shut, land, open_results
from harness.driver.workload import Answer, Finding, Parcel, Reply, Unit
from harness.experiment.tables import Table
from harness.history.observations import BAD, GOOD, UNKNOWN

LOOK_S = 0.02
"""Between two looks at the results: so much later than it became right a partition is seen so, at most."""
_ANEW_S = 0.05
"""A place that was shut is tried again after this."""


@dataclass(slots=True)
class _Open:
    """One partition on its way. ``right_s``: since when it is right, where it is."""

    name: str
    expected: Sequence[Row]
    due_s: float
    judged: Judged
    landed: bool = False
    right_s: float = nan
    told: Judged | None = None
    right: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_right(self) -> bool:
        return self.right.is_set()

    def see(self, judged: Judged, at_s: float) -> None:
        """Take what it looks like at ``at_s``."""
        self.judged = judged
        if judged.state != "right":
            self.right.clear()
        elif not self.is_right:
            self.right_s = at_s
            self.right.set()


class TableWorkload:
    """Lands partitions under ``root`` and watches their results from outside; an async context manager.

    ``ends_s``: seconds after the first slot at which nothing is waited for any more; None of what is told is
    the job's own word.
    """

    def __init__(
        self,
        table: Table,
        root: Path,
        twin: Twin,
        *,
        ends_s: float,
        tell: Callable[[dict[str, object]], None],
    ) -> None:
        self._table, self._root, self._twin, self._tell = table, root, twin, tell
        self._ends_s = ends_s
        self._results = open_results(table, root)
        self._now = asyncio.get_running_loop().time
        self._first_due_s = inf
        self._open: dict[str, _Open] = {}
        self._seen_s = -inf
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._watching is not None
        self._watching.cancel()
        await asyncio.wait([self._watching])
        self._results.close()

    async def submit(self, parcel: Parcel, /) -> Reply:
        """Land a partition; the reply comes at its deadline, or when it is right, if that is later."""
        (unit,) = parcel.units
        now_s = self._now()
        self._first_due_s = min(self._first_due_s, now_s - parcel.due_s)
        opened = _Open(
            unit.id,
            self._twin.partitions[unit.number],
            due_s=self._first_due_s + parcel.due_s,
            judged=Judged(rows=len(self._twin.partitions[unit.number])),
        )
        self._open[self._table.results.called(unit.number)] = opened
        until_s = self._first_due_s + self._ends_s
        sent_s = await self._land(parcel, opened, until_s)
        await self._sleep_until(min(opened.due_s + self._table.deadline_s, until_s))
        self._note(opened)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                await opened.right.wait()
        if self._watching is not None and self._watching.done():
            self._watching.result()  # what broke it must not look like a job that stands still
        return Reply(sent_s, opened.right_s if opened.is_right else self._now(), self._fault(opened))

    def collect(self, parcel: Parcel, reply: Reply, /) -> list[Answer]:
        """Give what the partition of ``parcel`` looks like."""
        (unit,) = parcel.units
        opened = self._open.get(self._table.results.called(unit.number))
        judged = opened.judged if opened else Judged(rows=int(unit.weight))
        return [Answer(reply.fault, 0, {"state": judged.state, "right": judged.right, "rows": judged.rows})]

    def check(self, unit: Unit, answer: Answer, latency_s: float, /) -> Finding:  # noqa: ARG002 - the protocol's
        """Good is what was right by its deadline."""
        content = answer.content or {}
        rows, right = content.get("rows"), content.get("right")
        score = right / rows if isinstance(rows, int) and isinstance(right, int) and rows else 0.0
        if answer.fault:
            unseen = answer.fault == "timeout"
            return Finding(UNKNOWN if unseen else BAD, answer.fault, score=score, accepted=not unseen)
        late = latency_s > self._table.deadline_s
        return Finding(BAD if late else GOOD, "late" if late else "", score=score, accepted=True)

    def _fault(self, opened: _Open) -> str:
        """Why it is not right: nobody could look, it could not land, or it is as its state says."""
        if opened.is_right:
            return ""
        if self._now() > self._seen_s + self._table.deadline_s:
            return "timeout"
        return opened.judged.state if opened.landed else "refused"

    async def _land(self, parcel: Parcel, opened: _Open, until_s: float) -> float:
        """Hand it over as soon as that can be done; NaN where it cannot."""
        while self._now() < until_s:
            try:
                await asyncio.to_thread(land, self._table, self._root, opened.name, parcel.body)
            except Shut:  # a job that holds its database shut: the partition counts from its due all the same
                await asyncio.sleep(_ANEW_S)
            else:
                opened.landed = True
                return self._now()
        return nan

    async def _sleep_until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._now()))

    async def _watch(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        """Judge anew what has changed. What was right is looked at on: it may be spoilt."""
        open_s = self._now() - self._table.deadline_s
        doubted = {name for name, one in self._open.items() if not one.is_right or one.due_s > open_s}
        try:
            found = await asyncio.to_thread(self._results.changed, list(self._open), doubted)
        except (
            Shut
        ):  # a job that is just writing; who holds it shut for a deadline is not seen, and so unknown
            return
        self._seen_s = at_s = self._now()
        for name, rows in found.items():
            opened = self._open[name]
            opened.see(judge(opened.expected, rows, self._table.tolerance), at_s)
            if at_s >= opened.due_s + self._table.deadline_s:
                self._note(opened)

    def _note(self, opened: _Open) -> None:
        """Tell of a partition that is not right though it is due to be, and of each change of it since."""
        state = opened.judged.state
        if opened.judged == opened.told or (state == "right" and opened.told is None):
            return
        opened.told = opened.judged
        judged = msgspec.to_builtins(opened.judged)
        self._tell(
            {
                "partition": {
                    "at_s": self._now(),
                    "name": opened.name,
                    "due_s": opened.due_s,
                    "state": state,
                    **judged,
                }
            }
        )
