"""M-28 with window 100, warm-up 30 and three deviations, and how it absorbs what it should flag."""

from __future__ import annotations

import numpy as np
import pytest

from reference_pipeline.seed.rolling_z import RollingZ


def _flags(values: np.ndarray) -> np.ndarray:
    detector = RollingZ()
    return np.array([detector.see(float(value)) for value in values])


def test_nothing_is_flagged_during_the_warm_up() -> None:
    assert not _flags(np.array([0.0] * 28 + [1e6])).any()


@pytest.mark.slow
def test_a_step_is_flagged_at_first_and_has_vanished_soon_after() -> None:
    """Known defect: the tested value is in its own window."""
    dice = np.random.default_rng(1)
    seen, later = [], []
    for _ in range(100):
        flags = _flags(np.concatenate([dice.normal(100, 1, 100), dice.normal(105, 1, 100)]))
        seen.append(flags[100:130].any())
        later.append(flags[150:200].mean())
    assert np.mean(seen) > 0.9
    assert np.mean(later) < 0.02  # the rate is still five deviations off


@pytest.mark.slow
def test_a_slow_ramp_is_hardly_ever_flagged() -> None:
    """Known defect: to ten deviations within 400 values, of which noise alone flags some."""
    dice = np.random.default_rng(2)
    found = [
        _flags(np.concatenate([dice.normal(0, 1, 100), np.linspace(0, 10, 400) + dice.normal(0, 1, 400)]))
        for _ in range(50)
    ]
    assert np.mean([flags[100:].mean() for flags in found]) < 0.02


def test_day_and_night_are_full_of_false_alarms() -> None:
    """Known defect: a daily square wave, of which nothing is wrong."""
    dice = np.random.default_rng(3)
    wave = np.where(np.arange(20_000) % 400 < 360, 100.0, 130.0) + dice.normal(0, 2, 20_000)
    assert _flags(wave).mean() > 0.01


def test_a_constant_rate_and_no_number_flag_nothing() -> None:
    assert not _flags(np.full(300, 5.0)).any()
    assert not _flags(np.append(np.arange(100.0) % 7, np.nan))[-1]
