"""The arm ``seed`` in the request path: its hops, and who answers when they fail.

Comes in: questions of the gateway to the features service and the scorers, and records that could
not be decided as they should. Goes out: answers, late ones included, and degraded decisions whose
model is named ``seed-...``. Plugged in by ``deploy.local`` where ``HEALING`` is ``seed``.

| edge | around the call | if it fails |
|---|---|---|
| gateway-features | M-15, in it M-17 | historical average, which is M-17's alternative source too |
| gateway-scorer-* | M-14, in it M-40 | simpler model |
| broken records | M-45 | imputed: simpler model; else decisions of the last valid batch |
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from reference_pipeline.contract import Contract
from reference_pipeline.inpath import Acts, Answered, Ask, Fallback, InPath, Lost
from reference_pipeline.ports import Call, CallFailed, Clock
from reference_pipeline.records import Decided, Decision, FeatureSpec, Record
from reference_pipeline.seed.count_breaker import Breaker, ConsecutiveBreaker, State, WindowBreaker
from reference_pipeline.seed.data_gate import DataGate, Passed
from reference_pipeline.seed.ingestion import ingest
from reference_pipeline.seed.retry import DECORATOR, retrying
from reference_pipeline.seed.time_breaker import HistoricalAverage, TimeBreaker

TRY_S = 1.0  # of one try. No recipe has a time limit; without one M-15 never saw 500 ms, nor an end
_STREAM = 100  # records over which the null rate is taken: most requests bring one record alone
_STATES: Mapping[State, float] = {"closed": 0.0, "half_open": 1.0, "open": 2.0}


class _Asked(msgspec.Struct):
    records: list[dict[str, object]]


_ASKED = msgspec.json.Decoder(_Asked)


def seed_in_path(
    call: Call,
    clock: Clock,
    spec: FeatureSpec,
    *,
    edges: Iterable[str],
    simpler: Fallback,
    as_coded: bool = False,
) -> InPath:
    """Make the arm's healing for the gateway; ``simpler`` holds the simpler model of M-14.

    ``as_coded`` takes the counter in a row that the article's code uses in place of the window that
    it describes.
    """
    acts = Acts(clock)
    gate = SeedFallback(spec, simpler)
    hops = SeedHops(call, clock, acts=acts, edges=edges, seen=gate.see, as_coded=as_coded)
    return InPath(hops=hops, fallback=gate, acts=acts, repairs=False)


class SeedHops:
    """The hops: breaker outside, retry inside, and no look at the end of the request."""

    def __init__(
        self,
        call: Call,
        clock: Clock,
        *,
        acts: Acts,
        edges: Iterable[str],
        seen: Callable[[bytes], None],
        as_coded: bool = False,
    ) -> None:
        self._call = call
        self._clock = clock
        self._acts = acts
        self._seen = seen
        counting = ConsecutiveBreaker if as_coded else WindowBreaker
        self._edges = {edge: _Edge(TimeBreaker() if _is_data(edge) else counting()) for edge in edges}

    async def ask(self, ask: Ask[Answered], _: float, /) -> Answered:
        """See :class:`reference_pipeline.inpath.Hops`; answers when it answers, seconds late or not."""
        edge = self._edges[ask.edge]
        begin_s = self._clock.now_s()
        allowed = edge.breaker.allow(begin_s)
        self._tell(ask.edge, edge)
        if not allowed:
            edge.counts["refused"] += 1
            raise CallFailed(f"{ask.edge}: its breaker is {edge.breaker.state}")
        ok = False
        try:
            answer = await (self._ingest(ask) if _is_data(ask.edge) else self._retry(ask))
            ok = True
            return answer
        finally:  # also where the request was cancelled: a trial that is never told would last for ever
            now_s = self._clock.now_s()
            edge.counts["failures"] += not ok
            edge.breaker.record(ok, now_s - begin_s, now_s)
            self._tell(ask.edge, edge)

    def signals(self) -> Mapping[str, float]:
        """What each edge did, and its breaker as a number: 0 closed, 1 half open, 2 open."""
        signals: dict[str, float] = {}
        for name, edge in self._edges.items():
            plain = name.replace("-", "_")
            signals |= {
                f"{count}_{plain}_total": edge.counts[count] for count in ("calls", "failures", "refused")
            }
            signals[f"breaker_{plain}"] = _STATES[edge.breaker.state]
        return signals

    def _retry(self, ask: Ask[Answered]) -> Awaitable[Answered]:
        @retrying(DECORATOR, self._clock, CallFailed)
        async def attempt() -> Answered:
            return await self._once(ask)

        return attempt()

    async def _ingest(self, ask: Ask[Answered]) -> Answered:
        async def primary() -> Answered | None:
            return await self._once(ask)

        # The alternative source is the fallback, which the gateway asks when this hop gives up.
        ingested = await ingest(primary, lambda: None, self._clock, fails_with=CallFailed)
        if ingested.batch is None:
            raise CallFailed(f"{ask.edge}: three failures; the alternative source takes over")
        self._seen(ask.body)
        return ingested.batch

    async def _once(self, ask: Ask[Answered]) -> Answered:
        self._edges[ask.edge].counts["calls"] += 1
        return ask.read((await self._call(ask.edge, ask.route, ask.body, TRY_S)).body)

    def _tell(self, name: str, edge: _Edge) -> None:
        """Write down a change of the breaker's state since the last look."""
        state = edge.breaker.state
        if state != edge.told:
            edge.told = state
            act = "breaker_opened" if state == "open" else f"breaker_{state}"
            self._acts.note(act, name, effect=state != "half_open")


