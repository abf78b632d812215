"""The gateway over HTTP, with the real services behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.reference_pipeline.running import SERVICES, Pipeline, ask, record, until

BROKEN_BODIES = {
    "nothing": b"",
    "no JSON": b"{records: 1}",
    "no UTF-8": b'{"records": [{"id": "\xff"}]}',
    "no object": b"[]",
    "no records": b'{"records": []}',
    "records is no list": b'{"records": {"id": "a"}}',
    "a record is no object": b'{"records": [1]}',
    "no id": b'{"records": [{"amount": 1}]}',
    "id is a number": b'{"records": [{"id": 7}]}',
    "id is empty": b'{"records": [{"id": ""}]}',
    "id is too long": b'{"records": [{"id": "' + b"x" * 201 + b'"}]}',
    "number out of range": b'{"records": [{"id": "a", "amount": 1e999}]}',
    "NaN": b'{"records": [{"id": "a", "amount": NaN}]}',
    "bottomless nesting": b'{"records": [{"id": "a", "amount": ' + b"[" * 100_000 + b"]}]}",
}


def test_a_record_that_keeps_the_contract_is_decided(pipeline: Pipeline) -> None:
    reply = pipeline.decide(record("decided"))
    (answer,) = reply.json["answers"]
    assert reply.status == 200
    assert answer["status"] == 200
    assert answer["id"] == "decided"
    assert answer["decision"] in {"approve", "decline"}
    assert 0 <= answer["score"] <= 1
    assert answer["model"].startswith("1.0.0+")
    assert answer["degraded"] is False


def test_a_decided_record_reaches_the_sink_with_the_answered_decision(pipeline: Pipeline) -> None:
    (answer,) = pipeline.decide(record("sunk")).json["answers"]
    until(lambda: pipeline.in_sink(["sunk"]))
    (row,) = [row for row in pipeline.listed("delivery", "/audit/sink") if row["id"] == "sunk"]
    assert (row["decision"], row["score"]) == (answer["decision"], answer["score"])


def test_a_broken_record_is_answered_422_with_every_reason_and_lies_in_the_dead_letters(
    pipeline: Pipeline,
) -> None:
    broken = record("broken", amount="12", channel="fax")
    del broken["card_age_days"]
    reply = pipeline.decide(broken)
    (answer,) = reply.json["answers"]
    assert reply.status == answer["status"] == 422
    assert answer["dead_letter"] is True
    assert [reason.partition(":")[0] for reason in answer["why"]] == ["amount", "channel", "card_age_days"]
    assert "broken" in pipeline.ids("gateway", "/audit/dead_letters")
    assert "broken" not in [row["id"] for row in pipeline.post("gateway", "/outbox", {}).json["rows"]]


def test_an_unknown_extra_field_is_tolerated(pipeline: Pipeline) -> None:
    assert pipeline.decide(record("extra", colour="red", nested={"a": [1]})).status == 200


def test_answers_of_different_status_are_207_in_order_of_the_records(pipeline: Pipeline) -> None:
    reply = pipeline.decide(record("mix-1"), record("mix-2", amount=-1), record("mix-3"))
    assert reply.status == 207
    assert [(a["id"], a["status"]) for a in reply.json["answers"]] == [
        ("mix-1", 200),
        ("mix-2", 422),
        ("mix-3", 200),
    ]


def test_a_resend_gets_the_stored_answer_whatever_its_body_says(pipeline: Pipeline) -> None:
    first = pipeline.decide(record("resent")).json
    assert pipeline.decide(record("resent")).json == first
    assert pipeline.decide(record("resent", amount=9999.0)).json == first
    assert pipeline.decide(record("resent", amount="broken")).json == first
    assert "resent" not in pipeline.ids("gateway", "/audit/dead_letters")


def test_a_resend_of_a_dead_letter_stays_dead(pipeline: Pipeline) -> None:
    first = pipeline.decide(record("dead", amount=None)).json
    assert pipeline.decide(record("dead")).json == first
    until(lambda: pipeline.signal("gateway", "undecided") == 0)
    assert "dead" not in [row["id"] for row in pipeline.post("gateway", "/outbox", {}).json["rows"]]


def test_twice_in_one_batch_is_decided_once(pipeline: Pipeline) -> None:
    one, two = pipeline.decide(record("twin", amount=10.0), record("twin", amount=9000.0)).json["answers"]
    assert one == two
    assert [row["id"] for row in pipeline.post("gateway", "/outbox", {}).json["rows"]].count("twin") == 1


def test_concurrent_resends_make_one_decision(pipeline: Pipeline) -> None:
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: pipeline.decide(record("raced")), range(20)))
    decided = {reply.body for reply in replies if reply.status == 200}
    assert len(decided) == 1
    assert {reply.status for reply in replies} <= {200, 503}
    assert [row["id"] for row in pipeline.post("gateway", "/outbox", {}).json["rows"]].count("raced") == 1


def test_a_batch_of_256_is_decided_in_one_hop_and_257_are_refused(pipeline: Pipeline) -> None:
    records = [record(f"batch-{i}", amount=1.0 + i) for i in range(257)]
    before = pipeline.get("scorer-a", "/metrics").body
    reply = pipeline.decide(*records[:256])
    after = pipeline.get("scorer-a", "/metrics").body
    assert {answer["status"] for answer in reply.json["answers"]} == {200}
    assert _scored(after) - _scored(before) == 1
    assert pipeline.decide(*records).status == 413
    assert "batch-256" not in pipeline.ids("gateway", "/audit/accepted")


def test_a_body_above_one_mebibyte_is_refused(pipeline: Pipeline) -> None:
    assert pipeline.decide(record("huge", note="x" * (1 << 20))).status == 413
    assert ask(pipeline.urls["gateway"] + "/decide", b" " * (6 << 20)).status == 413


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
def test_a_broken_body_is_400_and_changes_nothing(pipeline: Pipeline, body: bytes) -> None:
    before = len(pipeline.ids("gateway", "/audit/accepted"))
    reply = ask(pipeline.urls["gateway"] + "/decide", body)
    assert reply.status == 400
    assert reply.json["error"]
    assert len(pipeline.ids("gateway", "/audit/accepted")) == before


def test_the_outbox_lists_by_cursor_in_order_of_decision(pipeline: Pipeline) -> None:
    for i in range(5):
        pipeline.decide(record(f"ordered-{i}"))
    seen: list[str] = []
    after = 0
    while rows := (page := pipeline.post("gateway", "/outbox", {"after": after, "limit": 2}).json)["rows"]:
        assert len(rows) <= 2
        assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
        seen += [row["id"] for row in rows]
        after = page["last"]
    assert [key for key in seen if key.startswith("ordered-")] == [f"ordered-{i}" for i in range(5)]


def test_the_audit_lists_each_accepted_id_once_over_small_pages(pipeline: Pipeline) -> None:
    pipeline.decide(*(record(f"audited-{i}") for i in range(7)))
    paged = [row["id"] for row in pipeline.listed("gateway", "/audit/accepted", limit=3)]
    assert len(paged) == len(set(paged))
    assert {f"audited-{i}" for i in range(7)} <= set(paged)


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "after=99999999999999999999"])
def test_a_broken_cursor_is_400(pipeline: Pipeline, query: str) -> None:
    assert pipeline.get("gateway", f"/audit/accepted?{query}").status == 400


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_says_who_it_is_and_how_it_fares(pipeline: Pipeline, name: str) -> None:
    health = pipeline.get(name, "/healthz")
    assert health.json["service"] == name
    assert health.headers["x-boot-id"] == health.json["boot_id"]
    assert pipeline.get(name, "/readyz").json == {"ready": True}
    signals = pipeline.get(name, "/signals").json
    assert all(isinstance(value, int | float) for value in signals.values())
    metrics = pipeline.get(name, "/metrics").body.decode()
    assert all(f"pipeline_{signal} " in metrics for signal in signals)
    unknown = pipeline.get(name, "/nothing")
    assert (unknown.status, unknown.headers["x-boot-id"]) == (404, health.json["boot_id"])


def _scored(metrics: bytes) -> float:
    """How many /score requests were answered 200."""
    lines = metrics.decode().splitlines()
    wanted = 'pipeline_requests_total{route="POST /score",status="200"}'
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))
