"""Labels: what turned out to be true of a unit, told to the system some time after its answer.

Comes in: units with their findings, as they are recorded. Goes out: posts of ``{"labels": [{"id", "label"},
..]}`` over the label edge, each label at least once, in the order they fall due. A post that fails is made
again; what a system does with a label that comes twice is its own matter. A fault of labels touches what
falls due while it is on, once, and nothing any more when it is off.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from harness.driver.orders import RecordFaults
from harness.driver.relabel import told_instead
from harness.driver.spec import LabelFeed, Span
from harness.driver.workload import Finding, Reply, Unit
from harness.faults.effects import Relabel

POST_EVERY_S = 0.1
LABELS_A_POST = 500
RETRY_S = 0.2


class Poster(Protocol):
    """Posts a body; what the network does becomes ``fault`` of the reply."""

    async def post(self, body: bytes, fresh: bool, /) -> Reply:
        """Post ``body``; ``fresh`` on a connection of its own."""
        ...


class _Waiting(NamedTuple):
    """A label on its way: known from an instant on, of a unit that was due at another one.

    ``held``: a fault has held it back before.
    """

    known_s: float
    id: str
    unit: Unit
    due_s: float
    looked_into: bool
    held: bool = False


class _Held(NamedTuple):
    """A label that a fault holds back until an instant, or until it is off."""

    until_s: float
    span: Span
    waiting: _Waiting


class _Told(NamedTuple):
    """What is posted of a unit; ``span``: the fault that made it so."""

    unit: Unit
    label: int
    span: Span | None = None


class Labels:
    """The labels of one run on their way; ``told`` of those ``due``, and posts that failed.

    Without a client nobody listens: labels fall due and are told to nobody. ``truth``, in arm ``oracle``, is
    told P(y = 1 | x) of every unit at once, whatever becomes of its label. Posts are made every ``every_s``.
    """

    def __init__(
        self,
        feed: LabelFeed,
        client: Poster | None,
        faults: RecordFaults,
        *,
        now: Callable[[], float],
        truth: Poster | None = None,
        every_s: float = POST_EVERY_S,
    ) -> None:
        self._feed = feed
        self._every_s = every_s
        self._client = client
        self._faults = faults
        self._now = now
        self._waiting: list[_Waiting] = []
        self._held: list[_Held] = []
        self._truth = truth
        self._truths: list[dict[str, object]] = []
        self._taken = 0
        self.told = self.posts_failed = 0

    @property
    def due(self) -> int:
        """Labels that have fallen due by now, told or not; what a fault holds back or drops is not."""
        now_s = self._now()
        return self._taken + sum(one.known_s <= now_s for one in self._waiting)

    def recorded(self, unit: Unit, finding: Finding, due_s: float) -> None:
        """Take one recorded unit, due at the instant ``due_s``; its label follows, if one will be known."""
        if self._truth and math.isfinite(unit.posterior):
            self._truths.append({"id": unit.id, "p": unit.posterior})
        looked_into = finding.declined or unit.explored
        if unit.label < 0 or (self._feed.known == "declined" and not looked_into):
            return
        wait_s = self._feed.delay_s + self._feed.spread_s * unit.label_wait
        heapq.heappush(self._waiting, _Waiting(due_s + wait_s, unit.id, unit, due_s, looked_into))

    async def tell_forever(self) -> None:
        """Post what has fallen due, until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            self._release()
            while self._truths and self._truth:
                batch, self._truths = self._truths[:LABELS_A_POST], self._truths[LABELS_A_POST:]
                await self._post(self._truth, {"truth": batch})
            while self._waiting and self._waiting[0].known_s <= self._now():
                await self._tell(self._fallen_due())

    def _release(self) -> None:
        """Let go what a fault held back that is off, or whose time is over."""
        now_s, still = self._now(), []
        for held in self._held:
            over = now_s >= held.until_s or self._fault_of(held.waiting) is not held.span
            if over:
                heapq.heappush(self._waiting, held.waiting._replace(known_s=now_s, held=True))
            else:
                still.append(held)
        self._held = still

    def _fallen_due(self) -> list[_Told]:
        now_s = self._now()
        batch: list[_Told] = []
        while self._waiting and self._waiting[0].known_s <= now_s and len(batch) < LABELS_A_POST:
            one = heapq.heappop(self._waiting)
            span = self._fault_of(one)
            if span is None or one.held or not isinstance(span.effect, Relabel):
                batch.append(_Told(one.unit, one.unit.label))
            else:
                batch += self._relabelled(one, span, span.effect)
        self._taken += len(batch)
        return batch

    def _fault_of(self, one: _Waiting) -> Span | None:
        """The fault that touches this label now."""
        return self._faults.label_fault(one.unit, self._now() - one.due_s + one.unit.due_s)

    def _relabelled(self, one: _Waiting, span: Span, effect: Relabel) -> list[_Told]:
        """Do to a label that falls due what the fault does: another one, a later one, or none."""
        first_due_s = one.due_s - one.unit.due_s
        told = told_instead(span, effect, one.unit, one.known_s - one.due_s, looked_into=one.looked_into)
        if told is None:
            self._faults.relabelled(one.unit, span, effect)
            self._faults.relabel_proven(one.unit, span)
            return []
        label, wait_s = told
        until_s = one.due_s + wait_s
        if until_s > self._now():
            self._faults.relabelled(one.unit, span, effect)
            self._faults.relabel_proven(one.unit, span)
            self._held.append(_Held(min(until_s, first_due_s + span.until_s), span, one))
            return []
        if label == one.unit.label:
            return [_Told(one.unit, label)]
        self._faults.relabelled(one.unit, span, effect)
        return [_Told(one.unit, label, span)]

    async def _tell(self, batch: Sequence[_Told]) -> None:
        """Post ``batch`` until the system has taken it: a label is never dropped."""
        if not batch or self._client is None:
            self._prove(batch)
            return
        await self._post(self._client, {"labels": [{"id": one.unit.id, "label": one.label} for one in batch]})
        self.told += len(batch)
        self._prove(batch)

    async def _post(self, poster: Poster, content: Mapping[str, object]) -> None:
        body = msgspec.json.encode(content)
        while True:
            reply = await poster.post(body, False)
            if reply.status == 200 and not reply.fault:
                return
            self.posts_failed += 1
            await asyncio.sleep(RETRY_S)

    def _prove(self, batch: Sequence[_Told]) -> None:
        for one in batch:
            if one.span is not None:
                self._faults.relabel_proven(one.unit, one.span)
