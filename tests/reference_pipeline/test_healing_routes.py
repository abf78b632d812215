"""A healing gateway over a real store: degraded answers, mappings, and replay exactly once."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reference_pipeline.fallback import LogisticFallback, load_fallback
from reference_pipeline.features import Features, load_features
from reference_pipeline.gateway import Gateway
from reference_pipeline.hops import ResilientHops
from reference_pipeline.inpath import Acts, InPath
from reference_pipeline.ledger import LOGS
from reference_pipeline.ports import Append, CallFailed, CallRefused, CallRejected, Ports, Reply, StoreFailed
from reference_pipeline.service import DecisionConfig, edges_of
from reference_pipeline.stores import SqliteStore
from reference_pipeline.switches import CANARY_LEASE_S
from tests.reference_pipeline.running import record
from tests.reference_pipeline.test_hops import Clock

CONFIG = DecisionConfig()
NAMES = ("accepted", "dead_letters", "decided")


class FragileStore:
    """A real store whose commits can be made to stop, before or after they are durable."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.read, self.find = store.read, store.find
        self.before: Callable[[Sequence[Append]], bool] = lambda appends: False
        self.after: Callable[[Sequence[Append]], bool] = lambda appends: False

    def commit(self, appends: Sequence[Append], values: Mapping[str, bytes] | None = None, /) -> list[int]:
        if self.before(appends):
            raise StoreFailed("stopped before the commit")
        seqs = self._store.commit(appends, values)
        if self.after(appends):
            raise StoreFailed("stopped after the commit")
        return seqs


