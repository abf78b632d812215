"""References of scores, and the distance of two versions on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.scores import (
    APART,
    CONSTANT,
    REFERENCE_LEAST,
    likeness,
    make_score_reference,
)

Floats = NDArray[np.float64]

TWO = np.repeat([0.0, 0.2], 150)  # a mean of 0.1


@pytest.mark.parametrize(
    ("now", "apart", "says"),
    [
        (TWO + 0.04, 0.4, "quiet"),
        (TWO + 0.06, 0.6, "alarm"),
        (TWO[::-1], 0.0, "quiet"),
        (2 * TWO, 1.0, "alarm"),
    ],
)
def test_the_distance_is_the_mean_difference_of_sorted_scores_by_the_share_of_positives(
    now: Floats, apart: float, says: str
) -> None:
    reading = likeness(TWO, now)
    assert reading.statistic == pytest.approx(apart)
    assert (reading.says, reading.threshold) == (says, APART)


def test_where_positives_are_most_the_others_count() -> None:
    assert likeness(1.0 - TWO, 1.0 - (TWO + 0.06)).statistic == pytest.approx(0.6)


@given(st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter_and_the_direction_is_told(seed: int) -> None:
    dice = np.random.default_rng(seed)
    before, now = dice.beta(0.3, 9.0, 400), dice.beta(0.6, 9.0, 400)
    plain, shuffled = likeness(before, now), likeness(before, dice.permutation(now))
    assert plain.statistic == pytest.approx(shuffled.statistic)
    assert plain.how == ("up" if now.mean() > before.mean() else "down")


def test_one_score_for_everybody_is_an_alarm_however_near() -> None:
    before = np.random.default_rng(1).uniform(0.010, 0.011, 1000)
    reading = likeness(before, np.full(1000, before.mean()))
    assert (reading.says, reading.how) == ("alarm", CONSTANT)
    assert reading.statistic is not None
    assert reading.statistic < APART


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (np.zeros(0), np.zeros(0)),
        (TWO, TWO[1:]),
        (TWO[: REFERENCE_LEAST - 1], TWO[: REFERENCE_LEAST - 1]),
        (np.full(300, np.nan), TWO),
        (np.full(300, 0.3), TWO),
        (np.zeros(300), TWO),
    ],
)
def test_what_cannot_be_compared_is_no_data(before: Floats, now: Floats) -> None:
    reading = likeness(before, now)
    assert (reading.says, reading.statistic) == ("no data", None)


def test_a_reference_has_bins_and_a_baseline() -> None:
    dice = np.random.default_rng(2)
    past = dice.beta(0.3, 9.0, 15_000)
    found = make_score_reference("1.0.0", past[:2000], past, shape=(1, 25), dice=dice)
    assert found.bins is not None
    assert found.baseline is not None
    assert found.baseline.groups == (found.bins.group,)
    assert found.why == ""


@pytest.mark.parametrize(
    ("past", "why"),
    [
        (np.full(15_000, 0.3), "one score"),
        (np.random.default_rng(3).random(2000), "80 batches of history where 500"),
        (np.full(15_000, np.nan), "0 scores in the reference"),
    ],
)
def test_scores_that_carry_no_baseline_say_why(past: Floats, why: str) -> None:
    found = make_score_reference("1.0.0", past[:2000], past, shape=(1, 25), dice=np.random.default_rng(4))
    assert (found.bins, found.baseline) == (None, None)
    assert why in found.why