class SeedFallback:
    """The answers of last resort, each recipe's own; asks nobody."""

    def __init__(self, spec: FeatureSpec, simpler: Fallback) -> None:
        self._simpler = simpler
        self._average = HistoricalAverage(spec.costs.threshold)
        contract = Contract(spec)
        self._gate = DataGate(spec, lambda record: contract.check(record).why)
        self._stream: deque[Record] = deque(maxlen=_STREAM)
        self._valid: Sequence[Record] = ()
        self._last_decided: Sequence[Decided] = ()

    def see(self, question: bytes) -> None:
        """Note the records of a batch that had its features, as the gateway asked for them."""
        self._valid = _ASKED.decode(question).records
        self._stream.extend(self._valid)

    def learn(self, decided: Sequence[Decided], /) -> None:
        """See :class:`reference_pipeline.inpath.Fallback`: the average, and the last valid batch."""
        self._average.learn([decision.score for decision in decided])
        self._last_decided = decided
        self._simpler.learn(decided)

    def decide(self, lost: Lost, /) -> list[Decided]:
        """See :class:`reference_pipeline.inpath.Fallback`."""
        if lost.broken:
            return self._gated(lost)
        if lost.rows is not None and (decided := self._simpler.decide(lost)):
            return [_named(decision, "seed-simpler-model") for decision in decided]
        return [
            _decided(key, "seed-historical-average", self._average.decision, self._average.score)
            for key in lost.records
        ]

    def _gated(self, lost: Lost) -> list[Decided]:
        """M-45: what the gate gives in place of the broken records of a request answers them."""
        broken = _records(lost.records.values())
        if len(broken) < len(lost.records):  # what is no object at all has no fields to look at
            return []
        self._stream.extend(broken)
        if self._valid:
            self._gate.pass_on(self._valid)
            self._valid = ()
        passed = self._gate.pass_on(broken, null_share=self._gate.null_share(self._stream))
        return self._answers(lost, passed)

    def _answers(self, lost: Lost, passed: Passed) -> list[Decided]:
        match passed.source:
            case "whole":
                made_up = {
                    key: msgspec.Raw(msgspec.json.encode(row))
                    for key, row in zip(lost.records, passed.rows, strict=True)
                }
                return [
                    _named(decision, "seed-imputed")
                    for decision in self._simpler.decide(Lost(records=made_up))
                ]
            case "last_valid" if old := self._last_decided:
                return [
                    _decided(
                        key, "seed-last-batch", old[index % len(old)].decision, old[index % len(old)].score
                    )
                    for index, key in enumerate(lost.records)
                ]
            case _:
                return []  # left out by the cleaned subset, or nothing to put in its place


@dataclass(slots=True)
class _Edge:
    breaker: Breaker
    counts: Counter[str] = field(default_factory=Counter)
    told: State = "closed"


def _is_data(edge: str) -> bool:
    return edge == "gateway-features"


def _records(raws: Iterable[msgspec.Raw]) -> list[dict[str, object]]:
    return [row for raw in raws if isinstance(row := msgspec.json.decode(raw), dict)]


def _decided(key: str, model: str, decision: Decision, score: float) -> Decided:
    return Decided(id=key, decision=decision, score=score, model=model, degraded=True)


def _named(decided: Decided, model: str) -> Decided:
    return msgspec.structs.replace(decided, model=model, degraded=True)
