"""Exactly once, with processes killed in mid-work: every acknowledged id ends in the sink, once."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.reference_pipeline.running import Answer, Pipeline, record, until

SENDERS = 6


class Senders:
    """Threads that send records one by one until told to stop, and keep what was acknowledged."""

    def __init__(self, pipeline: Pipeline, prefix: str) -> None:
        self.acknowledged: dict[str, Answer] = {}
        self._pipeline = pipeline
        self._prefix = prefix
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS)
        self._running = [self._pool.submit(self._send, number) for number in range(SENDERS)]

    def stop(self) -> None:
        self._stop.set()
        self._pool.shutdown()
        for done in self._running:
            done.result()

    def _send(self, number: int) -> None:
        pace = threading.Event()
        for count in range(100_000):
            if self._stop.is_set():
                return
            key = f"{self._prefix}-{number}-{count}"
            answer = self._pipeline.decide(record(key, amount=1.0 + count % 500))
            if answer.status in {200, 503} and b'"answers"' in answer.body:
                self.acknowledged[key] = answer
            elif answer.status == 0:
                pace.wait(0.02)  # nobody listens; do not burn the core that is to restart it


@pytest.fixture
def settled(pipeline: Pipeline) -> Iterator[Pipeline]:
    """The shared pipeline, whole again after the test even where the test fails."""
    yield pipeline
    missing = [name for name in pipeline.urls if name not in pipeline.processes]
    if missing:
        pipeline.start(*missing)


def assert_exactly_once(pipeline: Pipeline, acknowledged: dict[str, Answer]) -> None:
    """Every acknowledged and every accepted id is in the sink once, with the decision answered."""
    accepted = pipeline.ids("gateway", "/audit/accepted")
    dead = set(pipeline.ids("gateway", "/audit/dead_letters"))
    assert set(acknowledged) <= set(accepted)
    until(lambda: pipeline.in_sink(set(accepted) - dead))
    rows = pipeline.listed("delivery", "/audit/sink")
    assert set(Counter(row["id"] for row in rows).values()) == {1}
    decided = {row["id"]: row["decision"] for row in rows}
    told = {k: a.json["answers"][0]["decision"] for k, a in acknowledged.items() if a.status == 200}
    assert {key: decided[key] for key in told} == told


def test_a_dead_scorer_is_answered_503_and_the_sweep_decides_later(settled: Pipeline) -> None:
    settled.kill("scorer-a")
    replies = {f"late-{i}": settled.decide(record(f"late-{i}")) for i in range(5)}
    assert {reply.status for reply in replies.values()} == {503}
    answer = {"id": "late-0", "status": 503, "accepted": True}
    assert replies["late-0"].json["answers"] == [answer]
    assert settled.decide(record("late-0")).json["answers"] == [answer]
    until(lambda: settled.signal("gateway", "sweeps_failed_total") > 0)
    settled.start("scorer-a")
    assert_exactly_once(settled, replies)
    assert settled.decide(record("late-0")).status == 200


def test_dead_features_are_answered_503_and_the_sweep_decides_later(settled: Pipeline) -> None:
    settled.kill("features")
    reply = settled.decide(record("plain-1"), record("plain-2", amount=-1))
    assert [answer["status"] for answer in reply.json["answers"]] == [503, 422]
    settled.start("features")
    until(lambda: settled.in_sink(["plain-1"]))
    assert "plain-2" not in settled.ids("delivery", "/audit/sink")


@pytest.mark.parametrize("repeat", range(3))
def test_a_gateway_killed_in_mid_work_loses_and_doubles_nothing(settled: Pipeline, repeat: int) -> None:
    senders = Senders(settled, f"kill{repeat}")
    try:
        until(lambda: len(senders.acknowledged) > 20 * (repeat + 1))
        settled.kill("gateway")
        before = len(senders.acknowledged)
        settled.start("gateway")
        until(lambda: len(senders.acknowledged) > before + 20)
    finally:
        senders.stop()
    assert_exactly_once(settled, senders.acknowledged)


def test_a_gateway_killed_while_undecided_work_waits_takes_it_up_again(settled: Pipeline) -> None:
    settled.kill("scorer-a")
    held = {f"held-{i}": settled.decide(record(f"held-{i}")) for i in range(30)}
    assert {reply.status for reply in held.values()} == {503}
    settled.kill("gateway")
    settled.start("gateway")
    assert settled.signal("gateway", "undecided") >= 30
    settled.start("scorer-a")
    assert_exactly_once(settled, held)


def test_delivery_killed_again_and_again_doubles_nothing(settled: Pipeline) -> None:
    senders = Senders(settled, "delivered")
    try:
        for _ in range(3):
            before = len(senders.acknowledged)
            until(lambda before=before: len(senders.acknowledged) > before + 20)
            settled.kill("delivery")
            settled.start("delivery")
    finally:
        senders.stop()
    assert_exactly_once(settled, senders.acknowledged)


def test_a_cursor_that_was_lost_makes_doubles_that_the_sink_refuses(settled: Pipeline) -> None:
    """The cursor is set back by hand: only the unique id stands between that and doubles."""
    settled.decide(record("again-1"), record("again-2"))
    until(lambda: settled.in_sink(["again-1", "again-2"]))
    settled.kill("delivery")
    database = sqlite3.connect(settled.folder / "delivery" / "store.db")
    database.execute("UPDATE log_values SET value = x'30' WHERE key = 'cursor'")
    database.commit()
    database.close()
    before = len(settled.ids("gateway", "/audit/accepted"))
    settled.start("delivery")
    until(lambda: settled.get("delivery", "/audit/sink").json["duplicates"] > 0)
    ids = settled.ids("delivery", "/audit/sink")
    assert len(ids) == len(set(ids)) <= before


@pytest.mark.slow
def test_sigterm_ends_every_service(tmp_path: Path, small_template: Path) -> None:
    pipeline = Pipeline(tmp_path / "ended", small_template)
    pipeline.start()
    pipeline.decide(record("last"))
    assert set(pipeline.stop()) <= {0, -15}
