"""A rename is proved on golden rows; what only looks like the field is refused."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_pipeline.healing.diagnose import AMBIGUOUS, NO_NAME, UNPROVEN, Diagnosis, Verdict
from reference_pipeline.records import FeatureSpec, FieldSpec
from tests.reference_pipeline.healing.worlds import (
    CONFIG,
    SPEC,
    decoyed,
    golden_rows,
    letters,
    renamed,
    stream,
)

GOLDEN = golden_rows(1)
FIELDS = [field.name for field in SPEC.fields]
NOBODY: frozenset[tuple[str, str]] = frozenset()


def _verdicts(
    records: Sequence[Mapping[str, object]], golden: list[dict[str, object]] = GOLDEN, at_s: float = 0.0
) -> list[Verdict]:
    diagnosis = Diagnosis(SPEC, golden, CONFIG)
    for letter in letters(records):
        diagnosis.see(letter, 0.0)
    return diagnosis.verdicts(at_s, NOBODY)


def _says(verdicts: list[Verdict]) -> list[tuple[str, str, str]]:
    return [(one.says, one.field, one.source) for one in verdicts]


@pytest.mark.parametrize("field", FIELDS)
def test_a_rename_of_any_field_is_found_under_its_new_name(field: str) -> None:
    records = [renamed(record, field, "q7") for record in stream(5, 450, GOLDEN)]
    assert _says(_verdicts(records)) == [("renamed", field, "q7")]


@settings(max_examples=30)
@given(
    st.integers(0, 2**32), st.text("abcdefgh_", min_size=1, max_size=12), st.randoms(use_true_random=False)
)
def test_the_verdict_does_not_depend_on_the_order_of_the_letters(
    seed: int, source: str, dice: random.Random
) -> None:
    records = [renamed(record, "amount", source) for record in stream(seed, 120, GOLDEN, every=10)]
    in_order = _verdicts(records)
    dice.shuffle(records)
    assert _verdicts(records) == in_order
    assert _says(in_order) == [("renamed", "amount", source)]


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(FIELDS))
def test_no_decoy_passes(seed: int, field: str) -> None:
    # Shuffled by plain dice: generated ones find the shuffle that changes nothing, which is no decoy.
    records = decoyed(stream(seed, 200, GOLDEN, every=5), field, "other", random.Random(seed))
    assert _says(_verdicts(records))[0] == ("refuted", field, "other")


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_one_wrong_golden_row_among_any_number_of_right_ones_refutes(seed: int, dice: random.Random) -> None:
    records = [renamed(record, "amount", "x") for record in stream(seed, 300, GOLDEN, every=5)]
    wrong = dice.choice([n for n in range(300) if n % 5 == 2])
    records[wrong]["x"] = 77.125
    assert _says(_verdicts(records))[0] == ("refuted", "amount", "x")


def test_a_unit_change_under_a_new_name_is_no_rename() -> None:
    records = [renamed(record, "amount", "cents") for record in stream(5, 300, GOLDEN)]
    changed = [{**record, "cents": float(str(record["cents"])) * 10} for record in records]
    assert _says(_verdicts(changed))[0] == ("refuted", "amount", "cents")


def test_too_few_golden_rows_are_no_proof() -> None:
    records = [renamed(record, "amount", "x") for record in stream(5, 300, GOLDEN[:2])]
    assert _verdicts(records, GOLDEN[:2]) == []
    (late,) = _verdicts(records, GOLDEN[:2], at_s=CONFIG.quiet_s + 1)
    assert UNPROVEN in late.reason


def test_a_field_of_few_values_needs_more_golden_rows_than_three() -> None:
    """Three rows of three channels agree by chance once in 27 times."""
    records = [renamed(record, "channel", "x") for record in stream(5, 90, GOLDEN)]
    assert _verdicts(records) == []


def test_golden_rows_that_differ_in_nothing_else_prove_nothing() -> None:
    twins = [{**row, "amount": value} for row in GOLDEN for value in (1.0, 2.0)]
    records = [renamed(record, "amount", "x") for record in stream(5, 300, twins)]
    assert _verdicts(records, twins) == []


def test_a_dropped_field_has_no_candidate() -> None:
    records = [{k: v for k, v in record.items() if k != "amount"} for record in stream(5, 100, GOLDEN)]
    (verdict,) = _verdicts(records)
    assert NO_NAME in verdict.reason


def test_two_names_that_fit_alike_are_ambiguous() -> None:
    records = [renamed(record, "amount", "x") for record in stream(5, 300, GOLDEN)]
    (verdict,) = _verdicts([{**record, "y": record["x"]} for record in records])
    assert AMBIGUOUS in verdict.reason


def test_a_name_that_is_not_in_all_letters_is_no_candidate() -> None:
    records = [renamed(record, "amount", "x") for record in stream(5, 300, GOLDEN)]
    records[150].pop("x")
    assert _says(_verdicts(records)) == [("unclear", "amount", "")]


def test_values_of_another_type_or_out_of_bounds_do_not_fit() -> None:
    for wrong in ("12.5", None, True, [1], -3.0, 1e9):
        records = [renamed(record, "amount", "x") for record in stream(5, 300, GOLDEN)]
        records[7]["x"] = wrong
        assert _says(_verdicts(records)) == [("unclear", "amount", "")], wrong


def test_a_refused_name_is_no_candidate_any_more() -> None:
    diagnosis = Diagnosis(SPEC, GOLDEN, CONFIG)
    for letter in letters([renamed(record, "amount", "x") for record in stream(5, 300, GOLDEN)]):
        diagnosis.see(letter, 0.0)
    (verdict,) = diagnosis.verdicts(0.0, {("amount", "x")})
    assert NO_NAME in verdict.reason


def test_letters_that_lack_more_than_one_field_or_break_otherwise_are_not_taken() -> None:
    spec = FeatureSpec(
        kind="columns",
        fields=(FieldSpec(name="a", type="number"), FieldSpec(name="b", type="number", minimum=0)),
        features=("a",),
        time_field="a",
    )
    diagnosis = Diagnosis(spec, [{"a": 1, "b": 2}], CONFIG)
    taken = [
        diagnosis.see(one, 0.0) for one in letters([{"x": 1}, {"b": -1, "x": 1}, {"b": 1, "x": 1}], spec)
    ]
    assert taken == [False, False, True]


def test_after_a_pause_an_old_drop_does_not_hide_a_new_rename() -> None:
    diagnosis = Diagnosis(SPEC, GOLDEN, CONFIG)
    dropped = [{k: v for k, v in record.items() if k != "amount"} for record in stream(5, 40, GOLDEN)]
    for letter in letters(dropped):
        diagnosis.see(letter, 0.0)
    for letter in letters([renamed(record, "amount", "x") for record in stream(6, 300, GOLDEN)]):
        diagnosis.see(letter, CONFIG.quiet_s + 1)
    assert _says(diagnosis.verdicts(CONFIG.quiet_s + 1, NOBODY)) == [("renamed", "amount", "x")]
