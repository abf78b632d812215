"""The comparison of two models: its wealth is fair where they are equal, and proof comes soon where not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reference_pipeline.rollout import BETS, BadLosses, Comparison, compare, losses

LEVEL = 1e-3
SHARES = arrays(float, st.integers(0, 40), elements=st.floats(0, 1))


def test_one_row_by_hand() -> None:
    one = compare(Comparison(), np.array([0.5]), np.array([0.2]))
    assert np.exp(one.better) == pytest.approx(1 + 0.3 * BETS)
    assert np.exp(one.worse) == pytest.approx(1 - 0.3 * BETS)
    assert (one.rows, one.saved) == (1, pytest.approx(0.3))


def test_between_equals_the_mean_wealth_is_one() -> None:
    """Summed over all outcomes of four rows on which either loses a half more than the other."""
    wealth = []
    for outcome in itertools.product([(0.5, 0.0), (0.0, 0.5)], repeat=4):
        champion, candidate = np.array(outcome).T
        wealth.append(np.exp(compare(Comparison(), champion, candidate).better).mean())
    assert np.mean(wealth) == pytest.approx(1.0)


def test_of_two_equal_models_one_is_called_better_no_more_often_than_said() -> None:
    """At level 5 %, looked at after each of 300 rows: at most 5 % of 300 streams, and two errors of that."""
    dice = np.random.default_rng(1)
    called = 0
    for _ in range(300):
        so_far = Comparison()
        for champion, candidate in (dice.random((300, 2)) < 0.1).astype(float):
            so_far = compare(so_far, np.array([champion]), np.array([candidate]))
            if so_far.word(level=0.05) == "better":
                called += 1
                break
    assert called <= 300 * 0.05 + 2 * (300 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize(("gain", "within"), [(0.065, 400), (0.02, 5000)])
def test_a_better_model_is_proven_soon(gain: float, within: int) -> None:
    dice = np.random.default_rng(2)
    champion = (dice.random(within) < gain + 0.01).astype(float)
    candidate = (dice.random(within) < 0.01).astype(float)
    assert compare(Comparison(), champion, candidate).word(level=LEVEL) == "better"
    assert compare(Comparison(), candidate, champion).word(level=LEVEL) == "worse"


@given(SHARES, st.randoms())
def test_pages_are_their_rows_one_after_the_other(champion: np.ndarray, dice: object) -> None:
    candidate = champion[::-1].copy()
    cut = len(champion) // 2
    whole = compare(Comparison(), champion, candidate)
    parts = compare(compare(Comparison(), champion[:cut], candidate[:cut]), champion[cut:], candidate[cut:])
    assert parts.better == pytest.approx(whole.better)
    assert parts.rows == whole.rows


@given(SHARES)
def test_nobody_is_better_than_himself(lost: np.ndarray) -> None:
    assert compare(Comparison(), lost, lost).word(level=0.5) == "open"


def test_no_rows_leave_it_open() -> None:
    assert compare(Comparison(), np.zeros(0), np.zeros(0)).word(level=LEVEL) == "open"


@pytest.mark.parametrize(
    ("champion", "candidate"),
    [([0.1], [0.1, 0.2]), ([np.nan], [0.1]), ([1.5], [0.1]), ([-0.1], [0.1])],
)
def test_what_are_no_losses_of_the_same_rows_is_refused(
    champion: list[float], candidate: list[float]
) -> None:
    with pytest.raises(BadLosses):
        compare(Comparison(), np.array(champion), np.array(candidate))


def test_a_loss_is_the_share_of_the_most_that_one_can_lose() -> None:
    declined = np.array([True, True, False, False])
    label = np.array([1, 0, 1, 0], dtype=np.int8)
    assert losses(declined, label, missed=20.0, annoyed=1.0).tolist() == [0.0, 0.05, 1.0, 0.0]
