"""What a request shows of a fault: never the callee's own slowness, and nothing where there is nothing."""

from __future__ import annotations

import pytest

from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    Refuse,
    Reset,
    Slice,
    Throttle,
    WrongBody,
)
from harness.proxy.spec import ToxicCounters
from harness.targets.local.evidence import did, is_visible, shows
from harness.targets.local.passage import Passage

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


def passage(end="answered", *, took_s=0.003, body=b"good", head=HEAD):
    return Passage(end=end, took_s=took_s, sent_bytes=100, answer=head + body if end == "answered" else b"")


DIRECT = passage()
ALL = [
    Delay(edge="a", latency_ms=100),
    Throttle(edge="a", rate_kib_s=1),
    Cut(edge="a"),
    Blackhole(edge="a"),
    Refuse(edge="a"),
    Reset(edge="a"),
    Slice(edge="a", slice_bytes=10, pause_ms=10),
    Corrupt(edge="a"),
    *(WrongBody(edge="a", body=body) for body in ("html", "empty", "truncated", "status")),
]


@pytest.mark.parametrize("effect", ALL, ids=repr)
def test_a_request_that_passes_as_it_does_past_the_edge_shows_nothing(effect):
    assert is_visible(effect, DIRECT)
    assert shows(effect, DIRECT, DIRECT) == ""


@pytest.mark.parametrize("effect", ALL[:2], ids=repr)
def test_a_callee_that_is_slow_by_itself_shows_no_delay(effect):
    slow = passage(took_s=0.4)
    assert shows(effect, passage(took_s=0.41), slow) == ""
    assert shows(effect, passage("silent", took_s=0.6), passage("silent", took_s=0.6)) == ""


def test_a_delay_is_never_early():
    assert shows(ALL[0], passage(took_s=0.099), DIRECT) == ""
    assert shows(ALL[0], passage(took_s=0.104), DIRECT) == "a request took 0.104 s, 0.003 s past the edge"


def test_a_request_given_up_shows_a_delay_where_the_callee_had_answered_long_before():
    text = shows(Delay(edge="a", latency_ms=2000), passage("silent", took_s=0.6), DIRECT)
    assert text == "a request was not answered within 0.600 s, 0.003 s past the edge"


@pytest.mark.parametrize(
    ("effect", "end"),
    [
        (Cut(edge="a"), "silent"),
        (Blackhole(edge="a"), "no handshake"),
        (Refuse(edge="a"), "refused"),
        (Reset(edge="a"), "reset"),
    ],
)
def test_each_broken_connection_shows_its_own_fault_and_no_other(effect, end):
    assert shows(effect, passage(end), DIRECT)
    for other in ("silent", "no handshake", "refused", "reset", "closed", "broken"):
        assert other == end or not shows(effect, passage(other), DIRECT)


def test_a_wrong_bit_is_counted_and_another_length_is_no_wrong_bit():
    assert shows(Corrupt(edge="a"), passage(body=b"foOd"), DIRECT) == "an answer of 4 bytes has wrong bits: 2"
    assert shows(Corrupt(edge="a"), passage(body=b"better"), DIRECT) == ""


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("html", HEAD + b"<html></html>"),
        ("empty", HEAD),
        ("truncated", HEAD + b"go"),
        ("status", b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>"),
    ],
)
def test_each_wrong_answer_shows_its_own_kind_and_no_other(body, answer):
    seen = Passage(end="answered", took_s=0.01, answer=answer)
    shown = {
        kind
        for kind in ("html", "status", "truncated")
        if shows(WrongBody(edge="a", body=kind), seen, DIRECT)
    }
    assert shows(WrongBody(edge="a", body=body), seen, DIRECT)
    assert shown <= {body, "truncated"}  # nothing at all is the shortest beginning


@pytest.mark.parametrize(
    "effect",
    [
        Delay(edge="a", latency_ms=5),
        Delay(edge="a", latency_ms=100, jitter_ms=100),
        Throttle(edge="a", rate_kib_s=10_000),
        Slice(edge="a", slice_bytes=1000, pause_ms=50),
        Corrupt(edge="a", way="request"),
    ],
    ids=repr,
)
def test_what_one_request_cannot_show_is_left_to_the_proxys_counters(effect):
    assert not is_visible(effect, DIRECT)


@pytest.mark.parametrize("effect", [Slice(edge="a", slice_bytes=100), Throttle(edge="a", rate_kib_s=64)])
def test_a_limit_did_something_only_where_it_changed_what_passed_since(effect):
    assert not did(effect, ToxicCounters(chunks=50), ToxicCounters())
    assert not did(effect, ToxicCounters(chunks=50, changed=1), ToxicCounters(chunks=10, changed=1))
    assert did(effect, ToxicCounters(chunks=50, changed=2), ToxicCounters(chunks=10, changed=1))


@pytest.mark.parametrize(
    "effect", [Delay(edge="a", latency_ms=5), Cut(edge="a"), Corrupt(edge="a")], ids=repr
)
def test_what_the_others_touch_they_harm(effect):
    assert did(effect, ToxicCounters(chunks=1), ToxicCounters())
