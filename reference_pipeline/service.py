"""The decision of a record: the only file that knows the order of its stages.

(repair ->) contract -> accepted (durable) -> features -> scorer (-> fallback) -> decided (durable)
-> answer. What is in brackets is done where an arm heals in the path (``inpath``); without it a
failed hop leaves the record accepted and undecided, and the sweep decides it later.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec

from reference_pipeline.contract import Contract
from reference_pipeline.hops import PlainHops
from reference_pipeline.inpath import Answered, Ask, InPath, Lost
from reference_pipeline.ledger import Entry, Ledger, Verdict
from reference_pipeline.ports import Call, CallFailed, CallRejected, Clock, StoreFailed
from reference_pipeline.records import Answer, Decided, Decision, Held, Provisional, Record
from reference_pipeline.repairs import Repaired
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
_HEALING_COUNTS = ("repaired_total", "degraded_total", "replayed_total")


CANARY_SLOT = "b"


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


class Replayed(NamedTuple):
    """Ids that have their decision now, and those that do not."""

    replayed: list[str]
    refused: list[str]


_RECORD = msgspec.json.Decoder(dict[str, object])
_FEATURES = msgspec.json.Decoder(_Features)
_SCORES = msgspec.json.Decoder(_Scores)


def _as_it_came(record: Record) -> Repaired:
    return Repaired(record, ())


def _no_canary() -> float:
    return 0.0


class DecisionService:
    """Decides records, each id once; ``counts`` are its signals."""

    def __init__(
        self,
        ledger: Ledger,
        contract: Contract,
        call: Call,
        clock: Clock,
        *,
        config: DecisionConfig,
        path: InPath | None = None,
        repair: Callable[[Record], Repaired] = _as_it_came,
        canary: Callable[[], float] = _no_canary,
    ) -> None:
        self._ledger = ledger
        self._contract = contract
        self._hops = path.hops if path else PlainHops(call, clock)
        self._fallback = path.fallback if path else None
        self._repair = repair
        self._canary = canary
        self._clock = clock
        self._config = config
        names = (*_COUNTS, *map(_failed, edges_of(config)), *(_HEALING_COUNTS if path else ()))
        self.counts = Counter(dict.fromkeys(names, 0))

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
            await self._clock.rest_s(pause_s)

    async def replay(self, ids: Iterable[str]) -> Replayed:
        """Decide those of ``ids`` in the dead letters that keep the contract now, never by a fallback.

        An id that an earlier replay decided is told as replayed again.

        Raises:
            StoreFailed: some may be decided; asking again tells which.
        """
        wanted = list(dict.fromkeys(ids))
        mine = self._ledger.claim(wanted)
        try:
            dead = {key: entry for key in wanted if key in mine and (entry := self._ledger.dead_letter(key))}
            readable = {key: raw for key, entry in dead.items() if (raw := self._readable(entry)) is not None}
            await self._decide_dead(readable)
        finally:
            self._ledger.release(mine)
        decided = [key for key in wanted if self._ledger.is_replayed(key)]
        self.counts["replayed_total"] += sum(key in dead for key in decided)
        return Replayed(decided, [key for key in wanted if key not in set(decided)])

    async def _decide_dead(self, records: Mapping[str, msgspec.Raw]) -> None:
        """Decide all in one line; where a hop rejects that, each alone, so that a bad one fails alone."""
        until_s = self._clock.now_s() + self._config.sweep_budget_s
        try:
            await self._line(records, until_s, may_degrade=False)
        except CallRejected:
            if len(records) > 1:
                for key, raw in records.items():
                    await self._decide_dead({key: raw})
        except CallFailed:
            pass  # counted by the hop; they stay dead letters, and are told as refused

    def _readable(self, entry: Entry) -> msgspec.Raw | None:
        """The record of a dead letter as it is read now, None if it still breaks the contract."""
        read, _ = self._repair(_RECORD.decode(entry.record))
        return None if self._contract.check(read).why else msgspec.Raw(msgspec.json.encode(read))

    async def _take(self, records: Mapping[str, Record], until_s: float) -> dict[str, Answer]:
        """Accept claimed records and decide the new ones; known ids are left out of the answer."""
        if not records:
            return {}
        entries = self._entries(records)
        new = await self._ledger.accept(entries)
        fresh = [entry for entry, is_new in zip(entries, new, strict=True) if is_new]
        answers: dict[str, Answer] = {e.id: e.refusal for e in fresh if e.why}
        self._count_degraded([e.provisional for e in fresh if e.provisional])
        if repaired := sum(e.verdict == "repaired" for e in fresh):
            self.counts["repaired_total"] += repaired
        valid = {e.id: e.record for e in fresh if not e.why}
        self.counts["accepted_total"] += len(valid)
        self.counts["quarantined_total"] += len(answers)
        try:
            answers.update((d.id, d) for d in await self._line(valid, until_s))
        except (CallFailed, StoreFailed):
            self.counts["held_total"] += len(valid)
            answers.update((key, Held(id=key)) for key in valid)
        return answers

    def _entries(self, records: Mapping[str, Record]) -> list[Entry]:
        """Repair and check; what is still broken gets a provisional answer where one can be given."""
        entries = []
        broken: dict[str, Record] = {}
        for key, record in records.items():
            read, changes = self._repair(record)
            why, notes = self._contract.check(read)
            if why:
                broken[key] = read
            raw = msgspec.Raw(msgspec.json.encode(record if why else read))
            verdict: Verdict = "quarantined" if why else "repaired" if changes else "valid"
            entries.append(Entry(id=key, record=raw, verdict=verdict, why=why, notes=(*changes, *notes)))
        given = self._provisional(broken) if broken else {}
        return [msgspec.structs.replace(e, provisional=given[e.id]) if e.id in given else e for e in entries]

    def _provisional(self, broken: Mapping[str, Record]) -> dict[str, Provisional]:
        if self._fallback is None:
            return {}
        lost = Lost(
            records={key: msgspec.Raw(msgspec.json.encode(record)) for key, record in broken.items()},
            broken={key: self._contract.broken_fields(record) for key, record in broken.items()},
        )
        return {
            d.id: Provisional(id=d.id, decision=d.decision, score=d.score, model=d.model, degraded=True)
            for d in self._fallback.decide(lost)
        }

    async def _line(
        self, records: Mapping[str, msgspec.Raw], until_s: float, *, may_degrade: bool = True
    ) -> list[Decided]:
        """Decisions of claimed records, durable, all in one hop each."""
        if not records:
            return []
        decided = await self._decisions(records, until_s, may_degrade=may_degrade)
        await self._ledger.decide(decided)
        self.counts["decided_total"] += len(decided)
        self._count_degraded([d for d in decided if d.degraded])
        return decided

    async def _decisions(
        self, records: Mapping[str, msgspec.Raw], until_s: float, *, may_degrade: bool
    ) -> list[Decided]:
        """Features and scores; after a failed hop the fallback's, where there is one.

        Raises:
            CallFailed: a hop failed, and nobody answers in its place.
        """
        rows: list[msgspec.Raw] | None = None
        try:
            rows = await self._features(list(records.values()), until_s)
            scores = await self._scores(self._slot(next(iter(records))), rows, until_s)
        except CallFailed:
            if self._fallback is None or not may_degrade:
                raise
            if not (degraded := self._fallback.decide(Lost(records=records, rows=rows))):
                raise
            return degraded
        decided = [
            Decided(id=key, decision=decision, score=score, model=scores.model)
            for key, decision, score in zip(records, scores.decisions, scores.scores, strict=True)
        ]
        if self._fallback is not None:
            self._fallback.learn(decided)
        return decided

    async def _features(self, records: Sequence[msgspec.Raw], until_s: float) -> list[msgspec.Raw]:
        def read(body: bytes) -> list[msgspec.Raw]:
            try:
                rows = decoded(_FEATURES, body).rows
            except NotUnderstood as error:
                raise CallFailed(f"{FEATURES_EDGE}: reply not understood: {error}") from error
            if len(rows) != len(records):
                raise CallFailed(f"{FEATURES_EDGE}: {len(rows)} rows for {len(records)} records")
            return rows

        body = msgspec.json.encode({"records": records})
        return await self._hop(Ask(FEATURES_EDGE, "POST /features", body, read, hops_left=2), until_s)

    async def _scores(self, slot: str, rows: Sequence[msgspec.Raw], until_s: float) -> _Scores:
        edge = _scorer_edge(slot)

        def read(body: bytes) -> _Scores:
            try:
                scores = decoded(_SCORES, body)
            except NotUnderstood as error:
                raise CallFailed(f"{edge}: reply not understood: {error}") from error
            if not len(scores.scores) == len(scores.decisions) == len(rows):
                raise CallFailed(f"{edge}: {len(scores.scores)} scores for {len(rows)} rows")
            return scores

        body = msgspec.json.encode({"rows": rows})
        return await self._hop(Ask(edge, "POST /score", body, read), until_s)

    async def _hop(self, ask: Ask[Answered], until_s: float) -> Answered:
        try:
            return await self._hops.ask(ask, until_s)
        except CallFailed:
            self.counts[_failed(ask.edge)] += 1
            raise

    def _count_degraded(self, decided: Sequence[Decided]) -> None:
        """Count what a fallback answered, altogether and by its model."""
        for decision in decided:
            self.counts["degraded_total"] += 1
            self.counts[f"{decision.model.replace('-', '_')}_total"] += 1

    def _slot(self, key: str) -> str:
        """Choose the scorer slot by weight; the id is the dice, so a repeat chooses the same."""
        point, share = zlib.crc32(key.encode()) / 2**32, self._canary()
        for slot, usual in self._config.weights.items():
            weight = usual * (1.0 - share) + share * (slot == CANARY_SLOT)
            if point < weight:
                return slot
            point -= weight
        return next(iter(self._config.weights))

    async def _sweep(self, size: int) -> int:
        """Decide one batch of overdue records, never by a fallback, for nobody waits; the number decided.

        Raises:
            CallFailed, StoreFailed: they stay undecided, at the end of the line.
        """
        late = self._ledger.overdue(self._config.sweep_after_s, size)
        self._ledger.claim(late)
        try:
            until_s = self._clock.now_s() + self._config.sweep_budget_s
            decided = await self._line(late, until_s, may_degrade=False)
        except (CallFailed, StoreFailed):
            self._ledger.postpone(late)
            raise
        finally:
            self._ledger.release(late)
        self.counts["swept_total"] += len(decided)
        return len(decided)


def edges_of(config: DecisionConfig) -> tuple[str, ...]:
    """The edges over which a decision goes."""
    return (FEATURES_EDGE, *map(_scorer_edge, config.weights))


def _failed(edge: str) -> str:
    return f"failed_{edge.replace('-', '_')}_total"


def _scorer_edge(slot: str) -> str:
    return f"gateway-scorer-{slot}"
