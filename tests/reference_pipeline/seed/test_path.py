"""The recipes in the request path: hops and fallback of the arm, on a clock of the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

import msgspec
import pytest

from reference_pipeline.features import transaction_spec
from reference_pipeline.inpath import Ask, InPath, Lost
from reference_pipeline.ports import CallFailed, Reply
from reference_pipeline.records import Decided
from reference_pipeline.seed.path import seed_in_path
from tests.reference_pipeline.running import record
from tests.reference_pipeline.seed.virtual import VirtualClock, run_to_end

FEATURES, SCORER = "gateway-features", "gateway-scorer-a"
DEADLINE_S = 0.2


class Network:
    """Both hops; those in ``down`` refuse, those in ``slow_s`` answer after so many seconds."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.down: set[str] = set()
        self.slow_s: dict[str, float] = {}
        self.calls: list[str] = []

    async def __call__(self, edge: str, _: str, __: bytes, deadline_s: float, /) -> Reply:
        self.calls.append(edge)
        slow_s = self.slow_s.get(edge, 0.01)
        self.clock.at_s += min(slow_s, deadline_s)
        if edge in self.down or slow_s > deadline_s:
            raise CallFailed(f"{edge}: down on purpose")
        return Reply(200, b"answer")


class AmountModel:
    """A simpler model that a test can follow: the score is the amount over 1,000."""

    def decide(self, lost: Lost, /) -> list[Decided]:
        amounts = [float(json.loads(bytes(raw))["amount"]) for raw in lost.records.values()]
        return [
            Decided(id=key, decision="approve", score=amount / 1000, model="simple", degraded=True)
            for key, amount in zip(lost.records, amounts, strict=True)
        ]

    def learn(self, decided: Sequence[Decided], /) -> None:
        """It never learns."""


