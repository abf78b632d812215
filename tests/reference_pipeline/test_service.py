"""The order of a decision and its sweep, with hops that fail on purpose and a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reference_pipeline.contract import Contract
from reference_pipeline.ledger import ACCEPTED, DECIDED, LOGS, Ledger
from reference_pipeline.ports import CallFailed, Reply, StoreFailed
from reference_pipeline.records import FeatureSpec, FieldSpec
from reference_pipeline.service import DecisionConfig, DecisionService
from reference_pipeline.stores import SqliteStore

SPEC = FeatureSpec(
    kind="columns", fields=(FieldSpec(name="x", type="number"),), features=("x",), time_field="x"
)
GOOD_SCORES = {"scores": [0.25], "decisions": ["approve"], "model": "1.0.0+abc"}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        return self.at_s

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        self.at_s += seconds
        await asyncio.sleep(0)


class Hops:
    """Both services behind the gateway; ``broken`` says of a body whether its hop fails."""

    def __init__(self) -> None:
        self.broken: Callable[[str, dict], bool] = lambda edge, content: False
        self.scores: dict[str, object] | bytes | None = None
        self.calls: list[tuple[str, int]] = []

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        assert deadline_s > 0
        content = json.loads(body)
        size = len(content.get("records") or content.get("rows"))
        self.calls.append((edge, size))
        await asyncio.sleep(0)
        if self.broken(edge, content):
            raise CallFailed(f"{edge}: broken on purpose")
        if route == "POST /features":
            return _json({"rows": [[record["x"]] for record in content["records"]], "names": ["x"]})
        if isinstance(self.scores, bytes):
            return Reply(200, self.scores)
        good = {"scores": [0.25] * size, "decisions": ["approve"] * size, "model": "1.0.0+abc"}
        return _json(self.scores or good)


class Bench:
    """One gateway core over a file, with hops and time in the hands of the test."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = Clock()
        self.hops = Hops()
        self.restart()

    def restart(self, **config: object) -> None:
        """Forget everything that is not on disk."""
        self.ledger = Ledger(self.store, self.clock)
        self.ledger.recover()
        self.service = DecisionService(
            self.ledger, Contract(SPEC), self.hops, self.clock, config=DecisionConfig(**config)
        )

    async def decide(self, *keys: str) -> list[int]:
        answers = await self.service.decide({key: {"id": key, "x": 1.0} for key in keys})
        return [answers[key].status for key in keys]

    async def sweep_until(self, done: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.service.sweep_forever())
        for _ in range(20_000):
            if done():
                break
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert done()


def _json(content: object) -> Reply:
    return Reply(200, json.dumps(content).encode())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(SqliteStore(tmp_path / "store.db", LOGS)) as store:
        yield Bench(store)


@pytest.mark.parametrize(
    "scores",
    [
        {**GOOD_SCORES, "scores": []},
        {**GOOD_SCORES, "scores": [0.1, 0.2]},
        {**GOOD_SCORES, "scores": [1.5]},
        {**GOOD_SCORES, "decisions": ["perhaps"]},
        {"scores": [0.1]},
        b"\xff",
        b"[" * 100_000,
    ],
    ids=["too few", "too many", "no probability", "no decision", "no model", "no UTF-8", "bottomless"],
)
def test_a_hop_that_answers_nonsense_is_a_failed_hop(bench: Bench, scores: dict[str, object] | bytes) -> None:
    bench.hops.scores = scores
    assert asyncio.run(bench.decide("a")) == [503]
    assert bench.store.find(ACCEPTED, "a")
    assert bench.store.find(DECIDED, "a") is None


def test_nothing_is_called_twice_in_the_path_of_a_failing_request(bench: Bench) -> None:
    bench.hops.broken = lambda edge, content: "scorer" in edge
    assert asyncio.run(bench.decide("a", "b")) == [503, 503]
    assert bench.hops.calls == [("gateway-features", 2), ("gateway-scorer-a", 2)]


def test_the_sweep_waits_until_a_record_is_overdue(bench: Bench) -> None:
    async def scene() -> None:
        bench.hops.broken = lambda edge, content: True
        await bench.decide("a")
        bench.hops.broken = lambda edge, content: False
        await bench.sweep_until(lambda: bench.ledger.undecided == 0)

    asyncio.run(scene())
    assert 2.0 <= bench.clock.at_s < 3.0
    assert bench.store.find(DECIDED, "a")


