"""A baseline finds the process that made a history, and its threshold has the run length that it says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.baseline import TooLittleHistory, fit_baseline, normal_baseline
from reference_pipeline.healing.detectors.scan import Baseline, Group, Scan, step

Floats = NDArray[np.float64]

PERIOD = 24
TWO = (Group("amount", ("place", "width")), Group("volume", ("count",)))


def _process(dice: np.random.Generator, cycles: int, *, lag: float = 0.6, spread: float = 2.0) -> Floats:
    """A daily cycle of 3 in the first component, memory in the second, nothing in the third."""
    length = cycles * PERIOD
    series = dice.standard_normal((length, 3)) * [1.0, spread, 1.0]
    series[:, 0] += 3.0 * np.sin(2 * np.pi * np.arange(length) / PERIOD)
    for t in range(1, length):
        series[t, 1] += lag * series[t - 1, 1]
    return series


def _run_length(baseline: Baseline, series: Floats) -> int:
    state = Scan.fresh(baseline)
    for batch, components in enumerate(series):
        state, reading = step(baseline, state, components, batch)
        if reading.says == "alarm":
            return batch + 1
    return len(series)


def test_cycle_memory_and_spread_of_a_known_process_are_found() -> None:
    dice = np.random.default_rng(5)
    base = fit_baseline(_process(dice, 200), TWO, period=PERIOD, run_length=100.0, dice=dice)
    assert base.mean[:, 0] == pytest.approx(3.0 * np.sin(2 * np.pi * np.arange(PERIOD) / PERIOD), abs=0.3)
    assert base.lags[:, 1] == pytest.approx([0.6, 0.0, 0.0, 0.0], abs=0.08)
    assert base.spread[:, 1] == pytest.approx(2.0, rel=0.08)


def test_a_component_that_is_constant_has_the_spread_of_independent_rows() -> None:
    dice = np.random.default_rng(6)
    series = np.zeros((600, 3))
    series[:, 0] = dice.standard_normal(600)
    base = fit_baseline(series, TWO, run_length=100.0, dice=dice)
    assert (base.spread[:, 2] == 1.0).all()
    assert base.constant.tolist() == [False, True, True]
    assert np.isfinite(base.lags).all()


@pytest.mark.parametrize("seed", range(3))
def test_without_a_fault_alarms_come_after_the_run_length_that_was_asked_for(seed: int) -> None:
    """Mean of 60 runs over a fit: one standard error is a fifth, and the fit's own luck comes on top."""
    dice = np.random.default_rng([7, seed])
    base = fit_baseline(_process(dice, 28), TWO, period=PERIOD, run_length=60.0, dice=dice)
    fresh = _process(dice, 60 * 20).reshape(60, -1, 3)
    mean = np.mean([_run_length(base, run) for run in fresh])
    assert 30.0 < mean < 130.0


def test_a_longer_run_length_has_a_higher_threshold() -> None:
    levels = []
    for run_length in (50.0, 500.0):
        dice = np.random.default_rng(8)
        levels.append(fit_baseline(dice.standard_normal((600, 3)), TWO, run_length=run_length, dice=dice))
    assert levels[0].threshold < levels[1].threshold


def test_the_same_dice_give_the_same_threshold() -> None:
    series = np.random.default_rng(9).standard_normal((600, 3))
    one, other = (fit_baseline(series, TWO, run_length=80.0, dice=np.random.default_rng(1)) for _ in range(2))
    assert one.threshold == other.threshold


@pytest.mark.parametrize(
    ("length", "period", "words"),
    [(499, 1, "499 batches of history where 500 are needed"), (671, 24, "672 are needed; 28 cycles of 24")],
)
def test_too_short_a_history_is_refused_with_what_is_needed(length: int, period: int, words: str) -> None:
    dice = np.random.default_rng(10)
    with pytest.raises(TooLittleHistory, match=words):
        fit_baseline(dice.standard_normal((length, 3)), TWO, period=period, run_length=100.0, dice=dice)


def test_a_history_with_a_hole_is_refused() -> None:
    dice = np.random.default_rng(11)
    series = dice.standard_normal((600, 3))
    series[17, 1] = np.nan
    with pytest.raises(TooLittleHistory, match="no data"):
        fit_baseline(series, TWO, run_length=100.0, dice=dice)


def test_a_history_in_which_nothing_ever_varied_tells_nothing() -> None:
    dice = np.random.default_rng(12)
    with pytest.raises(TooLittleHistory, match="ever varied"):
        fit_baseline(np.full((600, 3), 0.7), TWO, run_length=100.0, dice=dice)


def test_numbers_that_are_normal_already_need_no_history() -> None:
    dice = np.random.default_rng(13)
    base = normal_baseline(TWO, most=3.0, run_length=60.0, dice=dice)
    fresh = np.clip(dice.standard_normal((100, 1000, 3)), -3.0, 3.0)
    assert 40.0 < np.mean([_run_length(base, run) for run in fresh]) < 90.0
