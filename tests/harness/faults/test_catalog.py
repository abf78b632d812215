"""The catalogue is complete, compiles what it says, and explains what it refuses."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.catalog import FAULTS, FaultProblem, compile_fault
from harness.faults.data import TruncateParameters
from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    Effect,
    Hook,
    Kill,
    Mutate,
    Pause,
    Relabel,
    Reset,
    Shift,
    Surge,
)
from harness.faults.kind import DURATION_MAX_S
from harness.faults.process import HangParameters, KillParameters


def test_every_row_is_filed_under_its_own_kind_and_says_what_it_does():
    for kind, row in FAULTS.items():
        assert row.kind == kind
        assert row.what
        assert row.proof
        assert row.undo
        assert row.undone_within_s > 0


def test_every_parameters_struct_is_frozen_and_forbids_unknown_keys():
    for row in FAULTS.values():
        config = row.parameters.__struct_config__
        assert config.frozen
        assert config.forbid_unknown_fields


def test_kill_and_hang_compile_to_their_effects():
    assert compile_fault("process.kill", {"service": "gateway"}) == Kill(service="gateway")
    assert compile_fault("process.hang", {"service": "gateway"}) == Pause(service="gateway")
    hang = compile_fault("process.hang", {"service": "gateway", "duration_s": 2})
    assert hang == Pause(service="gateway", duration_s=2.0)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [({"times": 5}, "every_s"), ({"every_s": 0.8}, "times"), ({"times": 91, "every_s": 10.1}, "times")],
)
def test_a_succession_of_kills_needs_its_number_and_its_beat_and_an_end(arguments, names):
    with pytest.raises(FaultProblem) as caught:
        compile_fault("process.kill", {"service": "gateway", **arguments})
    assert caught.value.argument == names


def test_a_single_kill_is_written_as_it_was_before_there_were_successions():
    assert msgspec.to_builtins(Kill(service="a")) == {"type": "kill", "service": "a"}


def test_an_unknown_kind_names_the_known_ones_and_the_nearest():
    with pytest.raises(FaultProblem, match=r"unknown fault 'proces\.kill'") as caught:
        compile_fault("proces.kill", {"service": "gateway"})
    assert caught.value.argument == ""
    assert caught.value.known == tuple(sorted(FAULTS))
    assert caught.value.near == "process.kill"


def test_an_unknown_argument_names_the_nearest_one():
    with pytest.raises(FaultProblem, match="no argument 'durations'") as caught:
        compile_fault("process.hang", {"service": "gateway", "durations": 3})
    assert caught.value.argument == "durations"
    assert caught.value.near == "duration_s"


def test_a_missing_argument_is_named():
    with pytest.raises(FaultProblem, match="needs the argument 'service'"):
        compile_fault("process.kill", {})


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("service", 3),
        ("service", ""),
        ("service", "a" * 64),
        ("duration_s", -1),
        ("duration_s", 0),
        ("duration_s", True),
        ("duration_s", "ten"),
        ("duration_s", math.inf),
        ("duration_s", math.nan),
    ],
)
def test_a_wrong_value_points_at_its_argument(argument, value):
    with pytest.raises(FaultProblem) as caught:
        compile_fault("process.hang", {"service": "gateway", argument: value})
    assert caught.value.argument == argument


@pytest.mark.parametrize("name", ["$(id)", "`id`", "a\n", "a;b", "../a", "A", "a b", "-a", "a\x00"])
def test_a_service_name_that_a_shell_or_a_path_could_read_is_refused(name):
    with pytest.raises(FaultProblem):
        compile_fault("process.kill", {"service": name})


@given(name=st.text(max_size=70))
def test_a_name_compiles_exactly_if_it_is_lower_case_letters_digits_and_dashes(name):
    letters = set("abcdefghijklmnopqrstuvwxyz0123456789")
    right = 1 <= len(name) <= 63 and name[0] in letters and set(name) <= letters | {"-"}
    try:
        effect = compile_fault("process.kill", {"service": name})
    except FaultProblem:
        assert not right
    else:
        assert right
        assert effect == Kill(service=name)


def test_a_row_compiles_only_its_own_parameters():
    with pytest.raises(TypeError, match="takes KillParameters"):
        FAULTS["process.kill"].compile(HangParameters(service="gateway"))
    assert FAULTS["process.kill"].compile(KillParameters(service="a")) == Kill(service="a")


# The least that a file must say of each kind beside where it hits.
NEEDED = {
    "latency_ms": 400,
    "rate_kib_s": 64,
    "slice_bytes": 100,
    "knob": "phone_share",
    "value": 0.4,
    "level": "phone",
}
PLACES = {"service": "gateway", "edge": "gateway-features", "field": "amount"}


def least(kind: str) -> dict[str, object]:
    """The smallest right arguments of ``kind``."""
    required = [one.name for one in msgspec.structs.fields(FAULTS[kind].parameters) if one.required]
    chosen = {"share_ratio": 0.5} if FAULTS[kind].parameters is TruncateParameters else {}
    least_change = {"shift": -1.0} if kind == "model.calibration" else {}
    return {name: (NEEDED | PLACES | chosen)[name] for name in required} | least_change


@pytest.mark.parametrize("kind", FAULTS)
def test_every_effect_of_the_table_survives_json(kind):
    effect = compile_fault(kind, least(kind))
    assert msgspec.json.decode(msgspec.json.encode(effect), type=Effect) == effect


@pytest.mark.parametrize(
    ("kind", "more", "effect"),
    [
        ("network.latency", {"way": "answer"}, Delay(edge="gateway-features", latency_ms=400, way="answer")),
        ("network.partition", {"share_ratio": 0.5}, Cut(edge="gateway-features", share_ratio=0.5)),
        ("network.black_hole", {"duration_s": 3}, Blackhole(edge="gateway-features", duration_s=3)),
        ("network.reset", {}, Reset(edge="gateway-features")),
        ("network.corrupt", {}, Corrupt(edge="gateway-features", way="answer")),
        (
            "data.rename_field",
            {"share_ratio": 0.1},
            Mutate(mutation="rename", field="amount", share_ratio=0.1),
        ),
        ("data.nulls", {"by": "label"}, Mutate(mutation="null_by_label", field="amount")),
        ("data.nulls", {}, Mutate(mutation="null", field="amount")),
        ("data.sentinel", {"value": 9999}, Mutate(mutation="sentinel", field="amount", value=9999)),
        (
            "data.sentinel",
            {"ramp_s": 20, "slice_field": "channel", "slice_level": "web"},
            Mutate(mutation="sentinel", field="amount", ramp_s=20, slice_field="channel", slice_level="web"),
        ),
        ("data.late", {"lag_s": 4}, Mutate(mutation="late", lag_s=4)),
        ("data.wrong_rename", {}, Mutate(mutation="decoy", field="amount")),
        ("data.truncate_batch", {}, Mutate(mutation="truncate", share_ratio=0.5)),
        (
            "world.covariate_shift",
            {"ramp_s": 5},
            Shift(knob="phone_share", value=0.4, moves="records", ramp_s=5),
        ),
        ("world.concept_change", {}, Shift(knob="phone_share", value=0.4, moves="truth")),
        (
            "world.label_shift",
            {"field": "channel", "level": "web"},
            Shift(knob="phone_share", value=0.4, moves="both", field="channel", level="web"),
        ),
        ("labels.delay", {"factor": 3}, Relabel(how="delay", factor=3)),
        ("labels.stop", {}, Relabel(how="stop")),
        ("labels.noise", {"share_ratio": 0.2}, Relabel(how="flip", share_ratio=0.2)),
        ("labels.selective", {}, Relabel(how="select")),
        (
            "labels.poison",
            {"field": "channel", "level": "phone"},
            Relabel(how="flip", only=1, field="channel", level="phone"),
        ),
        ("model.constant", {}, Hook(hook="model", action="constant")),
        ("model.calibration", {"shift": -1}, Hook(hook="model", action="calibration", shift=-1)),
        ("placebo.better_model", {}, Hook(hook="model", action="better_model")),
        ("placebo.surge", {}, Surge(factor=2)),
        ("placebo.slow_batch", {}, Delay(edge="gateway-features", latency_ms=50)),
        ("placebo.added_field", {}, Mutate(mutation="add", field="amount")),
    ],
)
def test_a_fault_compiles_to_the_effect_that_it_names(kind, more, effect):
    assert compile_fault(kind, least(kind) | more) == effect


WRONG = [
    ("network.latency", "latency_ms", (0, -1, "slow", 1e9, math.nan)),
    ("network.latency", "jitter_ms", (-1, 401)),
    ("network.latency", "way", ("up", "", None)),
    ("network.latency", "edge", ("A", "", "a" * 71, "a\n", "$(id)", "../a")),
    ("network.bandwidth", "rate_kib_s", (0, -1)),
    ("network.partition", "share_ratio", (0, -0.1, 1.1)),
    ("network.slice", "slice_bytes", (0, 1.5, 70_000)),
    ("network.slice", "pause_ms", (-1,)),
    ("network.wrong_body", "body", ("pdf",)),
    ("data.rename_field", "field", ("", "1a", "a" * 65, "a b", "a\n", "`id`", "$x", "a/b", "é")),
    ("data.rename_field", "share_ratio", (0, 2)),
    ("data.change_unit", "factor", (0, 1, math.inf)),
    ("data.nulls", "by", ("row",)),
    ("data.late", "lag_s", (0, 61)),
    ("data.sentinel", "ramp_s", (-1, 901)),
    ("data.sentinel", "slice_level", ("a" * 65,)),
    ("data.truncate_batch", "share_ratio", (0, 1)),
    ("world.concept_change", "knob", ("", "a b", 1)),
    ("world.concept_change", "value", ("high", math.nan, 1e10)),
    ("world.concept_change", "ramp_s", (-1, 901)),
    ("world.concept_change", "period_s", (-1, 901)),
    ("world.concept_change", "level", ("a" * 65,)),
    ("placebo.surge", "factor", (1, 3.1)),
    ("placebo.slow_batch", "latency_ms", (0, 101)),
]


@pytest.mark.parametrize(
    ("kind", "argument", "value"), [(kind, key, value) for kind, key, values in WRONG for value in values]
)
def test_a_value_out_of_its_range_points_at_its_argument(kind, argument, value):
    with pytest.raises(FaultProblem) as caught:
        compile_fault(kind, least(kind) | {argument: value})
    assert caught.value.argument == argument


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "process.kill"])
def test_every_fault_but_a_kill_may_end_by_itself_within_fifteen_minutes(kind):
    effect = compile_fault(kind, least(kind) | {"duration_s": DURATION_MAX_S})
    assert effect.duration_s == DURATION_MAX_S == 900
    for value in (0, -1, DURATION_MAX_S + 0.1):
        with pytest.raises(FaultProblem) as caught:
            compile_fault(kind, least(kind) | {"duration_s": value})
        assert caught.value.argument == "duration_s"


def test_a_part_of_the_records_needs_its_field_and_its_level():
    for half, missing in (({"field": "channel"}, "level"), ({"level": "web"}, "field")):
        with pytest.raises(FaultProblem, match="a field and its level") as caught:
            compile_fault("world.concept_change", least("world.concept_change") | half)
        assert caught.value.argument == missing

    for half, missing in (
        ({"slice_field": "channel"}, "slice_level"),
        ({"slice_level": "web"}, "slice_field"),
    ):
        with pytest.raises(FaultProblem, match="slice_field and its slice_level") as caught:
            compile_fault("data.sentinel", least("data.sentinel") | half)
        assert caught.value.argument == missing


def test_a_ramp_that_would_never_arrive_is_refused():
    asked = least("world.concept_change") | {"period_s": 10, "ramp_s": 5}
    assert compile_fault("world.concept_change", asked).ramp_s == 5
    with pytest.raises(FaultProblem, match="would never arrive") as caught:
        compile_fault("world.concept_change", asked | {"ramp_s": 5.1})
    assert caught.value.argument == "ramp_s"


def test_edges_and_records_are_clean_a_second_after_the_undo_is_asked():
    slower = {kind for kind, row in FAULTS.items() if row.undone_within_s > 1.0}
    by_hooks = {kind for kind in FAULTS if kind.startswith("model.")} | {"placebo.better_model"}
    assert slower == {"process.kill"} | by_hooks


def test_a_placebo_is_named_as_one():
    assert all(row.placebo == kind.startswith("placebo.") for kind, row in FAULTS.items())