def test_one_record_that_no_hop_can_take_does_not_block_the_others(bench: Bench) -> None:
    keys = [f"k{i}" for i in range(150)]

    async def scene() -> None:
        bench.hops.broken = lambda edge, content: True
        await bench.decide(*keys)
        bench.hops.broken = lambda edge, content: any(r["id"] == "k7" for r in content.get("records", ()))
        await bench.sweep_until(lambda: bench.ledger.undecided == 1)
        bench.hops.broken = lambda edge, content: False
        await bench.sweep_until(lambda: bench.ledger.undecided == 0)

    asyncio.run(scene())
    assert sorted(row.key for row in bench.store.read(DECIDED, 0, 1000)) == sorted(keys)


def test_the_sweep_asks_a_sick_hop_at_most_four_times_a_second(bench: Bench) -> None:
    async def scene() -> None:
        bench.hops.broken = lambda edge, content: True
        await bench.decide("a")
        bench.hops.calls.clear()
        await bench.sweep_until(lambda: bench.clock.at_s > 60)

    asyncio.run(scene())
    assert 100 < len(bench.hops.calls) <= 4 * 60


def test_after_a_restart_the_sweep_decides_what_was_left(bench: Bench) -> None:
    async def scene() -> None:
        bench.hops.broken = lambda edge, content: True
        await bench.decide("a", "b")
        bench.hops.broken = lambda edge, content: False
        await bench.decide("c")
        bench.restart()
        assert bench.ledger.undecided == 2
        await bench.sweep_until(lambda: bench.ledger.undecided == 0)
        bench.restart()
        assert bench.ledger.undecided == 0

    asyncio.run(scene())
    assert [row.key for row in bench.store.read(DECIDED, 0, 10)] == ["c", "a", "b"]


def test_the_remembered_mark_never_passes_undecided_work(bench: Bench) -> None:
    async def scene() -> None:
        await bench.decide("a")
        bench.hops.broken = lambda edge, content: True
        await bench.decide("b")
        bench.hops.broken = lambda edge, content: False
        await bench.decide("c")
        bench.ledger.remember_swept()

    asyncio.run(scene())
    assert bench.store.find("values", "swept") == b"1"
    bench.restart()
    assert bench.ledger.undecided == 1


def test_concurrent_requests_are_committed_together(bench: Bench) -> None:
    async def scene() -> list[list[int]]:
        return await asyncio.gather(*(bench.decide(f"r{i}") for i in range(50)))

    commits: list[int] = []
    bench.store._db.set_trace_callback(lambda sql: commits.append(1) if sql.startswith("COMMIT") else None)
    assert asyncio.run(scene()) == [[200]] * 50
    assert len(commits) <= 4


def test_a_request_for_an_id_that_is_being_decided_waits_for_the_one_decision(bench: Bench) -> None:
    async def scene() -> list[list[int]]:
        return await asyncio.gather(*(bench.decide("same") for _ in range(20)))

    assert asyncio.run(scene()) == [[200]] * 20
    assert bench.hops.calls == [("gateway-features", 1), ("gateway-scorer-a", 1)]


def test_a_full_disk_accepts_nothing_and_says_so(bench: Bench) -> None:
    pages = bench.store._db.execute("PRAGMA page_count").fetchone()[0]
    bench.store._db.execute(f"PRAGMA max_page_count = {pages}")

    async def scene() -> None:
        keys = [f"{i}" * 100 for i in range(100)]
        with pytest.raises(StoreFailed):
            await bench.decide(*keys)
        assert await bench.decide("a") == [200]

    asyncio.run(scene())
    assert bench.ledger.undecided == 0


@pytest.mark.parametrize(("b", "low", "high"), [(0.0, 0, 0), (0.3, 40, 80), (1.0, 200, 200)])
def test_a_slot_gets_its_weight_of_the_requests(bench: Bench, b: float, low: int, high: int) -> None:
    bench.restart(weights={"a": 1.0 - b, "b": b})

    async def scene() -> None:
        for i in range(200):
            await bench.decide(f"unit-{i}")

    asyncio.run(scene())
    assert low <= sum(edge == "gateway-scorer-b" for edge, _ in bench.hops.calls) <= high
