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

from harness.driver.spec import LabelFeed
from harness.driver.workload import Finding, Reply, Unit

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

    def __init__(self, feed: LabelFeed, client: Poster, now: Callable[[], float]) -> None:
        self._feed = feed
        self._client = client
        self._now = now
        self._waiting: list[_Told] = []
        self.due = self.told = self.posts_failed = 0

    def recorded(self, unit: Unit, finding: Finding, due_s: float) -> None:
        """Take one recorded unit, due at the instant ``due_s``; its label follows, if one will be known."""
        if unit.label < 0:
            return
        if self._feed.known == "declined" and not finding.declined and not unit.explored:
            return
        known_s = due_s + self._feed.delay_s + self._feed.spread_s * unit.label_wait
        heapq.heappush(self._waiting, (known_s, unit.id, unit.label))

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
        """Post ``batch`` until the system has taken it: a label is never dropped."""
        body = msgspec.json.encode({"labels": [{"id": name, "label": label} for _, name, label in batch]})
        while True:
            reply = await self._client.post(body, False)
            if reply.status == 200 and not reply.fault:
                self.told += len(batch)
                return
            self.posts_failed += 1
            await asyncio.sleep(RETRY_S)