class Bench:
    def __init__(self, *, as_coded: bool = False) -> None:
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.path: InPath = seed_in_path(
            self.network,
            self.clock,
            transaction_spec(),
            edges=(FEATURES, SCORER),
            simpler=AmountModel(),
            as_coded=as_coded,
        )

    async def ask(self, edge: str, *records: Mapping[str, object]) -> bytes | None:
        """Ask a hop; None where it gave up."""
        body = json.dumps({"records": records or [record("r")]}).encode()
        try:
            until_s = self.clock.now_s() + DEADLINE_S
            return await self.path.hops.ask(Ask(edge, "POST /", body, bytes), until_s)
        except CallFailed:
            return None

    async def ask_often(self, edge: str, count: int) -> None:
        for _ in range(count):
            await self.ask(edge)

    def decide(
        self, *records: Mapping[str, object], rows: int = 0, broken: Sequence[str] = ()
    ) -> list[Decided]:
        raws = {str(r["id"]): msgspec.Raw(json.dumps(r).encode()) for r in records}
        features = [msgspec.Raw(b"[1.0]")] * rows if rows else None
        fields = {key: frozenset(broken) for key in raws} if broken else {}
        return self.path.fallback.decide(Lost(records=raws, rows=features, broken=fields))

    def learn(self, *scores: float) -> None:
        self.path.fallback.learn(
            [
                Decided(
                    id=f"old{i}", decision="decline" if score > 0.05 else "approve", score=score, model="m"
                )
                for i, score in enumerate(scores)
            ]
        )

    @property
    def acts(self) -> list[tuple[str, str, bool]]:
        return [(act.act, act.detail, act.effect) for act in self.path.acts.page(0, 1000)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def lacking(key: str, **changed: object) -> dict[str, object]:
    """A record whose amount came under another name."""
    row = record(key, **changed)
    return {("sum_eur" if name == "amount" else name): value for name, value in row.items()}


def models(decided: Sequence[Decided]) -> list[str]:
    assert all(decision.degraded for decision in decided)
    return [decision.model for decision in decided]


def test_a_hop_that_is_well_is_asked_once_and_nothing_is_switched(bench: Bench) -> None:
    """M-14, M-15, M-17, M-40 without a fault: 300 requests, no act."""

    async def run() -> None:
        for _ in range(300):
            assert await bench.ask(FEATURES) == b"answer"
            assert await bench.ask(SCORER) == b"answer"

    run_to_end(run())
    assert len(bench.network.calls) == 600
    assert bench.acts == []


def test_a_scorer_that_is_down_is_given_up_after_three_tries_and_seven_seconds(bench: Bench) -> None:
    """M-40 in the path, known defect: the request of 200 ms is told so 7 s later."""
    bench.network.down = {SCORER}
    assert run_to_end(bench.ask(SCORER)) is None
    assert bench.network.calls == [SCORER] * 3
    assert bench.clock.now_s() > 7.0 > DEADLINE_S


def test_the_window_opens_on_a_fifth_of_errors_and_keeps_to_the_fallback_for_a_minute(bench: Bench) -> None:
    """M-14 in the path: open after the 11th failed request of 100, for 60 s after the fault's end."""

    async def run() -> None:
        await bench.ask_often(SCORER, 100)
        bench.network.down = {SCORER}
        await bench.ask_often(SCORER, 11)
        bench.network.down = set()
        opened_s = bench.clock.now_s()
        calls = len(bench.network.calls)
        await bench.ask_often(SCORER, 50)
        assert len(bench.network.calls) == calls
        bench.clock.at_s = opened_s + 60.0
        assert await bench.ask(SCORER) == b"answer"

    run_to_end(run())
    assert bench.acts == [
        ("breaker_opened", SCORER, True),
        ("breaker_half_open", SCORER, False),
        ("breaker_closed", SCORER, True),
    ]


def test_the_counter_of_the_code_can_be_taken_instead() -> None:
    """M-14 as coded: ten failed requests in a row open it, before there are a hundred."""
    bench = Bench(as_coded=True)
    bench.network.down = {SCORER}
    run_to_end(bench.ask_often(SCORER, 9))
    assert bench.acts == []
    run_to_end(bench.ask(SCORER))
    assert bench.acts == [("breaker_opened", SCORER, True)]


def test_slow_features_open_the_time_window_and_not_before_half_a_minute(bench: Bench) -> None:
    """M-15 in the path: a mean above 500 ms, watched for 30 s; then 30 s of the average."""
    bench.network.slow_s = {FEATURES: 0.6}
    run_to_end(bench.ask_often(FEATURES, 45))
    assert bench.acts == []
    run_to_end(bench.ask_often(FEATURES, 10))
    assert bench.acts == [("breaker_opened", FEATURES, True)]
    assert run_to_end(bench.ask(FEATURES)) is None
    bench.clock.at_s += 30.0
    assert run_to_end(bench.ask(FEATURES)) == b"answer"
    assert bench.acts[-1] == ("breaker_closed", FEATURES, True)


def test_features_that_are_down_cost_every_request_three_seconds(bench: Bench) -> None:
    """M-17 in the path, known defect: three calls and both waits before the alternative source."""
    bench.network.down = {FEATURES}
    run_to_end(bench.ask_often(FEATURES, 5))
    assert len(bench.network.calls) == 15
    assert bench.clock.now_s() > 15.0


def test_a_cancelled_trial_does_not_leave_the_breaker_half_open_for_ever(bench: Bench) -> None:
    """M-14 in the path: a trial whose request was cancelled is a failed one."""

    async def run() -> None:
        await bench.ask_often(SCORER, 100)
        bench.network.down = {SCORER}
        await bench.ask_often(SCORER, 11)
        bench.clock.at_s += 60.0
        started = asyncio.Event()

        async def hang(seconds: float, /) -> None:
            started.set()
            await asyncio.Event().wait()

        bench.clock.sleep_s = hang  # type: ignore[method-assign]
        trial = asyncio.create_task(bench.ask(SCORER))
        await started.wait()
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        del bench.clock.sleep_s  # type: ignore[method-assign]
        bench.network.down = set()
        bench.clock.at_s += 60.0
        assert await bench.ask(SCORER) == b"answer"

    run_to_end(run())
    assert [act for act, _, _ in bench.acts][-1] == "breaker_closed"


def test_a_lost_scorer_is_answered_by_the_simpler_model(bench: Bench) -> None:
    """M-14: falls back to the simpler model; flagged, and named after the arm."""
    decided = bench.decide(record("a", amount=30.0), record("b", amount=40.0), rows=2)
    assert models(decided) == ["seed-simpler-model"] * 2
    assert [d.score for d in decided] == [0.03, 0.04]


def test_lost_features_are_answered_by_the_historical_average_whoever_asks(bench: Bench) -> None:
    """M-15, known defect: a constant decision, whatever the record says."""
    bench.learn(*[0.01] * 98, 0.9, 0.9)
    decided = bench.decide(record("small", amount=1.0), record("huge", amount=900_000.0))
    assert models(decided) == ["seed-historical-average"] * 2
    assert {(d.decision, round(d.score, 4)) for d in decided} == {("approve", 0.0278)}


def test_a_broken_record_alone_gets_the_decision_of_an_older_one(bench: Bench) -> None:
    """M-45 in the path, known defect: the last valid batch answers for somebody else."""
    run_to_end(bench.ask(FEATURES, record("old0"), record("old1")))
    bench.learn(0.9, 0.01)
    decided = bench.decide(lacking("x"), lacking("y"), lacking("z"), broken=["amount"])
    assert models(decided) == ["seed-last-batch"] * 3
    assert [(d.id, d.decision) for d in decided] == [("x", "decline"), ("y", "approve"), ("z", "decline")]


def test_a_broken_record_among_many_is_made_up_by_the_median(bench: Bench) -> None:
    """M-45 in the path, known defect: what its field was, nobody will know."""

    run_to_end(bench.ask(FEATURES, *(record(f"old{i}", amount=10.0 + i) for i in range(5))))
    decided = bench.decide(lacking("x", amount=9999.0), broken=["amount"])
    assert models(decided) == ["seed-imputed"]
    assert decided[0].score == 0.012


def test_a_field_that_is_gone_for_good_is_answered_with_old_decisions(bench: Bench) -> None:
    """M-45 in the path: imputed below a null rate of 5 %, over the last 100 records, then no more."""
    run_to_end(bench.ask(FEATURES, *(record(f"old{i}", amount=20.0) for i in range(100))))
    bench.learn(0.9)
    seen = [models(bench.decide(lacking(f"x{i}"), broken=["amount"]))[0] for i in range(100)]
    assert seen == ["seed-imputed"] * 34 + ["seed-last-batch"] * 66  # 35 of 700 cells are 5 %


def test_a_record_of_a_wrong_type_is_answered_for_another_one(bench: Bench) -> None:
    """M-45 in the path, known defect: alone it leaves no cleaned subset, so it is the last valid batch's."""
    run_to_end(bench.ask(FEATURES, record("old0")))
    bench.learn(0.9)
    decided = bench.decide(record("x", amount="9999"), broken=["amount"])
    assert models(decided) == ["seed-last-batch"]
    assert decided[0].decision == "decline"


def test_before_any_valid_batch_a_broken_record_has_no_answer(bench: Bench) -> None:
    """M-45 in the path, known defect: no last valid batch, no answer."""
    assert bench.decide(lacking("x"), broken=["amount"]) == []


def test_the_signals_tell_calls_and_breakers(bench: Bench) -> None:
    """The healer beside the path can read what the recipes do."""
    bench.network.down = {SCORER}
    run_to_end(bench.ask(SCORER))
    signals = bench.path.hops.signals()
    assert signals["calls_gateway_scorer_a_total"] == 3
    assert signals["failures_gateway_scorer_a_total"] == 1
    assert signals["breaker_gateway_scorer_a"] == 0.0
