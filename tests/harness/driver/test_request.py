"""An answer is judged by transport, status, schema, golden decision and deadline, in this order."""

from __future__ import annotations

import json
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.driver.request import RequestWorkload
from harness.driver.workload import Parcel, Reply, Unit
from harness.experiment.model import Workload
from harness.experiment.pointers import parse_pointer, read_pointer
from harness.history.observations import BAD, DEGRADED, GOOD, REASONS, UNKNOWN, answer_digest

DEADLINE_S = 0.25
UNIT = Unit(1, "w7-1", 0, 0.0)
GOLDEN = Unit(1, "w7-1", 0, 0.0, 1.0, "decline")
ANSWER = {
    "id": "w7-1",
    "status": 200,
    "decision": "approve",
    "score": 0.25,
    "model": "1.0.0",
    "degraded": False,
}


class NoClient:
    """Nothing is sent in these tests."""

    async def post(self, _body: bytes, _fresh: bool, /) -> Reply:
        raise AssertionError


WORKLOAD = RequestWorkload(Workload(service="gateway", route="/decide"), DEADLINE_S, NoClient())


def judge(reply: Reply, unit: Unit = UNIT, latency_s: float = 0.01):
    parcel = Parcel(0.0, (unit,), b"")
    (answer,) = WORKLOAD.collect(parcel, reply)
    return WORKLOAD.check(unit, answer, latency_s)


def reply(http_status: int = 200, **changes: object) -> Reply:
    body = json.dumps({"answers": [{**ANSWER, **changes}]}).encode()
    return Reply(0.0, 0.01, "", http_status, body)


def test_a_valid_answer_in_time_is_good_and_accepted_with_its_digest() -> None:
    finding = judge(reply())
    assert (finding.outcome, finding.reason, finding.score, finding.accepted) == (GOOD, "", 1.0, True)
    assert finding.digest == answer_digest("approve", 0.25)
    assert finding.version == "1.0.0"


def test_an_answer_after_the_deadline_is_late_and_its_content_is_kept() -> None:
    finding = judge(reply(), latency_s=0.26)
    assert (finding.outcome, finding.reason, finding.accepted) == (BAD, "late", True)
    assert finding.digest == answer_digest("approve", 0.25)
    assert finding.score == 1.0


def test_a_degraded_answer_is_degraded_and_not_held_to_the_golden_decision() -> None:
    assert judge(reply(degraded=True)).outcome == DEGRADED
    assert judge(reply(degraded=True), GOLDEN).outcome == DEGRADED
    assert judge(reply(degraded=True), GOLDEN, latency_s=1).reason == "late"


def test_an_unflagged_wrong_answer_to_a_golden_unit_is_bad() -> None:
    finding = judge(reply(), GOLDEN)
    assert (finding.outcome, finding.reason, finding.score) == (BAD, "golden", 0.0)
    assert judge(reply(decision="decline"), GOLDEN).outcome == GOOD


def test_a_timeout_is_unknown_and_every_other_transport_fault_is_bad() -> None:
    for fault in ("refused", "reset", "skipped", "other"):
        finding = judge(Reply(0.0, 0.1, fault))
        assert (finding.outcome, finding.reason, finding.accepted) == (BAD, fault, False)
    assert judge(Reply(0.0, 2.0, "timeout")).outcome == UNKNOWN


def test_a_503_is_bad_and_accepted_only_when_it_says_so() -> None:
    finding = judge(reply(503, status=503, accepted=True))
    assert (finding.outcome, finding.reason, finding.status, finding.accepted) == (BAD, "status", 503, True)
    assert not judge(reply(503, status=503)).accepted
    assert not judge(reply(503, status=503, accepted="yes")).accepted
    assert not judge(Reply(0.0, 0.1, "", 503, b"upstream died")).accepted


def test_an_answer_that_names_another_id_or_none_accepts_nothing_whatever_its_status() -> None:
    nameless = json.dumps({"answers": [{"accepted": True, "dead_letter": True}]}).encode()
    for other in (
        reply(503, status=503, id="s7-1", accepted=True, dead_letter=True),
        reply(200, id="s7-1", accepted=True, dead_letter=True),
        Reply(0.0, 0.01, "", 503, nameless),
    ):
        finding = judge(other)
        assert (finding.outcome, finding.accepted, finding.dead_letter) == (BAD, False, False)


