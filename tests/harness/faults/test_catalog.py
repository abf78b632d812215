"""The catalogue is complete, compiles what it says, and explains what it refuses."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.catalog import FAULTS, FaultProblem, compile_fault
from harness.faults.effects import Kill, Pause
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


def test_every_effect_of_the_table_survives_json():
    for kind in FAULTS:
        effect = compile_fault(kind, {"service": "gateway"})
        assert msgspec.json.decode(msgspec.json.encode(effect), type=Kill | Pause) == effect
