"""Effects become toxics that end by themselves, and undo records that the guardian understands."""

from __future__ import annotations

import pytest

from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    Kill,
    Pause,
    Refuse,
    Reset,
    Slice,
    Throttle,
    WrongBody,
)
from harness.guard.verbs import problem_of
from harness.targets.local.harms import ABILITIES
from harness.targets.local.toxics import toxic_of
from harness.targets.local.undo import Facts, undo_of

CASES = [
    (Delay(edge="a", latency_ms=400, jitter_ms=50), "latency", "both", {"latency": 400.0, "jitter": 50.0}),
    (Delay(edge="a", latency_ms=1, way="answer"), "latency", "downstream", {"latency": 1.0, "jitter": 0.0}),
    (Throttle(edge="a", rate_kib_s=8), "bandwidth", "both", {"rate": 8.0}),
    (Cut(edge="a", way="request", share_ratio=0.3), "cut", "upstream", {}),
    (Blackhole(edge="a"), "blackhole", "both", {}),
    (Refuse(edge="a"), "refuse", "both", {}),
    (Reset(edge="a", share_ratio=0.5), "reset_peer", "both", {}),
    (Slice(edge="a", slice_bytes=7, pause_ms=3), "slicer", "both", {"size": 7.0, "delay": 3.0}),
    (Corrupt(edge="a", share_ratio=0.1), "corrupt", "downstream", {}),
    (WrongBody(edge="a", body="empty"), "wrong_body", "downstream", {"body": "empty"}),
]


@pytest.mark.parametrize(("effect", "kind", "stream", "attributes"), CASES)
def test_an_effect_is_its_toxic(effect, kind, stream, attributes):
    toxic = toxic_of(effect, "t1")
    assert (toxic.name, toxic.type, toxic.stream, toxic.attributes) == ("t1", kind, stream, attributes)
    assert toxic.toxicity == getattr(effect, "share_ratio", 1.0)


def test_every_toxic_ends_with_its_lease_and_its_own_time():
    assert all(toxic_of(effect, "t").leased for effect, *_ in CASES)
    assert toxic_of(Refuse(edge="a"), "t").ttl_s == 900.0
    assert toxic_of(Refuse(edge="a", duration_s=5.0), "t").ttl_s == 7.0
    assert toxic_of(Refuse(edge="a", duration_s=899.0), "t").ttl_s == 900.0


FACTS = Facts(
    platform=(20_000, "platform-token"),
    run=("HORMESIS_RUN", "5a" * 32),
    pid=7,
    start_ticks=99,
    ready_port=20_001,
    ready_route="/readyz",
    socket="/x/control",
    proxy_token="proxy-token",
    handle="hormesis-1",
)


@pytest.mark.parametrize(
    "effect", [Kill(service="a"), Pause(service="a"), *(case[0] for case in CASES)], ids=repr
)
def test_every_effect_of_the_target_has_an_undo_that_the_guardian_takes(effect):
    verb, arguments = undo_of(effect, FACTS)
    assert problem_of(verb, arguments) == ""


def test_all_effects_of_the_target_are_covered_here():
    tags = {type(case[0]).__struct_config__.tag for case in CASES}
    assert tags | {"kill", "pause", "hook"} == ABILITIES  # the system itself undoes what its hook did
