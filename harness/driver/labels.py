"""Labels: what turned out to be true of a unit, told to the system some time after its answer.

Comes in: units with their findings, as they are recorded. Goes out: posts of ``{"labels": [{"id", "label"},
..]}`` over the label edge, each label at least once, in the order they fall due. A post that fails is made
again; what a system does with a label that comes twice is its own matter.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Protocol

import msgspec

from harness.driver.orders import RecordFaults
from harness.driver.relabel import told_instead
from harness.driver.spec import LabelFeed
from harness.driver.workload import Finding, Reply, Unit
from harness.faults.effects import Relabel

POST_EVERY_S = 0.1
LABELS_A_POST = 500
RETRY_S = 0.2

_Told = tuple[float, str, int]
"""When it is known, of which unit, and what."""


class Poster(Protocol):
    """Posts a body; what the network does becomes ``fault`` of the reply."""

    async def post(self, body: bytes, fresh: bool, /) -> Reply:
        """Post ``body``; ``fresh`` on a connection of its own."""
        ...


class Labels:
    """The labels of one run on their way; ``counts`` of those due by now, told, and posts that failed."""

    def __init__(
        self, feed: LabelFeed, client: Poster | None, faults: RecordFaults, *, now: Callable[[], float]
    ) -> None:
        self._feed = feed
        self._client = client
        self._faults = faults
        self._now = now
        self._waiting: list[_Told] = []
        self.due = self.told = self.posts_failed = 0

    def recorded(self, unit: Unit, finding: Finding, due_s: float) -> None:
        """Take one recorded unit, due at the instant ``due_s``; its label follows, if one will be known."""
        looked_into = finding.declined or unit.explored
        if unit.label < 0 or (self._feed.known == "declined" and not looked_into):
            return
        wait_s = self._feed.delay_s + self._feed.spread_s * unit.label_wait
        told: tuple[int, float] | None = (unit.label, wait_s)
        span = self._faults.label_fault(unit)
        if span is not None and isinstance(span.effect, Relabel):
            plain, told = told, told_instead(span, span.effect, unit, wait_s, looked_into=looked_into)
            if told != plain:
                self._faults.relabelled(unit, span, span.effect)
        if told is not None:
            heapq.heappush(self._waiting, (due_s + told[1], unit.id, told[0]))

    async def tell_forever(self) -> None:
        """Post what has fallen due, until cancelled."""
        while True:
            await asyncio.sleep(POST_EVERY_S)
            while batch := self._fallen_due():
                await self._tell(batch)

    def _fallen_due(self) -> list[_Told]:
        now_s = self._now()
        batch: list[_Told] = []
        while self._waiting and self._waiting[0][0] <= now_s and len(batch) < LABELS_A_POST:
            batch.append(heapq.heappop(self._waiting))
        self.due += len(batch)
        return batch

    async def _tell(self, batch: list[_Told]) -> None:
        """Post ``batch`` until the system has taken it: a label is never dropped.

        Without a client nobody listens: labels fall due and are told to nobody.
        """
        if self._client is None:
            return
        body = msgspec.json.encode({"labels": [{"id": name, "label": label} for _, name, label in batch]})
        while True:
            reply = await self._client.post(body, False)
            if reply.status == 200 and not reply.fault:
                self.told += len(batch)
                return
            self.posts_failed += 1
            await asyncio.sleep(RETRY_S)