def test_a_quarantined_record_is_bad_and_not_flagged_accepted() -> None:
    finding = judge(reply(422, status=422, dead_letter=True, why=["amount"]))
    assert (finding.outcome, finding.reason, finding.status, finding.accepted) == (BAD, "status", 422, False)
    assert finding.dead_letter


def test_only_an_answer_that_says_so_is_about_a_dead_letter() -> None:
    provisional = judge(reply(degraded=True, dead_letter=True))
    assert (provisional.outcome, provisional.accepted, provisional.dead_letter) == (DEGRADED, True, True)
    assert not judge(reply()).dead_letter
    assert not judge(reply(dead_letter="yes")).dead_letter
    silent = RequestWorkload(Workload(service="g", route="/", dead_letter=""), DEADLINE_S, NoClient())
    (answer,) = silent.collect(Parcel(0.0, (UNIT,), b""), reply(dead_letter=True))
    assert not silent.check(UNIT, answer, 0.1).dead_letter


def test_the_word_of_the_decision_tells_whether_it_was_declined() -> None:
    assert judge(reply(decision="decline")).declined
    assert not judge(reply(decision="approve")).declined
    assert not judge(reply(decision="refer")).declined


def test_the_score_of_every_valid_answer_is_kept_and_of_no_other() -> None:
    """What the users got, however it is judged: late, degraded, wrong on a golden row."""
    kept = (judge(reply(score=0.75), GOLDEN, 1.0), judge(reply(score=0.75, degraded=True)))
    assert [finding.probability for finding in kept] == [0.75, 0.75]
    for other in (reply(503, status=503), reply(score=1.5), Reply(0.0, 0.1, "reset"), reply(id="s7-1")):
        assert isnan(judge(other).probability)


def test_in_a_mixed_reply_each_unit_has_its_own_status() -> None:
    units = (UNIT, Unit(2, "w7-2", 0, 0.0))
    body = json.dumps({"answers": [ANSWER, {"id": "w7-2", "status": 422}]}).encode()
    answers = WORKLOAD.collect(Parcel(0.0, units, b""), Reply(0.0, 0.1, "", 207, body))
    findings = [WORKLOAD.check(unit, answer, 0.1) for unit, answer in zip(units, answers, strict=True)]
    assert [finding.outcome for finding in findings] == [GOOD, BAD]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "w7-2"},
        {"id": None},
        {"decision": ""},
        {"decision": 1},
        {"decision": None},
        {"score": 1.5},
        {"score": -0.1},
        {"score": "0.2"},
        {"score": True},
        {"score": None},
        {"model": 3},
        {"degraded": "no"},
    ],
)
def test_an_answer_of_the_wrong_form_is_bad(change: dict[str, object]) -> None:
    finding = judge(reply(**change))
    assert (finding.outcome, finding.reason, finding.digest) == (BAD, "schema", 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"answers":{}}',
        b'{"answers":[]}',
        b'{"answers":[1]}',
        b'{"answers":[{},{}]}',
    ],
)
def test_a_reply_that_is_no_list_of_answers_is_bad(body: bytes) -> None:
    finding = judge(Reply(0.0, 0.1, "", 200, body))
    assert (finding.outcome, finding.reason, finding.accepted) == (BAD, "schema", False)


def test_an_answer_without_the_degraded_flag_is_not_degraded() -> None:
    answer = {key: value for key, value in ANSWER.items() if key not in ("degraded", "status")}
    body = json.dumps({"answers": [answer]}).encode()
    assert judge(Reply(0.0, 0.1, "", 200, body)).outcome == GOOD


