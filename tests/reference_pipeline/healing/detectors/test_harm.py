"""The e-detector: its sum is worth exactly the labels seen, so it alarms falsely as rarely as it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.harm import BETS, BadLoss, Harm, update

Floats = NDArray[np.float64]


def _alarm_after(harm: Harm, losses: Floats) -> int | None:
    state = harm.fresh()
    for number, loss in enumerate(losses, start=1):
        state, reading = update(harm, state, np.array([loss]))
        if reading.says == "alarm":
            return number
    return None


def test_two_labels_by_hand() -> None:
    harm = Harm(tolerated=0.1, run_length=100.0)
    state, _ = update(harm, harm.fresh(), np.array([1.0, 0.0]))
    first = 1.0 + BETS * 9.0
    assert state.sums == pytest.approx((1.0 + first) * (1.0 - BETS))


@pytest.mark.parametrize("labels", [1, 3, 8])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_at_the_tolerated_share_the_sum_is_worth_the_number_of_labels(labels: int, share: float) -> None:
    """Summed over all outcomes: the mean is exactly t, which is what bounds the run length from below."""
    harm = Harm(tolerated=share, run_length=1e9)
    worth = 0.0
    for outcome in itertools.product([0.0, 1.0], repeat=labels):
        chance = np.prod([share if one else 1.0 - share for one in outcome])
        worth += chance * update(harm, harm.fresh(), np.array(outcome))[0].sums.mean()
    assert worth == pytest.approx(labels)


def test_at_the_tolerated_share_alarms_come_no_sooner_than_said() -> None:
    dice = np.random.default_rng(1)
    harm = Harm(tolerated=0.2, run_length=100.0)
    runs = [_alarm_after(harm, (dice.random(2000) < 0.2).astype(float)) or 2000 for _ in range(60)]
    assert np.mean(runs) > 100.0


def test_errors_three_times_as_many_are_seen_after_some_hundred_labels() -> None:
    dice = np.random.default_rng(2)
    harm = Harm(tolerated=0.05, run_length=20_000.0)
    delays = []
    for _ in range(25):
        state, _ = update(harm, harm.fresh(), (dice.random(2000) < 0.04).astype(float))
        for number in itertools.count(1):
            state, reading = update(harm, state, np.array([float(dice.random() < 0.15)]))
            if reading.says == "alarm":
                delays.append(number)
                break
    assert np.median(delays) < 150


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.integers(1, 59))
def test_batches_are_their_labels_one_after_the_other(losses: list[float], cut: int) -> None:
    harm = Harm(tolerated=0.3, run_length=50.0)
    whole, _ = update(harm, harm.fresh(), np.array(losses))
    state, _ = update(harm, harm.fresh(), np.array(losses[:cut]))
    state, _ = update(harm, state, np.array(losses[cut:]))
    assert state.sums == pytest.approx(whole.sums)
    assert (state.since == whole.since).all()


def test_an_alarm_in_the_middle_of_a_batch_is_not_lost() -> None:
    harm = Harm(tolerated=0.1, run_length=1000.0)
    _, reading = update(harm, harm.fresh(), np.array([1.0] * 10 + [0.0] * 500))
    assert reading.says == "alarm"


@pytest.mark.parametrize("losses", [[], [np.nan, np.nan]])
def test_no_label_is_no_data(losses: list[float]) -> None:
    harm = Harm(tolerated=0.1, run_length=1000.0)
    state, _ = update(harm, harm.fresh(), np.ones(3))
    after, reading = update(harm, state, np.array(losses))
    assert reading.says == "no data"
    assert after is state


def test_no_loss_at_all_is_quiet_and_its_sum_stays_a_number() -> None:
    harm = Harm(tolerated=0.1, run_length=1000.0)
    state, reading = update(harm, harm.fresh(), np.zeros(50_000))
    assert reading.says == "quiet"
    assert np.isfinite(state.sums).all()


def test_the_guess_at_the_beginning_is_near_it() -> None:
    dice = np.random.default_rng(3)
    harm = Harm(tolerated=0.05, run_length=20_000.0)
    losses = np.concatenate([dice.random(3000) < 0.03, dice.random(150) < 0.3]).astype(float)
    _, reading = update(harm, harm.fresh(), losses)
    assert reading.says == "alarm"
    assert reading.window == pytest.approx(150, abs=40)


def test_years_of_losses_do_not_overflow() -> None:
    harm = Harm(tolerated=0.01, run_length=1000.0)
    state, reading = update(harm, harm.fresh(), np.ones(5000))
    assert np.isfinite(state.sums).all()
    assert reading.statistic is not None
    assert np.isfinite(reading.statistic)


def test_a_loss_beyond_one_is_refused() -> None:
    harm = Harm(tolerated=0.1, run_length=1000.0)
    with pytest.raises(BadLoss, match="must lie in"):
        update(harm, harm.fresh(), np.array([20.0]))


@pytest.mark.parametrize(("tolerated", "run_length"), [(0.0, 100.0), (1.0, 100.0), (0.1, 1.0), (0.1, np.nan)])
def test_a_watch_that_cannot_work_is_refused(tolerated: float, run_length: float) -> None:
    with pytest.raises(ValueError, match="give 0 < m < 1"):
        Harm(tolerated=tolerated, run_length=run_length)
