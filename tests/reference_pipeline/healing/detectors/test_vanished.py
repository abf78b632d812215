"""Positives that have gone are missed after some thirty of them; a false alarm takes as long as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.vanished import BACK_AFTER, BORNE_RATIO, RUN_LENGTH, Part, look

Floats = NDArray[np.float64]


@given(st.floats(0.0, 0.99), st.floats(BORNE_RATIO, 1.0))
def test_a_row_is_a_fair_game_at_the_borne_share_and_a_losing_one_above(score: float, ratio: float) -> None:
    """The mean of the factor, which is what the run length rests on."""
    factors = [look(Part(total=1e-9), np.array([score]), np.array([label]))[0].total for label in (0.0, 1.0)]
    rate = score * ratio
    mean = (1.0 - rate) * factors[0] + rate * factors[1]
    assert mean <= 1.0 + 1e-6
    if ratio == BORNE_RATIO:
        assert mean == pytest.approx(1.0)


def _gone_after(dice: np.random.Generator, scores: Floats, ratio: float) -> int:
    labels = (dice.random(len(scores)) < ratio * scores).astype(float)
    part = Part()
    for number in range(0, len(scores), 100):
        part, says = look(part, scores[number : number + 100], labels[number : number + 100])
        if says == "gone":
            return number + 100
    return len(scores) + 1


def test_scores_that_say_half_again_too_much_raise_no_alarm_in_many_rows() -> None:
    dice = np.random.default_rng(1)
    scores = dice.beta(0.5, 20.0, 200_000)
    assert all(_gone_after(np.random.default_rng(seed), scores, 0.66) > len(scores) for seed in range(5))


def test_some_thirty_missing_positives_are_enough_and_some_that_come_take_longer() -> None:
    dice = np.random.default_rng(2)
    scores = np.full(40_000, 0.02)
    assert 20 < _gone_after(dice, scores, 0.0) * 0.02 < 36
    assert _gone_after(dice, scores, 0.0) < _gone_after(dice, scores, 0.1) <= len(scores)


def test_they_are_back_once_half_of_those_that_are_said_have_come() -> None:
    dice, scores = np.random.default_rng(3), np.full(1000, 0.05)
    part, says = look(Part(), scores, np.zeros(1000))
    assert (says, part.gone) == ("gone", True)
    part, says = look(part, scores, (dice.random(1000) < 0.05 * BORNE_RATIO / 2).astype(float))
    assert (says, part.gone) == ("", True)
    part, says = look(part, scores, (dice.random(1000) < 0.05).astype(float))
    assert (says, part) == ("back", Part(total=part.total))
    assert part.total < RUN_LENGTH


def test_of_no_rows_nothing_is_said() -> None:
    for part in (Part(), Part(gone=True, said=BACK_AFTER - 1.0)):
        assert look(part, np.array([]), np.array([])) == (part, "")


def test_a_probability_in_place_of_a_label_is_worth_its_share() -> None:
    scores = np.full(5000, 0.05)
    assert look(Part(), scores, scores)[1] == ""
    assert look(Part(), scores, np.full(5000, 0.001))[1] == "gone"
