"""Positives that have gone are missed after some forty of them; a false alarm takes as long as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.vanished import BACK_AFTER, BORNE_RATIO, SCORE_MOST, Part, look

Floats = NDArray[np.float64]
PAGE = 125  # labels in half a second


@given(st.floats(0.0, 1.0), st.floats(BORNE_RATIO, 1.0))
def test_a_row_is_a_fair_game_at_the_borne_share_and_a_losing_one_above(score: float, ratio: float) -> None:
    """The mean of the factor, which is what the run length rests on."""

    def factor(label: float) -> float:
        part, _ = look(Part(), np.array([score]), np.array([label]), np.array([True]))
        return part.total

    rate = min(score, SCORE_MOST) * ratio
    mean = (1.0 - rate) * factor(0.0) + rate * factor(1.0)
    assert mean <= 1.0 + 1e-6
    if ratio == BORNE_RATIO:
        assert mean == pytest.approx(1.0)


def _gone_after(scores: Floats, labels: Floats, inside: NDArray[np.bool_]) -> int:
    part = Part()
    for at in range(0, len(scores), PAGE):
        page = slice(at, at + PAGE)
        part, says = look(part, scores[page], labels[page], inside[page])
        if says == "gone":
            return at + PAGE
    return len(scores) + 1


def _world(seed: int, rows: int, rate: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Scores that are right times ``rate``, in two parts, one in three."""
    dice = np.random.default_rng(seed)
    scores = dice.beta(0.5, 20.0, rows)
    return scores, (dice.random(rows) < rate * scores).astype(float), dice.random(rows) < 1 / 3


@pytest.mark.parametrize("rate", [1.0, 0.66, 0.05])
def test_scores_that_say_too_much_everywhere_raise_no_alarm_in_many_rows(rate: float) -> None:
    for seed in range(4):
        scores, labels, inside = _world(seed, 100_000, rate)
        assert _gone_after(scores, labels, inside) > len(scores)


def test_a_model_that_suddenly_calls_many_a_fraud_is_wrong_everywhere_and_no_label_lies() -> None:
    """A third of all rows is scored near 1 from one page to the next, and no label has changed."""
    for seed in range(4):
        scores, labels, inside = _world(seed, 20_000, 1.0)
        wrong = (np.random.default_rng(9).random(20_000) < 0.3) & (np.arange(20_000) > 5000)
        scores = np.where(wrong, 0.97, scores)
        assert _gone_after(scores, labels, inside) > len(scores)


def test_some_forty_missing_positives_are_enough_and_where_some_come_it_takes_longer() -> None:
    scores, labels, inside = _world(5, 20_000, 1.0)
    none = _gone_after(scores, np.where(inside, 0.0, labels), inside)
    kept = np.random.default_rng(6).random(20_000) < 0.1
    some = _gone_after(scores, np.where(inside & ~kept, 0.0, labels), inside)
    assert 25 < scores[:none][inside[:none]].sum() < 60
    assert none <= some <= len(scores)


def test_they_are_back_once_half_of_those_that_are_said_have_come() -> None:
    scores, labels, inside = _world(7, 9000, 1.0)
    hidden = np.where(inside, 0.0, labels)
    part, says = look(Part(), scores, hidden, inside)
    assert (says, part.gone) == ("gone", True)
    part, says = look(part, scores, hidden, inside)
    assert (says, part.gone) == ("", True)
    part, says = look(part, scores, labels, inside)
    assert (says, part.gone) == ("back", False)


def test_of_no_rows_nothing_is_said() -> None:
    none = np.array([])
    for part in (Part(), Part(gone=True, said=BACK_AFTER - 1.0)):
        found, says = look(part, none, none, none.astype(np.bool_))
        assert (found.gone, found.said, says) == (part.gone, part.said, "")


def test_a_probability_in_place_of_a_label_is_worth_its_share() -> None:
    scores, _, inside = _world(8, 20_000, 1.0)
    assert _gone_after(scores, scores, inside) > len(scores)
    assert _gone_after(scores, np.where(inside, 0.01 * scores, scores), inside) <= len(scores)
