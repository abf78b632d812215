"""The decision of a record: the only file that knows the order of its stages.

contract -> accepted (durable) -> features -> scorer -> decided (durable) -> answer. A failed hop
leaves the record accepted and undecided; the sweep decides it later. No healing in this path.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from reference_pipeline.contract import Contract
from reference_pipeline.ledger import Entry, Ledger
from reference_pipeline.ports import Call, CallFailed, Clock, StoreFailed
from reference_pipeline.records import Answer, Decided, Decision, Held, Quarantined, Record
from reference_pipeline.wire import NotUnderstood, decoded

FEATURES_EDGE = "gateway-features"
_COUNTS = (
    "accepted_total",
    "quarantined_total",
    "decided_total",
    "held_total",
    "resent_total",
    "swept_total",
    "sweeps_failed_total",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionConfig:
    """Budgets in seconds; ``weights`` are the shares of the scorer slots and sum to 1."""

    budget_s: float = 0.2
    weights: Mapping[str, float] = field(default_factory=lambda: {"a": 1.0, "b": 0.0})
    sweep_after_s: float = 2.0
    sweep_budget_s: float = 1.0
    sweep_pause_s: float = 0.25  # after a failure or when idle: a sick hop is asked 4 times a second
    sweep_step_s: float = 0.005  # between batches of a backlog: requests come first
    sweep_batch: int = 64


class _Features(msgspec.Struct):
    rows: list[msgspec.Raw]


class _Scores(msgspec.Struct):
    scores: list[Annotated[float, msgspec.Meta(ge=0, le=1)]]
    decisions: list[Decision]
    model: str


_FEATURES = msgspec.json.Decoder(_Features)
_SCORES = msgspec.json.Decoder(_Scores)


class DecisionService:
    """Decides records, each id once; ``counts`` are its signals."""

    def __init__(
        self, ledger: Ledger, contract: Contract, call: Call, clock: Clock, *, config: DecisionConfig
    ) -> None:
        self._ledger = ledger
        self._contract = contract
        self._call = call
        self._clock = clock
        self._config = config
        self.counts = Counter(
            dict.fromkeys((*_COUNTS, *map(_failed, (FEATURES_EDGE, *map(_scorer_edge, config.weights)))), 0)
        )

    async def decide(self, records: Mapping[str, Record]) -> dict[str, Answer]:
        """Answer each of ``records`` by id, within the budget.

        An id that is known gets its stored answer, an id that is being decided is waited for.

        Raises:
            StoreFailed: nothing new was accepted.
        """
        until_s = self._clock.now_s() + self._config.budget_s
        mine = self._ledger.claim(records)
        try:
            answers = await self._take({key: records[key] for key in records if key in mine}, until_s)
        finally:
            self._ledger.release(mine)
        if resent := [key for key in records if key not in answers]:
            await self._ledger.wait_for(resent, until_s - self._clock.now_s())
            answers.update((key, self._ledger.answer(key)) for key in resent)
            self.counts["resent_total"] += len(resent)
        return answers

    async def sweep_forever(self) -> None:
        """Decide what is accepted and undecided for too long, one batch at a time, until it is."""
        size = self._config.sweep_batch
        while True:
            pause_s = self._config.sweep_pause_s
            try:
                if await self._sweep(size):
                    pause_s = self._config.sweep_step_s
                    size = min(2 * size, self._config.sweep_batch)
                else:
                    self._ledger.remember_swept()
            except (CallFailed, StoreFailed):
                self.counts["sweeps_failed_total"] += 1
                size = max(1, size // 2)  # down to one, so that a bad record fails alone
            await self._clock.sleep_s(pause_s)

    async def _take(self, records: Mapping[str, Record], until_s: float) -> dict[str, Answer]:
        """Accept claimed records and decide the new ones; known ids are left out of the answer."""
        if not records:
            return {}
        entries = [self._entry(key, record) for key, record in records.items()]
        new = await self._ledger.accept(entries)
        fresh = [entry for entry, is_new in zip(entries, new, strict=True) if is_new]
        answers: dict[str, Answer] = {e.id: Quarantined(id=e.id, why=e.why) for e in fresh if e.why}
        valid = {e.id: e.record for e in fresh if not e.why}
        self.counts["accepted_total"] += len(valid)
        self.counts["quarantined_total"] += len(answers)
        try:
            answers.update((d.id, d) for d in await self._line(valid, until_s))
        except (CallFailed, StoreFailed):
            self.counts["held_total"] += len(valid)
            answers.update((key, Held(id=key)) for key in valid)
        return answers

    def _entry(self, key: str, record: Record) -> Entry:
        why, notes = self._contract.check(record)
        raw = msgspec.Raw(msgspec.json.encode(record))
        return Entry(id=key, record=raw, verdict="quarantined" if why else "valid", why=why, notes=notes)

    async def _line(self, records: Mapping[str, msgspec.Raw], until_s: float) -> list[Decided]:
        """Features, scores, durable decisions of claimed records, all in one hop each."""
        if not records:
            return []
        rows = await self._features(list(records.values()), until_s)
        slot = self._slot(next(iter(records)))
        scores = await self._scores(slot, rows, until_s)
        decided = [
            Decided(id=key, decision=decision, score=score, model=scores.model)
            for key, decision, score in zip(records, scores.decisions, scores.scores, strict=True)
        ]
        await self._ledger.decide(decided)
        self.counts["decided_total"] += len(decided)
        return decided

    async def _features(self, records: Sequence[msgspec.Raw], until_s: float) -> list[msgspec.Raw]:
        body = await self._hop(FEATURES_EDGE, "POST /features", {"records": records}, until_s)
        try:
            rows = decoded(_FEATURES, body).rows
        except NotUnderstood as error:
            raise CallFailed(f"{FEATURES_EDGE}: reply not understood: {error}") from error
        if len(rows) != len(records):
            raise CallFailed(f"{FEATURES_EDGE}: {len(rows)} rows for {len(records)} records")
        return rows

    async def _scores(self, slot: str, rows: Sequence[msgspec.Raw], until_s: float) -> _Scores:
        edge = _scorer_edge(slot)
        body = await self._hop(edge, "POST /score", {"rows": rows}, until_s)
        try:
            scores = decoded(_SCORES, body)
        except NotUnderstood as error:
            raise CallFailed(f"{edge}: reply not understood: {error}") from error
        if not len(scores.scores) == len(scores.decisions) == len(rows):
            raise CallFailed(f"{edge}: {len(scores.scores)} scores for {len(rows)} rows")
        return scores

    async def _hop(self, edge: str, route: str, content: object, until_s: float) -> bytes:
        left_s = until_s - self._clock.now_s()
        try:
            if left_s <= 0:
                raise CallFailed(f"{edge}: the budget was spent before the call")
            return (await self._call(edge, route, msgspec.json.encode(content), left_s)).body
        except CallFailed:
            self.counts[_failed(edge)] += 1
            raise

    def _slot(self, key: str) -> str:
        """Choose the scorer slot by weight; the id is the dice, so a repeat chooses the same."""
        point = zlib.crc32(key.encode()) / 2**32
        for slot, weight in self._config.weights.items():
            if point < weight:
                return slot
            point -= weight
        return next(iter(self._config.weights))

    async def _sweep(self, size: int) -> int:
        """Decide one batch of overdue records; the number decided.

        Raises:
            CallFailed, StoreFailed: they stay undecided, at the end of the line.
        """
        late = self._ledger.overdue(self._config.sweep_after_s, size)
        self._ledger.claim(late)
        try:
            decided = await self._line(late, self._clock.now_s() + self._config.sweep_budget_s)
        except (CallFailed, StoreFailed):
            self._ledger.postpone(late)
            raise
        finally:
            self._ledger.release(late)
        self.counts["swept_total"] += len(decided)
        return len(decided)


def _failed(edge: str) -> str:
    return f"failed_{edge.replace('-', '_')}_total"


def _scorer_edge(slot: str) -> str:
    return f"gateway-scorer-{slot}"
