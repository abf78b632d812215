"""Arm ``reference`` as real processes: hops that are killed or stopped, a gateway killed in mid replay."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_pipeline.deploy.calls import HttpCalls
from reference_pipeline.healing.reach import Reach
from reference_pipeline.ports import CallFailed
from tests.reference_pipeline.running import SHOWN, SWITCH_TOKEN, Pipeline, ask, record, until

pytestmark = pytest.mark.live
ARM = ("registry", "features", "scorer-a", "gateway", "delivery")  # slot b has weight 0


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[Pipeline]:
    running = Pipeline(tmp_path_factory.mktemp("healed"), small_template, healing="reference")
    try:
        running.start(*ARM)
        yield running
    finally:
        running.stop()


def renamed(key: str) -> dict[str, object]:
    changed = record(key)
    changed["value"] = changed.pop("amount")
    return changed


def assert_each_once(pipeline: Pipeline) -> None:
    """Every accepted id is in exactly one of sink and dead letters, once delivery has caught up."""

    def settled() -> bool:
        accepted = pipeline.ids("gateway", "/audit/accepted")
        dead = pipeline.ids("gateway", "/audit/dead_letters")
        sunk = pipeline.ids("delivery", "/audit/sink")
        return sorted(accepted) == sorted([*dead, *sunk])

    until(settled)


def test_a_killed_scorer_is_answered_by_the_fallback_until_it_is_back(healed: Pipeline) -> None:
    healed.kill("scorer-a")
    answers = [healed.decide(record(f"cut-{i}")).json["answers"][0] for i in range(40)]
    assert {(a["status"], a["degraded"], a["model"]) for a in answers} == {(200, True, "fallback-logistic")}
    assert healed.signal("gateway", "breaker_gateway_scorer_a") > 0
    healed.start("scorer-a")
    again = (f"back-{i}" for i in range(10_000))
    until(lambda: not healed.decide(record(next(again))).json["answers"][0]["degraded"])
    acts = [act["act"] for act in healed.get("gateway", "/acts").json["acts"]]
    assert acts[0] == "breaker_opened"
    until(
        lambda: (
            healed.signal("gateway", "breaker_gateway_scorer_a") == 0
            or healed.decide(record(next(again))).status == 0
        )
    )
    assert_each_once(healed)


def test_features_that_hang_are_answered_from_the_record(healed: Pipeline) -> None:
    process = healed.processes["features"]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        answers = [healed.decide(record(f"hang-{i}")).json["answers"][0] for i in range(10)]
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert {(a["status"], a["degraded"], a["model"]) for a in answers} == {(200, True, "fallback-record")}
    again = (f"woken-{i}" for i in range(10_000))
    until(lambda: not healed.decide(record(next(again))).json["answers"][0]["degraded"])
    assert_each_once(healed)


def test_a_gateway_killed_in_mid_replay_decides_each_dead_letter_once(healed: Pipeline) -> None:
    keys = [f"renamed-{i}" for i in range(60)]
    for key in keys:
        assert healed.decide(renamed(key)).json["answers"][0]["dead_letter"] is True
    healed.put("gateway", "/switches/mapping", {"from": "value", "to": "amount"})
    for part in (keys[:20], keys[20:40], keys):
        sender = threading.Thread(target=lambda part=part: healed.post("gateway", "/replay", {"ids": part}))
        sender.start()
        until(lambda part=part: part[0] not in healed.ids("gateway", "/audit/dead_letters"))
        healed.kill("gateway")
        sender.join(15)
        healed.start("gateway")
    until(lambda: len(healed.post("gateway", "/replay", {"ids": keys}).json["replayed"]) == len(keys))
    assert_each_once(healed)
    sunk = healed.ids("delivery", "/audit/sink")
    assert all(sunk.count(key) == 1 for key in keys)
    assert healed.decide(renamed("mapped-after-the-kill")).json["answers"][0]["degraded"] is False
    assert healed.decide(renamed(keys[0])).json["answers"][0]["degraded"] is False


ORIGIN = {"Origin": "http://a.page.example"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, SHOWN | ORIGIN, SHOWN | {"Host": "a.page.example"}]
)
def test_a_stranger_moves_no_switch(healed: Pipeline, headers: dict[str, str]) -> None:
    """No token, a wrong one, a page in a browser, a name that was bound to this machine."""
    gateway = healed.urls["gateway"]
    before = healed.get("gateway", "/switches/mapping").json
    for method, path, body in (
        ("PUT", "/switches/mapping", b'{"from": "worth", "to": "amount"}'),
        ("DELETE", "/switches/mapping/amount", None),
        ("POST", "/replay", b'{"ids": ["a"]}'),
    ):
        assert ask(gateway + path, body, method, headers).status == 403
    assert healed.get("gateway", "/switches/mapping").json == before
    champion = healed.get("registry", "/aliases/champion").json
    body = json.dumps({"version": champion["version"]}).encode()
    assert ask(healed.urls["registry"] + "/aliases/shadow", body, "PUT", headers).status == 403
    assert healed.get("registry", "/aliases/shadow").status == 404


def test_the_healers_own_calls_move_the_switches(healed: Pipeline) -> None:
    async def move(token: str) -> None:
        async with HttpCalls({"healer-gateway": healed.urls["gateway"]}, {"healer-gateway": token}) as call:
            reach = Reach(call)
            await reach.set_mapping("category", "kind")
            assert "category" in healed.get("gateway", "/switches/mapping").json["mapping"]
            await reach.remove_mapping("category")
            assert (await reach.replay(["unknown"])).replayed == ()

    asyncio.run(move(SWITCH_TOKEN))
    assert "category" not in healed.get("gateway", "/switches/mapping").json["mapping"]
    with pytest.raises(CallFailed, match="403"):
        asyncio.run(move("another"))


def test_without_healing_the_routes_of_a_healer_are_not_there(pipeline: Pipeline) -> None:
    for route in ("/dead_letters", "/switches/mapping"):
        assert pipeline.get("gateway", route).status == 404
    assert pipeline.get("gateway", "/acts").json == {"acts": [], "last": 0}  # told, and nothing to tell
    assert pipeline.post("gateway", "/replay", {"ids": ["a"]}).status == 404
    (answer,) = pipeline.decide(record("as-text", amount="12.5")).json["answers"]
    assert answer == {
        "id": "as-text",
        "status": 422,
        "dead_letter": True,
        "why": ["amount: a string, not a number"],
    }
    names = pipeline.get("gateway", "/signals").json
    assert not {"degraded_total", "repaired_total", "dead_letters"} & names.keys()
