"""The contract check on any JSON object: reasons, never an exception."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.contract import Contract
from reference_pipeline.features import transaction_columns, transaction_spec
from reference_pipeline.records import CATEGORIES, CHANNELS, FeatureSpec, FieldSpec

CONTRACT = Contract(transaction_spec())
GOOD = {
    "id": "a",
    "customer_id": 1,
    "terminal_id": 2,
    "amount": 12.5,
    "channel": "web",
    "category": "fuel",
    "card_age_days": 100,
    "event_time_s": 1000.0,
}
NAMES = [name for name in GOOD if name != "id"]

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=3)
objects = st.dictionaries(st.sampled_from([*GOOD, "other"]) | st.text(), values)
conforming = st.fixed_dictionaries(
    {
        "id": st.text(min_size=1),
        "customer_id": st.integers(0, 2**63 - 1),
        "terminal_id": st.integers(0, 2**63 - 1),
        "amount": st.floats(0.01, 1e6) | st.integers(1, 10**6),
        "channel": st.sampled_from(CHANNELS),
        "category": st.sampled_from(CATEGORIES),
        "card_age_days": st.floats(0, 36_525) | st.integers(0, 36_525),
        "event_time_s": st.floats(0, 1e12) | st.integers(0, 10**12),
    }
)


def one_field(**rules: object) -> Contract:
    spec = FieldSpec(name="x", **rules)
    return Contract(FeatureSpec(kind="columns", fields=(spec,), features=("x",), time_field="x"))


@given(objects)
def test_any_object_gives_reasons_and_never_an_exception(record: dict[str, object]) -> None:
    why, notes = CONTRACT.check(record)
    assert all(isinstance(line, str) and line for line in (*why, *notes))


@given(objects)
def test_every_absent_field_is_named(record: dict[str, object]) -> None:
    why, _ = CONTRACT.check(record)
    missing = {line.partition(":")[0] for line in why if line.endswith(": missing")}
    assert missing == set(NAMES) - record.keys()


@given(objects)
def test_a_record_that_passes_can_become_features(record: dict[str, object]) -> None:
    """What the gateway lets through, the next stage must be able to take: else it waits for ever."""
    record = {**GOOD, **record}
    if not CONTRACT.check(record).why:
        assert len(transaction_columns([record])["amount"]) == 1


@given(conforming)
def test_a_conforming_record_passes_and_becomes_features(record: dict[str, object]) -> None:
    assert CONTRACT.check(record) == ((), ())
    assert len(transaction_columns([record])["amount"]) == 1


@given(conforming, st.sampled_from(NAMES), st.none() | st.booleans() | st.lists(st.integers()))
def test_one_wrong_value_is_one_reason_that_names_the_field(
    record: dict[str, object], name: str, wrong: object
) -> None:
    (reason,) = CONTRACT.check({**record, name: wrong}).why
    assert reason.startswith(f"{name}: ")


def test_all_violations_are_listed_in_order_of_the_fields() -> None:
    broken = {**GOOD, "terminal_id": 1.5, "amount": -3, "channel": "fax"}
    del broken["customer_id"]
    assert CONTRACT.check(broken).why == (
        "customer_id: missing",
        "terminal_id: a number, not an integer",
        "amount: -3 is below 0.01",
        "channel: 'fax' is none of pos, web, phone",
    )


def test_unknown_fields_are_noted_and_no_violation() -> None:
    assert CONTRACT.check({**GOOD, "b": 1, "a": 2}) == ((), ("unknown field 'a'", "unknown field 'b'"))


def test_a_thousand_unknown_fields_make_a_short_note() -> None:
    notes = CONTRACT.check({**GOOD, **{f"f{i}": i for i in range(1000)}}).notes
    assert len(notes) == 21
    assert notes[-1] == "and 980 more"


def test_null_is_allowed_where_the_field_is_nullable() -> None:
    assert one_field(type="number", nullable=True).check({"x": None}).why == ()
    assert one_field(type="number").check({"x": None}).why == ("x: null, not a number",)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", 10**400),
        ("integer", 2**63),
        ("integer", -(10**5000)),
    ],
    ids=["nan", "infinity", "above all floats", "above 64 bits", "more digits than Python prints"],
)
def test_numbers_that_no_feature_can_hold_are_refused(kind: str, value: float) -> None:
    assert one_field(type=kind).check({"x": value}).why == ("x: not in 64 bits",)


@pytest.mark.parametrize("bound", [0, 0.5, 10])
def test_bounds_are_inclusive(bound: float) -> None:
    contract = one_field(type="number", minimum=bound, maximum=bound)
    assert contract.check({"x": bound}).why == ()
    assert contract.check({"x": bound + 1}).why
    assert contract.check({"x": bound - 1}).why


def test_a_string_without_categories_may_be_any_string() -> None:
    assert one_field(type="string").check({"x": ""}).why == ()
    assert one_field(type="string").check({"x": 1}).why == ("x: a number, not a string",)


@given(objects)
def test_findings_survive_json(record: dict[str, object]) -> None:
    """They are stored and answered as JSON, whatever the names in the record look like."""
    findings = CONTRACT.check(record)
    assert msgspec.json.decode(msgspec.json.encode(findings.why)) == list(findings.why)


def test_each_violation_says_which_field_lacks_what() -> None:
    broken = {**GOOD, "terminal_id": 1.5, "amount": None, "channel": "fax", "category": None}
    del broken["customer_id"]
    assert CONTRACT.lacks(CONTRACT.check(broken).why) == {
        "customer_id": "missing",
        "terminal_id": "invalid",
        "amount": "missing",
        "channel": "unknown level",
        "category": "missing",
    }
    assert CONTRACT.lacks(CONTRACT.check(GOOD).why) == {}


def test_a_word_that_speaks_like_a_violation_is_still_a_word() -> None:
    for word in ("missing", "null, not a string", "amount: missing"):
        assert CONTRACT.lacks(CONTRACT.check({**GOOD, "channel": word}).why) == {"channel": "unknown level"}


@given(objects)
def test_what_fields_lack_is_told_of_exactly_those_that_are_broken(record: dict[str, object]) -> None:
    assert CONTRACT.lacks(CONTRACT.check(record).why).keys() == CONTRACT.broken_fields(record)
