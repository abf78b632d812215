"""Refused fields: nothing is no data, one is quiet, several are an alarm that names field and lack."""

from __future__ import annotations

import pytest

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.refused import refused_baseline, refused_components, refused_names
from reference_pipeline.healing.detectors.scan import Scan, step
from reference_pipeline.records import FieldSpec

FIELDS = (
    FieldSpec(name="amount", type="number"),
    FieldSpec(name="sex", type="string", categories=("f", "m")),
)
NAMES = [
    "amount missing",
    "amount invalid",
    "sex missing",
    "sex unknown level",
    "sex invalid",
]


def _last(*batches: list[int]) -> Reading:
    base = refused_baseline(NAMES)
    state, reading = Scan.fresh(base), None
    for counts in batches:
        state, reading = step(base, state, refused_components(counts), 0)
    assert reading is not None
    return reading


def test_every_field_may_be_missing_or_invalid_and_a_category_may_be_another_word() -> None:
    assert refused_names(FIELDS) == NAMES


@pytest.mark.parametrize(
    ("batches", "says"),
    [
        ([[0, 0, 0, 0, 0]] * 70, "no data"),
        ([[1, 0, 0, 0, 0]], "quiet"),
        ([[1, 1, 1, 1, 1]], "quiet"),
        ([[7, 0, 0, 0, 0]], "quiet"),
        ([[8, 0, 0, 0, 0]], "alarm"),
        ([[4, 0, 0, 0, 0]] * 2, "quiet"),
        ([[5, 0, 0, 0, 0], [4, 0, 0, 0, 0]], "alarm"),
        ([[0, 0, 0, 0, 0]] * 2 + [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0]] * 31, "quiet"),
        ([[1, 0, 0, 0, 0]] * 32 + [[0, 0, 0, 0, 0]] * 32, "alarm"),
    ],
)
def test_how_many_are_told(batches: list[list[int]], says: str) -> None:
    assert _last(*batches).says == says


def test_a_new_word_is_told_by_its_field() -> None:
    reading = _last([0, 0, 0, 100, 0])
    assert (reading.where, reading.how) == ("sex unknown level", "share up")
    assert not reading.may_touch_model
