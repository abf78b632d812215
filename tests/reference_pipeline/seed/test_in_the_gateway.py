"""The arm inside a real gateway over a real store: late answers, broken records, exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reference_pipeline.gateway import Gateway
from reference_pipeline.inpath import Lost
from reference_pipeline.ledger import LOGS
from reference_pipeline.ports import CallFailed, Ports, Reply
from reference_pipeline.records import Decided, FeatureSpec, FieldSpec
from reference_pipeline.seed.path import seed_in_path
from reference_pipeline.service import DecisionConfig, edges_of
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.seed.virtual import VirtualClock

FEATURES, SCORER = "gateway-features", "gateway-scorer-a"
SPEC = FeatureSpec(
    kind="columns", fields=(FieldSpec(name="x", type="number"),), features=("x",), time_field="x"
)


class Half:
    """A simpler model that answers one half to all."""

    def decide(self, lost: Lost, /) -> list[Decided]:
        return [
            Decided(id=key, decision="decline", score=0.5, model="half", degraded=True)
            for key in lost.records
        ]

    def learn(self, decided: Sequence[Decided], /) -> None:
        """It never learns."""


class Bench:
    """One gateway; ``down`` names the edges that refuse, ``lives`` counts its starts."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = VirtualClock()
        self.down: set[str] = set()
        self.calls: list[str] = []
        self.restart()

    def restart(self) -> None:
        config = DecisionConfig()
        path = seed_in_path(self.call, self.clock, SPEC, edges=edges_of(config), simpler=Half())
        self.loops: list[Any] = []
        ports = Ports(
            service="gateway",
            boot_id="b",
            call=self.call,
            store=self.store,
            clock=self.clock,
            spawn=self.loops.append,
        )
        self.gateway = Gateway(ports, SPEC, config, path)

    async def call(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        assert deadline_s > 0
        self.calls.append(edge)
        await asyncio.sleep(0)
        if edge in self.down:
            raise CallFailed(f"{edge}: down on purpose")
        content = json.loads(body)
        if route == "POST /features":
            return _json({"rows": [[record["x"]] for record in content["records"]]})
        size = len(content["rows"])
        return _json({"scores": [0.25] * size, "decisions": ["approve"] * size, "model": "1.0.0+abc"})

    async def decide(self, *records: Mapping[str, object]) -> list[dict[str, Any]]:
        body = json.dumps({"records": records}).encode()
        return json.loads((await self.gateway.handle("POST /decide", body)).body)["answers"]

    async def get(self, target: str) -> dict[str, Any]:
        reply = await self.gateway.handle(f"GET {target}", b"")
        assert reply.status == 200
        return json.loads(reply.body)

    async def ids(self, log: str) -> list[str]:
        return [row["id"] for row in (await self.get(f"/audit/{log}"))["ids"]]

    async def decided(self) -> list[str]:
        return [
            row["id"] for row in json.loads((await self.gateway.handle("POST /outbox", b"")).body)["rows"]
        ]


def _json(content: object) -> Reply:
    return Reply(200, json.dumps(content).encode())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(SqliteStore(tmp_path / "store.db", LOGS)) as store:
        yield Bench(store)


def good(key: str) -> dict[str, object]:
    return {"id": key, "x": 1.0}


def test_an_answer_that_comes_seconds_late_is_final_all_the_same(bench: Bench) -> None:
    """M-40 and M-14 in the gateway: degraded after 7 s, stored, and a resend gets the stored one."""

    async def run() -> None:
        await bench.gateway.start()
        bench.down = {SCORER}
        (late,) = await bench.decide(good("a"))
        assert bench.clock.now_s() >= 7.0
        assert (late["status"], late["model"], late["degraded"]) == (200, "seed-simpler-model", True)
        bench.down = set()
        assert await bench.decide(good("a")) == [late]
        assert await bench.decided() == ["a"]

    asyncio.run(run())


def test_features_that_are_down_are_answered_by_the_average_after_three_seconds(bench: Bench) -> None:
    """M-17 and M-15 in the gateway: three calls, 3 s, then the alternative that asks nobody."""

    async def run() -> None:
        await bench.gateway.start()
        await bench.decide(good("before"))
        bench.down = {FEATURES}
        bench.calls.clear()
        (answer,) = await bench.decide(good("a"))
        assert (answer["model"], answer["score"]) == ("seed-historical-average", 0.25)
        assert bench.calls == [FEATURES] * 3
        assert bench.clock.now_s() == 3.0

    asyncio.run(run())


def test_a_broken_record_is_answered_for_another_and_stays_a_dead_letter(bench: Bench) -> None:
    """M-45 in the gateway: provisional, not delivered, listed as dead."""

    async def run() -> None:
        await bench.gateway.start()
        await bench.decide(good("before"))
        (answer,) = await bench.decide({"id": "a", "y": 1.0})
        assert (answer["status"], answer["model"]) == (200, "seed-last-batch")
        assert answer["dead_letter"]
        assert await bench.ids("dead_letters") == ["a"]
        assert await bench.decided() == ["before"]

    asyncio.run(run())


def test_nothing_is_repaired_in_this_arm(bench: Bench) -> None:
    """A text that is a number breaks the contract here: coercion is in no recipe."""

    async def run() -> None:
        await bench.gateway.start()
        (answer,) = await bench.decide({"id": "a", "x": "1.0"})
        assert answer["status"] == 422

    asyncio.run(run())


def test_every_record_of_an_outage_is_decided_once_whatever_the_recipes_do(bench: Bench) -> None:
    """Exactly once: outages, resends at the same time, broken records and a new life in between."""

    async def run() -> None:
        await bench.gateway.start()
        keys = [f"r{index}" for index in range(40)]
        for index, key in enumerate(keys):
            bench.down = [set(), {SCORER}, {FEATURES}, {SCORER, FEATURES}][index % 4]
            await asyncio.gather(bench.decide(good(key)), bench.decide(good(key), {"id": f"bad{key}"}))
        bench.restart()
        await bench.gateway.start()
        bench.down = set()
        await bench.decide(*map(good, keys))
        assert sorted(await bench.decided()) == sorted(keys)
        assert sorted(await bench.ids("dead_letters")) == sorted(f"bad{key}" for key in keys)
        assert len(await bench.ids("accepted")) == 80

    asyncio.run(run())


def test_the_acts_show_what_the_breaker_switched(bench: Bench) -> None:
    """M-14 in the gateway: /acts tells edge and instant, and what follows is not asked of the scorer."""

    async def run() -> None:
        await bench.gateway.start()
        for index in range(111):
            bench.down = {SCORER} if index >= 100 else set()
            await bench.decide(good(f"r{index}"))
        (act,) = (await bench.get("/acts"))["acts"]
        assert (act["act"], act["detail"], act["effect"]) == ("breaker_opened", SCORER, True)
        assert act["at_s"] == bench.clock.now_s()
        bench.calls.clear()
        (answer,) = await bench.decide(good("last"))
        assert answer["model"] == "seed-simpler-model"
        assert bench.calls == [FEATURES]
        assert (await bench.get("/signals"))["breaker_gateway_scorer_a"] == 2.0

    asyncio.run(run())
