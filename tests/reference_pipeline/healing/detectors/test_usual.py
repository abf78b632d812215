"""What is usual of a number: judged by the values before it, with the run length that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from reference_pipeline.healing.detectors.baseline import normal_baseline
from reference_pipeline.healing.detectors.scan import Baseline, Scan, step
from reference_pipeline.healing.detectors.usual import LEAST, MOST, Usual, see
from reference_pipeline.healing.detectors.volume import VOLUME, volume_component

Floats = NDArray[np.float64]


def _components(values: Floats, *, spread_least: float = 1e-6) -> list[float | None]:
    state, found = Usual(), []
    for value in values.tolist():
        state, component = see(state, value, spread_least=spread_least)
        found.append(component)
    return found


def _run_length(base: Baseline, values: Floats) -> int:
    usual, scan = Usual(), Scan.fresh(base)
    for number, value in enumerate(values.tolist()):
        usual, component = see(usual, value, spread_least=1.0)
        scan, reading = step(base, scan, None if component is None else np.array([component]), 0)
        if reading.says == "alarm":
            return number + 1 - LEAST
    return len(values) - LEAST


def test_a_component_is_students_t_as_a_normal_number() -> None:
    values = np.array([3.0, 5.0, 4.0, 4.5, 3.5, 4.0, 5.5, 2.5, 5.2])
    before, last = values[:-1], values[-1]
    t = (last - before.mean()) / (before.std(ddof=1) * (1 + 1 / len(before)) ** 0.5)
    assert _components(values)[-1] == pytest.approx(stats.norm.isf(stats.t.sf(t, len(before) - 1)), abs=0.01)


@given(st.integers(0, 2**32), st.floats(-100, 100), st.floats(0.1, 50))
def test_neither_mean_nor_spread_matters(seed: int, mean: float, spread: float) -> None:
    plain = np.random.default_rng(seed).standard_normal(40)
    moved = _components(mean + spread * plain)
    assert moved[:LEAST] == [None] * LEAST
    assert moved[LEAST:] == pytest.approx(_components(plain)[LEAST:], abs=1e-5)


def test_components_of_independent_values_are_standard_normal_and_independent() -> None:
    dice = np.random.default_rng(1)
    found = np.array([_components(dice.normal(70.0, 2.0, 60))[LEAST:] for _ in range(1500)], dtype=float)
    assert found[:, 0].std() == pytest.approx(1.0, abs=0.08)  # the ninth value, already
    assert found.std() == pytest.approx(1.0, abs=0.02)
    assert abs(np.corrcoef(found[:, 0], found[:, 5])[0, 1]) < 0.1
    assert np.abs(found).max() == MOST


def test_what_has_moved_is_not_usual_at_once_and_not_at_all_while_it_is_an_alarm() -> None:
    state = Usual()
    for value in np.random.default_rng(2).normal(70.0, 1.0, 100).tolist():
        state, _ = see(state, value, spread_least=1.0)
    after, component = see(state, 40.0, spread_least=1.0)
    assert component == -MOST
    assert abs(after.mean - state.mean) < 0.05
    assert see(state, 40.0, spread_least=1.0, learn=False) == (state, -MOST)


def test_values_that_were_all_one_are_no_data_until_another_comes() -> None:
    found = _components(np.array([35.0] * 20 + [30.0]), spread_least=1.0)
    assert found[:20] == [None] * 20
    assert found[20] == -MOST


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_learned(value: float) -> None:
    state = Usual(count=20, mean=3.0, squares=19.0)
    assert see(state, value, spread_least=1.0) == (state, None)


def test_without_a_fault_alarms_come_after_the_run_length_that_was_asked_for() -> None:
    """Mean of 150 runs: one standard error is a twelfth. Nothing was fitted before any of them."""
    dice = np.random.default_rng(3)
    base = normal_baseline((VOLUME,), most=MOST, run_length=100.0, dice=dice)
    lengths = [_run_length(base, values) for values in dice.normal(70.0, 2.0, (150, 1000))]
    assert 70.0 < np.mean(lengths) < 140.0


@pytest.mark.slow
@pytest.mark.parametrize("rate", [40.0, 1250.0])
def test_counts_of_independent_arrivals_alarm_no_sooner(rate: float) -> None:
    """Their spread is known to be one at least; while it is learned, that makes alarms rarer."""
    dice = np.random.default_rng(4)
    base = normal_baseline((VOLUME,), most=MOST, run_length=100.0, dice=dice)
    counts = dice.poisson(rate, (150, 600)).astype(float)
    roots = [np.array([volume_component(count) for count in run.tolist()]).ravel() for run in counts]
    assert np.mean([_run_length(base, run) for run in roots]) > 70.0