class Bench:
    """One gateway, restarted at will over the same store; its hops are in the hands of the test."""

    def __init__(self, store: SqliteStore, features: Features, fallback: LogisticFallback) -> None:
        self.store = FragileStore(store)
        self.features = features
        self.fallback = fallback
        self.clock = Clock()
        self.fails: Callable[[str, bytes], type[CallFailed] | None] = lambda edge, body: None
        self.calls: list[str] = []
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not on disk."""
        acts = Acts(self.clock)
        hops = ResilientHops(
            self._call, self.clock, acts=acts, dice=random.Random(1).random, edges=edges_of(CONFIG)
        )
        ports = Ports(
            service="gateway",
            boot_id="b",
            call=self._call,
            store=self.store,
            clock=self.clock,
            spawn=lambda make: None,
        )
        self.gateway = Gateway(
            ports, self.features.spec, CONFIG, InPath(hops=hops, fallback=self.fallback, acts=acts)
        )
        asyncio.run(self.gateway.start())

    async def _call(self, edge: str, route: str, body: bytes, _deadline_s: float, /) -> Reply:
        self.calls.append(edge)
        if failure := self.fails(edge, body):
            raise failure(f"{edge}: on purpose")
        content = json.loads(body)
        if route == "POST /features":
            rows = self.features.rows(content["records"]).tolist()
            return Reply(200, json.dumps({"rows": rows, "names": []}).encode())
        size = len(content["rows"])
        answer = {"scores": [0.25] * size, "decisions": ["decline"] * size, "model": "1.0.0+abc"}
        return Reply(200, json.dumps(answer).encode())

    def ask(self, route: str, content: object = None) -> tuple[int, Any]:
        body = b"" if content is None else json.dumps(content).encode()
        reply = asyncio.run(self.gateway.handle(route, body))
        return reply.status, json.loads(reply.body)

    def decide(self, *records: Mapping[str, object]) -> list[dict[str, Any]]:
        return self.ask("POST /decide", {"records": records})[1]["answers"]

    def dead(self) -> list[str]:
        return [row["id"] for row in self.ask("GET /dead_letters")[1]["rows"]]

    def sunk(self) -> list[str]:
        return [row["id"] for row in self.ask("POST /outbox", {})[1]["rows"]]

    def signals(self) -> dict[str, float]:
        return self.ask("GET /signals")[1]

    def assert_each_once(self, *keys: str) -> None:
        """Every accepted id is in exactly one of outbox and dead letters."""
        accepted = [row["id"] for row in self.ask("GET /audit/accepted")[1]["ids"]]
        dead = [row["id"] for row in self.ask("GET /audit/dead_letters")[1]["ids"]]
        assert sorted(accepted) == sorted([*self.sunk(), *dead]) == sorted(keys)
        assert sorted(dead) == sorted(self.dead())
        assert self.signals()["dead_letters"] == len(dead)


@pytest.fixture
def bench(tmp_path: Path, small_template: Path) -> Iterator[Bench]:
    features = load_features(small_template)
    with closing(SqliteStore(tmp_path / "store.db", LOGS)) as store:
        yield Bench(store, features, load_fallback(features, small_template))


def renamed(key: str) -> dict[str, object]:
    """A record whose amount has another name."""
    changed = record(key)
    changed["value"] = changed.pop("amount")
    return changed


def test_a_lost_scorer_is_answered_from_the_rows_and_the_answer_is_final(bench: Bench) -> None:
    bench.fails = lambda edge, body: CallRefused if "scorer" in edge else None
    (answer,) = bench.decide(record("a"))
    assert (answer["status"], answer["model"], answer["degraded"]) == (200, "fallback-logistic", True)
    assert "dead_letter" not in answer
    bench.fails = lambda edge, body: None
    assert bench.decide(record("a")) == [answer]
    bench.assert_each_once("a")
    assert bench.signals()["degraded_total"] == bench.signals()["fallback_logistic_total"] == 1


def test_lost_features_are_answered_from_the_record_and_the_scorer_is_not_asked(bench: Bench) -> None:
    bench.fails = lambda edge, body: CallFailed if "features" in edge else None
    answers = bench.decide(record("a"), record("b", amount=5000.0))
    assert {answer["model"] for answer in answers} == {"fallback-record"}
    assert set(bench.calls) == {"gateway-features"}
    bench.assert_each_once("a", "b")


def test_a_broken_record_is_answered_provisionally_and_lies_in_the_dead_letters(bench: Bench) -> None:
    (answer,) = bench.decide(record("a", amount="12,5"))
    assert (answer["status"], answer["model"]) == (200, "fallback-record")
    assert answer["degraded"] is answer["dead_letter"] is True
    assert bench.decide(record("a")) == [answer], "the resend gets the stored answer"
    bench.restart()
    assert bench.decide(record("a")) == [answer]
    _, listed = bench.ask("GET /dead_letters")
    (row,) = listed["rows"]
    assert row["record"]["amount"] == "12,5"
    assert row["why"] == ["amount: a string, not a number"]
    bench.assert_each_once("a")
    assert bench.sunk() == []


def test_a_declared_coercion_repairs_without_degrading(bench: Bench) -> None:
    (answer,) = bench.decide(record("a", amount="12.5"))
    assert (answer["status"], answer["degraded"], answer["model"]) == (200, False, "1.0.0+abc")
    assert bench.signals()["repaired_total"] == 1
    stored = json.loads(bench.store.find("accepted", "a") or b"")
    assert stored["verdict"] == "repaired"
    assert stored["record"]["amount"] == 12.5
    assert stored["notes"] == ["amount: '12.5' read as 12.5"]


def test_a_mapping_repairs_what_comes_is_durable_and_can_be_taken_back(bench: Bench) -> None:
    status, reply = bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    assert (status, reply) == (200, {"mapping": {"amount": "value"}})
    assert bench.decide(renamed("a"))[0]["degraded"] is False
    bench.restart()
    assert bench.decide(renamed("b"))[0]["degraded"] is False
    bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    assert bench.ask("DELETE /switches/mapping/amount") == (200, {"mapping": {}})
    bench.ask("DELETE /switches/mapping/amount")
    assert bench.decide(renamed("c"))[0]["dead_letter"] is True
    _, listed = bench.ask("GET /acts")
    assert [(act["act"], act["effect"]) for act in listed["acts"]] == [
        ("mapping_set", False),
        ("mapping_removed", True),
        ("mapping_removed", False),
    ]
    assert listed["last"] == 3
    bench.assert_each_once("a", "b", "c")


@pytest.mark.parametrize(
    "wanted",
    [
        *({"from": source, "to": "amount"} for source in ("channel", "id", "")),
        *({"from": "x", "to": "nothing"}, {"to": "amount"}, [], "x"),
    ],
    ids=str,
)
def test_a_mapping_that_cannot_be_meant_is_refused(bench: Bench, wanted: object) -> None:
    status, reply = bench.ask("PUT /switches/mapping", wanted)
    assert status == 400
    assert reply["error"]
    assert bench.ask("GET /switches/mapping") == (200, {"mapping": {}})
    assert bench.ask("GET /acts")[1]["acts"] == []


def test_a_replay_decides_what_keeps_the_contract_now_and_refuses_the_rest(bench: Bench) -> None:
    (provisional, _) = bench.decide(renamed("a"), record("b", amount="12,5"))
    ids = ["a", "b", "never seen"]
    assert bench.ask("POST /replay", {"ids": ids})[1] == {"replayed": [], "refused": ids}
    bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    wanted = {"replayed": ["a"], "refused": ["b", "never seen"]}
    assert bench.ask("POST /replay", {"ids": ids})[1] == wanted
    assert bench.ask("POST /replay", {"ids": ids})[1] == wanted, "asked again it is told again, done once"
    (final,) = bench.decide(record("a"))
    assert (final["model"], final["degraded"]) == ("1.0.0+abc", False)
    assert "dead_letter" not in final
    assert final != provisional
    bench.assert_each_once("a", "b")
    assert bench.sunk() == ["a"]
    assert bench.signals()["replayed_total"] == 1
    acts = [(act["act"], act["effect"]) for act in bench.ask("GET /acts")[1]["acts"]]
    assert acts == [("replayed", False), ("mapping_set", True), ("replayed", True), ("replayed", True)]
    bench.restart()
    bench.assert_each_once("a", "b")


def test_a_replay_is_never_decided_by_the_fallback(bench: Bench) -> None:
    bench.decide(renamed("a"))
    bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    bench.fails = lambda edge, body: CallFailed if "scorer" in edge else None
    assert bench.ask("POST /replay", {"ids": ["a"]})[1] == {"replayed": [], "refused": ["a"]}
    assert bench.dead() == ["a"]
    bench.fails = lambda edge, body: None
    assert bench.ask("POST /replay", {"ids": ["a"]})[1] == {"replayed": ["a"], "refused": []}
    bench.assert_each_once("a")


def test_one_record_that_the_hop_rejects_does_not_hold_up_the_replay_of_others(bench: Bench) -> None:
    bench.decide(*(renamed(key) for key in "abc"))
    bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    bench.fails = lambda edge, body: CallRejected if b'"id":"b"' in body else None
    assert bench.ask("POST /replay", {"ids": ["a", "b", "c"]})[1] == {
        "replayed": ["a", "c"],
        "refused": ["b"],
    }
    bench.assert_each_once("a", "b", "c")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("log", NAMES)
def test_a_gateway_that_dies_at_any_commit_replays_each_once(bench: Bench, log: str, when: str) -> None:
    """The store stops at one commit, before or after it is durable; then only the disk is left."""
    setattr(bench.store, when, lambda appends: any(append.log == log for append in appends))
    bench.ask("POST /decide", {"records": [renamed("a"), record("good")]})
    bench.restart()
    setattr(bench.store, when, lambda appends: False)
    bench.decide(renamed("a"), record("good"))
    bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    setattr(bench.store, when, lambda appends: any(append.log == log for append in appends))
    bench.ask("POST /replay", {"ids": ["a"]})
    bench.restart()
    setattr(bench.store, when, lambda appends: False)
    assert bench.ask("POST /replay", {"ids": ["a"]})[1] == {"replayed": ["a"], "refused": []}
    late = [row["id"] for row in bench.ask("GET /audit/accepted")[1]["ids"] if row["id"] not in bench.sunk()]
    assert late in ([], ["good"]), "what was accepted and not decided waits for the sweep"
    assert bench.sunk().count("a") == 1
    assert bench.dead() == []


def test_who_takes_the_outbox_is_told_which_decisions_are_degraded(bench: Bench) -> None:
    bench.decide(record("full"))
    bench.fails = lambda edge, body: CallFailed
    assert bench.decide(record("less"))[0]["degraded"] is True
    rows = bench.ask("POST /outbox", {})[1]["rows"]
    assert [(row["id"], row.get("degraded", False)) for row in rows] == [("full", False), ("less", True)]


def test_what_nobody_waits_for_is_decided_later_and_in_full(bench: Bench) -> None:
    bench.store.before = lambda appends: any(append.log == "decided" for append in appends)
    assert bench.ask("POST /decide", {"records": [record("late")]})[0] == 503
    bench.store.before = lambda appends: False
    bench.restart()
    bench.fails = lambda edge, body: CallFailed
    sweep = bench.gateway._service._sweep
    with pytest.raises(CallFailed):
        asyncio.run(sweep(64))
    assert bench.sunk() == []
    bench.restart()
    bench.fails = lambda edge, body: None
    assert asyncio.run(bench.gateway._service._sweep(64)) == 1
    (row,) = bench.ask("POST /outbox", {})[1]["rows"]
    assert (row["id"], row["model"], row.get("degraded", False)) == ("late", "1.0.0+abc", False)


@pytest.mark.parametrize("ids", [{"ids": []}, {"ids": ["x"] * 257}, {"ids": "a"}, {}, []], ids=str)
def test_a_replay_of_no_such_list_is_refused(bench: Bench, ids: object) -> None:
    assert bench.ask("POST /replay", ids)[0] == 400


def test_dead_letters_and_acts_are_listed_by_cursor(bench: Bench) -> None:
    bench.decide(*(renamed(f"k{i}") for i in range(5)))
    seen: list[str] = []
    after = 0
    while rows := (page := bench.ask(f"GET /dead_letters?after={after}&limit=2")[1])["rows"]:
        assert len(rows) <= 2
        seen += [row["id"] for row in rows]
        after = page["last"]
    assert seen == [f"k{i}" for i in range(5)]
    assert bench.ask("GET /acts?after=7")[1] == {"acts": [], "last": 7}


def test_a_canary_gets_its_share_of_the_requests_and_keeps_it_over_a_restart(bench: Bench) -> None:
    def to_b(prefix: str) -> int:
        bench.calls.clear()
        for number in range(200):
            bench.decide(record(f"{prefix}-{number}"))
        return bench.calls.count("gateway-scorer-b")

    assert to_b("before") == 0
    assert bench.ask("PUT /switches/canary", {"share": 0.3}) == (200, {"share": 0.3})
    assert 35 <= to_b("at-once") <= 85
    bench.restart()
    assert bench.ask("GET /switches/canary") == (200, {"share": 0.3})
    assert 35 <= to_b("later") <= 85
    bench.ask("PUT /switches/canary", {"share": 0.0})
    assert to_b("after") == 0


def test_a_canary_is_an_act_that_changes_something_once(bench: Bench) -> None:
    for _ in range(2):
        bench.ask("PUT /switches/canary", {"share": 0.1})
    acts = [(act["act"], act["detail"], act["effect"]) for act in bench.ask("GET /acts")[1]["acts"]]
    assert acts == [("canary_set", "0.1", True), ("canary_set", "0.1", False)]


@pytest.mark.parametrize("share", [-0.1, 1.1, "half", None], ids=str)
def test_a_share_of_no_such_size_is_refused(bench: Bench, share: object) -> None:
    assert bench.ask("PUT /switches/canary", {"share": share})[0] == 400
    assert bench.ask("GET /switches/canary")[1] == {"share": 0.0}


def test_a_share_that_nobody_asks_for_any_more_is_taken_back_for_good(bench: Bench) -> None:
    bench.ask("PUT /switches/canary", {"share": 0.5})
    bench.clock.at_s += CANARY_LEASE_S + 1
    assert bench.ask("GET /switches/canary")[1] == {"share": 0.0}
    bench.restart()
    assert bench.ask("GET /switches/canary")[1] == {"share": 0.0}


def test_examples_name_the_broken_fields_of_what_was_accepted_and_never_its_record(bench: Bench) -> None:
    bench.decide(
        record("a"), record("b", amount=None, channel="fax"), renamed("c"), record("d", amount="12.5")
    )
    _, told = bench.ask("POST /examples", {"accepted_after": 0})
    assert [row["id"] for row in told["rows"]] == ["a", "d"]
    assert told["accepted"] == {
        "rows": 4,
        "broken": [
            {"at": 1, "id": "b", "fields": {"amount": "missing", "channel": "unknown level"}},
            {"at": 2, "id": "c", "fields": {"amount": "missing"}},
        ],
        "last": 4,
    }
    _, rest = bench.ask("POST /examples", {"accepted_after": 2, "limit": 1})
    assert rest["accepted"] == {
        "rows": 1,
        "broken": [{"at": 0, "id": "c", "fields": {"amount": "missing"}}],
        "last": 3,
    }
    assert "accepted" not in bench.ask("POST /examples", {})[1]


def test_what_was_quarantined_and_replayed_is_still_no_example(bench: Bench) -> None:
    bench.decide(record("a"), renamed("b"))
    bench.ask("PUT /switches/mapping", {"from": "value", "to": "amount"})
    assert bench.ask("POST /replay", {"ids": ["b"]})[1]["replayed"] == ["b"]
    _, told = bench.ask("POST /examples", {"accepted_after": 0})
    assert [row["id"] for row in told["rows"]] == ["a"]
    assert [row["id"] for row in told["accepted"]["broken"]] == ["b"]