def test_pointers_read_a_foreign_answer_and_an_empty_one_asks_for_nothing() -> None:
    pointers = Workload(
        service="s", route="/r", decision="/out/0/label", score="", version="", degraded="/a~1b"
    )
    workload = RequestWorkload(pointers, DEADLINE_S, NoClient())
    body = json.dumps({"answers": [{"id": "w7-1", "out": [{"label": "ok"}], "a/b": True}]}).encode()
    (answer,) = workload.collect(Parcel(0.0, (UNIT,), b""), Reply(0.0, 0.1, "", 200, body))
    finding = workload.check(UNIT, answer, 0.1)
    assert (finding.outcome, finding.version) == (DEGRADED, "")
    assert finding.digest == answer_digest("ok", 0.0)
    assert isnan(finding.probability)


def test_an_absent_value_is_not_confused_with_null() -> None:
    document = {"a": [None]}
    assert read_pointer(document, parse_pointer("/a/0")) is None
    for pointer in ("/a/1", "/a/-", "/b", "/a/0/c", "/a/x"):
        assert read_pointer(document, parse_pointer(pointer)) is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=100) | json_values.map(lambda value: json.dumps({"answers": [value]}).encode()))
def test_any_body_is_judged_and_never_good_by_accident(body: bytes) -> None:
    finding = judge(Reply(0.0, 0.1, "", 200, body))
    assert finding.outcome == BAD
    assert finding.reason in REASONS


@given(st.fixed_dictionaries(dict.fromkeys(ANSWER, json_values)))
def test_any_answer_is_judged_without_an_error(answer: dict[str, object]) -> None:
    finding = judge(reply(**answer))
    assert finding.reason in REASONS
    assert 0 <= finding.status < 65536


def single(content: object, unit: Unit = UNIT, status: int = 200, **settings: object):
    asked = Workload(service="a", route="/predict", body="single", **settings)
    workload = RequestWorkload(asked, DEADLINE_S, NoClient())
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (answer,) = workload.collect(Parcel(0.0, (unit,), b""), Reply(0.0, 0.01, "", status, raw))
    return workload.check(unit, answer, 0.01)


def test_an_answer_of_its_own_form_is_read_where_the_user_says_and_nothing_else_is_asked_of_it() -> None:
    content = {"outputs": [{"label": "decline"}], "meta": {"v": 3}, "id": "foreign", "status": "ok"}
    finding = single(content, decision="/outputs/0/label", version="/meta/v")
    assert (finding.outcome, finding.version, finding.accepted) == (GOOD, "3", False)
    assert isnan(finding.probability)


@pytest.mark.parametrize(
    "content", [{}, [], {"decision": None}, {"decision": 1}, b"no json", b'{"decision": ']
)
def test_a_single_answer_without_a_decision_is_bad(content: object) -> None:
    assert judged(single(content)) == (BAD, "schema")


def judged(finding) -> tuple[int, str]:
    return finding.outcome, finding.reason


@pytest.mark.parametrize(
    ("value", "outcome"), [(0, GOOD), (250_000.5, GOOD), (500_001, BAD), (-1, BAD), (True, BAD), ("5", BAD)]
)
def test_a_number_is_valid_within_its_range(value: object, outcome: int) -> None:
    settings = {"decides": "number", "within": (0.0, 500_000.0), "decision": "/price"}
    assert single({"price": value}, **settings).outcome == outcome


def test_a_number_may_differ_from_the_golden_one_by_the_tolerance() -> None:
    golden = Unit(1, "w7-1", 0, 0.0, 1.0, "2.5")
    found = [
        single({"decision": d}, golden, decides="number", tolerance=0.1).reason for d in (2.41, 2.59, 2.61)
    ]
    assert found == ["", "", "golden"]


def test_a_bool_is_compared_with_the_golden_one() -> None:
    golden = Unit(1, "w7-1", 0, 0.0, 1.0, "true")
    assert [single({"decision": d}, golden, decides="bool").reason for d in (True, False)] == ["", "golden"]


def test_a_version_that_a_single_answer_should_have_and_has_not_is_bad() -> None:
    assert judged(single({"decision": "a"}, version="/v")) == (BAD, "schema")
    assert judged(single({"decision": "a", "v": True}, version="/v")) == (BAD, "schema")


def test_a_refusal_of_a_single_unit_is_bad_by_its_status() -> None:
    assert judged(single({"detail": "no"}, status=422)) == (BAD, "status")
