"""A value that comes far too often is found, at any place of the column; usual values and shifts are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.healing.detectors.pointmass import PointMass, point_mass, sample_of

DICE = np.random.default_rng(1)
PLAIN = DICE.lognormal(3.0, 1.0, 2000)
SAMPLE = sample_of(PLAIN)


@pytest.mark.parametrize("value", [9999.0, -1.0, 0.0, float(PLAIN[7])])
def test_a_sentinel_is_found_beyond_the_column_and_inside_it(value: float) -> None:
    lately = DICE.lognormal(3.0, 1.0, 400)
    lately[:40] = value
    found = point_mass(lately, SAMPLE)
    assert found is not None
    assert (found.value, found.of) == (value, 400)
    assert found.times >= 40


@given(st.integers(0, 2**32), st.sampled_from([0.25, 1.0, 4.0]))
def test_a_column_that_moves_as_a_whole_has_none(seed: int, scale: float) -> None:
    assert point_mass(scale * np.random.default_rng(seed).lognormal(3.0, 1.0, 400), SAMPLE) is None


@given(st.integers(0, 2**32))
def test_values_rounded_to_cents_have_none_though_some_come_twice(seed: int) -> None:
    dice = np.random.default_rng(seed)
    sample, lately = (np.round(dice.lognormal(3.0, 1.0, n), 2) for n in (2000, 400))
    assert point_mass(lately, sample_of(sample)) is None


def test_a_column_in_which_some_value_is_usual_is_left_alone() -> None:
    flags = (DICE.random(2000) < 0.06).astype(float)
    assert point_mass(np.ones(400), sample_of(flags)) is None


@pytest.mark.parametrize(
    ("lately", "sample"),
    [
        (np.array([]), PLAIN),
        (np.full(400, np.nan), PLAIN),
        (np.full(400, 9.0), np.array([])),
        (np.full(400, 9.0), np.full(2000, np.nan)),
        (np.full(400, 9.0), PLAIN[:199]),
        (np.full(400, 9.0), np.full(2000, 9.0)),
    ],
)
def test_nothing_to_look_at_or_to_compare_with_finds_nothing(
    lately: np.ndarray[tuple[int], np.dtype[np.float64]], sample: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    assert point_mass(lately, sample_of(sample)) is None


def test_missing_values_are_not_counted() -> None:
    lately = np.append(np.full(300, np.nan), np.full(100, 5.5))
    assert point_mass(lately, SAMPLE) == PointMass(5.5, 100, 100)


def test_rows_of_one_thing_are_none_of_a_missing_value() -> None:
    """A customer's card is as old in all his orders, and so is the mean of his amounts, which is known."""
    means = DICE.lognormal(3.0, 1.0, 500)
    of_sample, of_rows = (means[DICE.integers(500, size=n)] for n in (2000, 400))
    ages = DICE.random(400)
    ages[:30], of_rows[:30] = 7.25, means[3]
    old, known = sample_of(DICE.random(2000)), sample_of(of_sample)
    assert point_mass(ages, old) == PointMass(7.25, 30, 400)
    assert point_mass(ages, old, beside=[(of_rows, known)]) is None
    assert point_mass(of_rows, known, beside=[(ages, old)]) == PointMass(means[3], 30, 400), "7.25 is new"


def test_two_columns_that_one_failed_lookup_fills_are_both_found() -> None:
    one, other = DICE.lognormal(3.0, 1.0, 400), DICE.lognormal(3.0, 1.0, 400)
    one[:30] = other[:30] = -1.0
    for values, beside in ((one, other), (other, one)):
        assert point_mass(values, SAMPLE, beside=[(beside, SAMPLE)]) == PointMass(-1.0, 30, 400)


def test_a_column_beside_in_which_some_value_is_usual_or_none_is_there_says_nothing() -> None:
    lately = DICE.lognormal(3.0, 1.0, 400)
    lately[:30] = 9999.0
    flags, old_flags = (DICE.random(400) < 0.06).astype(float), (DICE.random(2000) < 0.06).astype(float)
    empty = np.full(400, np.nan)
    found = point_mass(lately, SAMPLE, beside=[(flags, sample_of(old_flags)), (empty, SAMPLE)])
    assert found == PointMass(9999.0, 30, 400)
