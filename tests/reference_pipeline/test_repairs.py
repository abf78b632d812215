"""Repairs: what is declared is read as it was meant, nothing else is touched."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.contract import Contract
from reference_pipeline.features import transaction_spec
from reference_pipeline.records import FeatureSpec, FieldSpec
from reference_pipeline.repairs import Repairs
from tests.reference_pipeline.running import record

SPEC = FeatureSpec(
    kind="columns",
    fields=(
        FieldSpec(name="n", type="number", coerce=True),
        FieldSpec(name="i", type="integer", coerce=True),
        FieldSpec(name="s", type="string"),
        FieldSpec(name="plain", type="number"),
    ),
    features=("n",),
    time_field="n",
)
REPAIRS = Repairs(SPEC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_a_number_written_as_a_json_number_is_read_as_that_number(number: float) -> None:
    read = REPAIRS.apply({"n": json.dumps(number)}, {}).record
    assert read["n"] == number
    assert isinstance(read["n"], int | float)


NO_NUMBERS = (
    *("1,5", "1.000,5", "", " 1", "1 ", "1\n", "+1", "01", "1.", ".5", "1_0", "0x1"),
    *("NaN", "Infinity", "1e999", "\u0661", "twelve", "1" * 100, "true", "null"),
)


@pytest.mark.parametrize("text", NO_NUMBERS, ids=ascii)
def test_what_is_no_json_number_stays_a_string(text: str) -> None:
    assert REPAIRS.apply({"n": text}, {}) == ({"n": text}, ())


@pytest.mark.parametrize("text", ["1.0", "1e3", "1.5"])
def test_an_integer_field_takes_integers_alone(text: str) -> None:
    assert REPAIRS.apply({"i": text}, {}).record == {"i": text}
    assert REPAIRS.apply({"i": "-12"}, {}).record == {"i": -12}


def test_a_field_that_does_not_declare_it_is_not_coerced() -> None:
    given_record = {"s": "5", "plain": "5"}
    assert REPAIRS.apply(given_record, {}).record is given_record
    assert Repairs(SPEC, coerce=False).apply({"n": "5"}, {}) == ({"n": "5"}, ())


def test_a_mapping_applies_only_where_the_field_is_missing_and_the_source_there() -> None:
    mappings = {"n": "m"}
    assert REPAIRS.apply({"m": 1.5}, mappings).record == {"n": 1.5}
    assert REPAIRS.apply({"m": 1.5, "n": 2.5}, mappings).record == {"m": 1.5, "n": 2.5}
    assert REPAIRS.apply({"n": None, "m": 1.5}, mappings).record == {"n": None, "m": 1.5}
    assert REPAIRS.apply({"other": 1}, mappings).record == {"other": 1}
    assert REPAIRS.apply({"m": "1.5"}, mappings).record == {"n": 1.5}


@given(st.dictionaries(st.sampled_from(["n", "i", "s", "plain", "m", "id"]), JSON))
def test_any_record_is_survived_left_as_it_came_and_repaired_but_once(original: dict[str, object]) -> None:
    before = json.dumps(original, sort_keys=True)
    repaired = REPAIRS.apply(original, {"n": "m"})
    assert json.dumps(original, sort_keys=True) == before
    assert (repaired.record is original) == (repaired.notes == ())
    assert REPAIRS.apply(repaired.record, {}).notes == ()
    for value in repaired.record.values():
        assert not isinstance(value, float) or not math.isnan(value)


@given(st.dictionaries(st.sampled_from(list(record("a"))), JSON))
def test_a_repair_never_breaks_what_kept_the_contract(changed: dict[str, object]) -> None:
    contract, repairs = Contract(transaction_spec()), Repairs(transaction_spec())
    given_record = {**record("a"), **changed}
    if not contract.check(given_record).why:
        assert repairs.apply(given_record, {"amount": "value"}).record is given_record
