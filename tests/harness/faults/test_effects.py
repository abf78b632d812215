"""The name of a class: unequal faults never share one, and what it was before it still is."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.catalog import FAULTS, compile_fault
from harness.faults.effects import Cut, Kill, Pause, Shift, subject, subject_among

EDGE, FIELD = {"edge": "gateway-features"}, {"field": "amount"}
SHARES = st.floats(0, 1, exclude_min=True) | st.sampled_from((0.01, 0.1, 1.0))
# Every value is right in every company: a jitter is below each latency, a ramp within half of each period.
VALUES = {
    "service": st.sampled_from(("gateway", "scorer-a")),
    "edge": st.sampled_from(("gateway-features", "driver-gateway")),
    "field": st.sampled_from(("amount", "age")),
    "duration_s": st.none() | st.floats(0.05, 900) | st.sampled_from((3.0, 8.0)),
    "share_ratio": SHARES,
    "latency_ms": st.floats(50, 100),
    "jitter_ms": st.floats(0, 50),
    "way": st.sampled_from(("both", "request", "answer")),
    "body": st.sampled_from(("html", "empty", "truncated", "status")),
    "rate_kib_s": st.floats(0.1, 1e6),
    "slice_bytes": st.integers(1, 65_536),
    "pause_ms": st.floats(0, 60_000),
    "factor": st.floats(1, 3, exclude_min=True),
    "by": st.sampled_from(("random", "label")),
    "value": st.floats(-1e9, 1e9),
    "lag_s": st.floats(0.001, 60),
    "knob": st.sampled_from(("phone_share", "fraud_odds")),
    "ramp_s": st.floats(0, 10),
    "period_s": st.just(0.0) | st.floats(20, 900),
    "scale": st.floats(0.1, 10),
    "shift": st.floats(0.1, 5),  # with none, a scale of 1 would be no fault
    "times": st.integers(2, 100),
    "every_s": st.floats(0.05, 9) | st.sampled_from((0.8, 2.0)),
    "slice_field": st.sampled_from(("channel", "tier")),
    "slice_level": st.text(max_size=64) | st.just("web over 3 s"),
    "level": st.text(max_size=64) | st.sampled_from(("web", "web for 3 s", "web until undone")),
}


def values_of(kind):
    """The domain of each argument of ``kind``; a batch that is cut keeps less than all of it."""
    names = FAULTS[kind].parameters.__struct_fields__
    cut = {"share_ratio": SHARES.filter(lambda share: share < 1)} if kind == "data.truncate_batch" else {}
    return {name: (VALUES | cut)[name] for name in names}


def right(kind, arguments):
    """Leave out half of what belongs together: a field without its level, a number without its beat."""
    part = ("slice_field", "slice_level") if kind == "data.sentinel" else ("field", "level")
    if ("times" in arguments) != ("every_s" in arguments):
        return {key: value for key, value in arguments.items() if key not in ("times", "every_s")}
    half = kind.startswith(("world.", "data.sentinel")) and (part[0] in arguments) != (part[1] in arguments)
    return {key: value for key, value in arguments.items() if not half or key not in part}


@st.composite
def twins(draw, kind):
    """Two effects of one kind that differ in some of their arguments, or in none."""
    values = values_of(kind)
    needed = {one.name for one in msgspec.structs.fields(FAULTS[kind].parameters) if one.required} | {"shift"}
    chosen = {name: draw(values[name]) for name in values if name in needed or draw(st.booleans())}
    changed = {name: draw(values[name]) for name in values if draw(st.booleans())}
    return tuple(compile_fault(kind, right(kind, one)) for one in (chosen, chosen | changed))


@pytest.mark.parametrize("kind", FAULTS)
@given(data=st.data())
def test_unequal_effects_of_one_kind_never_share_a_class(kind, data):
    first, second = data.draw(twins(kind))
    names = [subject_among(one, (first, second)) for one in (first, second)]
    assert first == second or names[0] != names[1]


DIFFERENT = [
    ("network.wrong_body", EDGE, {"share_ratio": 0.01}),
    ("network.wrong_body", EDGE | {"share_ratio": 0.5}, {"share_ratio": 0.01}),
    ("network.slice", EDGE | {"slice_bytes": 100}, {"slice_bytes": 10}),
    ("network.slice", EDGE | {"slice_bytes": 100}, {"pause_ms": 5.0}),
    ("network.slice", EDGE | {"slice_bytes": 100}, {"way": "answer"}),
    ("network.latency", EDGE | {"latency_ms": 400.0}, {"jitter_ms": 50.0}),
    ("network.corrupt", EDGE, {"way": "request"}),
    ("data.change_unit", FIELD, {"factor": 1000.0}),
    ("data.sentinel", FIELD, {"value": 9999.0}),
    ("data.sentinel", FIELD, {"ramp_s": 20.0}),
    ("data.sentinel", FIELD, {"slice_field": "channel", "slice_level": "phone"}),
    ("data.late", {}, {"lag_s": 4.0}),
    ("data.nulls", FIELD, {"by": "label"}),
    ("data.drop_field", FIELD | {"share_ratio": 0.1}, {"share_ratio": 0.10000001}),
    ("process.hang", {"service": "scorer-a"}, {"duration_s": 3.0}),
    ("process.hang", {"service": "scorer-a", "duration_s": 8.0}, {"duration_s": 3.0}),
    ("placebo.surge", {"factor": 2.0, "duration_s": 8.0}, {"duration_s": 8.0000001}),
]


@pytest.mark.parametrize(("kind", "arguments", "change"), DIFFERENT)
def test_one_argument_makes_another_class(kind, arguments, change):
    both = [compile_fault(kind, arguments), compile_fault(kind, arguments | change)]
    assert subject_among(both[0], both) != subject_among(both[1], both)


# Rows of results that are kept, and reports that were made, name their classes so.
NAMES = [
    ("process.kill", {"service": "scorer-a"}, "scorer-a"),
    ("process.kill", {"service": "a", "times": 5, "every_s": 0.8}, "a 5 times 0.8 s apart"),
    ("process.hang", {"service": "scorer-a", "duration_s": 3.0}, "scorer-a"),
    ("network.latency", EDGE | {"latency_ms": 400, "duration_s": 8}, "gateway-features 400 ms"),
    ("network.latency", EDGE | {"latency_ms": 10_000}, "gateway-features 10000 ms"),
    ("network.latency", EDGE | {"latency_ms": 2.5, "way": "answer"}, "gateway-features 2.5 ms answer"),
    ("network.bandwidth", EDGE | {"rate_kib_s": 64}, "gateway-features 64 KiB/s"),
    ("network.partition", EDGE, "gateway-features 100 %"),
    ("network.partition", EDGE | {"way": "request", "share_ratio": 0.5}, "gateway-features request 50 %"),
    ("network.black_hole", EDGE, "gateway-features"),
    ("network.refuse", EDGE, "gateway-features"),
    ("network.reset", EDGE | {"share_ratio": 0.5}, "gateway-features 50 %"),
    ("network.corrupt", EDGE, "gateway-features 100 %"),
    ("network.wrong_body", EDGE | {"body": "empty"}, "gateway-features empty"),
    ("data.rename_field", FIELD | {"share_ratio": 0.1, "duration_s": 8}, "amount 10 %"),
    ("data.drop_field", FIELD | {"share_ratio": 0.07}, "amount 7 %"),
    ("data.drop_field", FIELD | {"share_ratio": 0.123}, "amount 12.3 %"),
    ("data.change_unit", FIELD, "amount 100 %"),
    ("data.nulls", FIELD, "amount 100 %"),
    ("data.sentinel", FIELD, "amount 100 %"),
    (
        "data.sentinel",
        FIELD | {"ramp_s": 20, "slice_field": "channel", "slice_level": "phone"},
        "amount 100 % over 20 s where channel is phone",
    ),
    ("data.duplicate", {"share_ratio": 0.5}, "records 50 %"),
    ("data.truncate_batch", {"share_ratio": 0.5}, "records 50 %"),
    (
        "world.concept_change",
        {"knob": "pattern_risk", "value": 0.7, "ramp_s": 2},
        "pattern_risk 0.7 over 2 s",
    ),
    (
        "world.label_shift",
        {"knob": "fraud_odds", "value": 5, "period_s": 20, "field": "channel", "level": "web"},
        "fraud_odds 5 every 20 s where channel is web",
    ),
    ("placebo.surge", {"factor": 2, "duration_s": 8}, "load x2"),
    ("placebo.slow_batch", EDGE, "gateway-features 50 ms"),
    ("placebo.added_field", {"field": "loyalty_tier"}, "loyalty_tier 100 %"),
]


@pytest.mark.parametrize(("kind", "arguments", "name"), NAMES)
def test_what_is_as_usual_is_not_written_out(kind, arguments, name):
    assert subject(compile_fault(kind, arguments)) == name


def test_how_long_a_fault_lasts_is_told_only_where_nothing_else_tells_two_apart():
    short, long = (Cut(edge="a-b", duration_s=length_s) for length_s in (3.0, 8.0))
    other = Cut(edge="a-b", way="request", duration_s=1.0)
    assert subject_among(short, [short, other, short]) == subject(short) == "a-b 100 %"
    told = [subject_among(one, [short, long, other]) for one in (short, long, other)]
    assert told == ["a-b 100 % for 3 s", "a-b 100 % for 8 s", "a-b request 100 %"]
    sticky = Pause(service="scorer-a")
    assert subject_among(sticky, [Pause(service="scorer-a", duration_s=3.0)]) == "scorer-a until undone"
    assert subject_among(Kill(service="scorer-a"), [Kill(service="scorer-b")]) == "scorer-a"


def test_the_words_of_a_level_cannot_be_taken_for_how_long_a_fault_lasts():
    where = {"knob": "fraud_odds", "value": 5.0, "field": "channel"}
    timed, sticky = Shift(**where, level="web", duration_s=3.0), Shift(**where, level="web")
    named = Shift(**where, level="web for 3 s")
    assert len({subject_among(one, [timed, sticky, named]) for one in (timed, sticky, named)}) == 3
