"""The window scan: the statistic as written down, and what is no data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.scan import WINDOWS, Baseline, Group, Scan, statistics, step

Floats = NDArray[np.float64]

GROUPS = (Group("amount", ("place", "width")), Group("channel", ("level 0", "level 1", "unknown level")))


def _baseline(*, period: int = 1, order: int = 0, threshold: float = 4.0, constant: bool = False) -> Baseline:
    return Baseline(
        groups=GROUPS,
        mean=np.arange(period, dtype=float)[:, None] * np.ones(5),
        spread=np.full((period, 5), 2.0),
        lags=np.full((order, 5), 0.25),
        constant=np.full(5, constant),
        threshold=threshold,
        run_length=1000.0,
    )


def _run(baseline: Baseline, series: Floats) -> list[Reading]:
    state, readings = Scan.fresh(baseline), []
    for batch, components in enumerate(series):
        state, reading = step(baseline, state, components, batch)
        readings.append(reading)
    return readings


def _by_the_formula(baseline: Baseline, series: Floats) -> list[float]:
    """Every window summed anew, as the module's docstring writes it."""
    period, order = len(baseline.mean), len(baseline.lags)
    residual = np.array([x - baseline.mean[t % period] for t, x in enumerate(series)])
    innovations = np.array(
        [
            (residual[t] - sum(baseline.lags[k] * residual[t - 1 - k] for k in range(order)))
            / baseline.spread[t % period]
            for t in range(order, len(series))
        ]
    )
    found = []
    for t in range(1, len(innovations) + 1):
        best = -np.inf
        for w in (w for w in WINDOWS if w <= t):
            total = innovations[t - w : t].sum(axis=0) ** 2 / w
            for group, part in ((GROUPS[0], total[:2]), (GROUPS[1], total[2:])):
                d = len(group.parts)
                z = ((part.sum() / d) ** (1 / 3) - 1 + 2 / (9 * d)) / (2 / (9 * d)) ** 0.5
                best = max(best, z)
        found.append(best)
    return found


@given(
    arrays(float, st.tuples(st.integers(1, 150), st.just(5)), elements=st.floats(-30, 30)),
    st.integers(1, 7),
    st.integers(0, 4),
)
def test_batch_by_batch_is_the_formula(series: Floats, period: int, order: int) -> None:
    baseline = _baseline(period=period, order=order)
    readings = _run(baseline, series)
    assert [r.says for r in readings[:order]] == ["no data"] * min(order, len(series))
    given_ones = [r.statistic for r in readings[order:]]
    assert given_ones == pytest.approx(_by_the_formula(baseline, series), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("freedom", [1, 2, 5, 20])
@pytest.mark.parametrize("tail", [0.1, 1e-3, 1e-5])
def test_groups_of_any_width_are_on_one_scale(freedom: int, tail: float) -> None:
    """A chi square at its quantile is a normal at the same one, but for the cube root's error far out."""
    total = stats.chi2.isf(tail, freedom)
    windowed = np.zeros(freedom)
    windowed[0] = total**0.5
    z = statistics(windowed, (Group("one", tuple("x" * freedom)),))
    assert z[0] == pytest.approx(stats.norm.isf(tail), abs=0.21)


def test_a_move_is_named_with_its_window_and_direction() -> None:
    series = np.zeros((40, 5))
    series[32:, 3] = -4.0  # a lag of 8 batches, 2 spreads each
    last = _run(_baseline(), series)[-1]
    assert (last.says, last.where, last.how, last.window) == ("alarm", "channel", "level 1 down", 8)


def test_a_move_is_no_reason_to_touch_the_model() -> None:
    last = _run(_baseline(), np.full((10, 5), 50.0))[-1]
    assert last.says == "alarm"
    assert not last.may_touch_model


@pytest.mark.parametrize("nothing", [None, np.full(5, np.nan), np.array([0.0, np.inf, 0.0, 0.0, 0.0])])
def test_a_batch_without_data_is_neither_quiet_nor_remembered(nothing: Floats | None) -> None:
    baseline = _baseline(order=2)
    state = Scan.fresh(baseline)
    for batch in range(5):
        state, _ = step(baseline, state, np.ones(5), batch)
    after, reading = step(baseline, state, nothing, 5)
    assert reading.says == "no data"
    assert reading.statistic is None
    assert after is state


def test_the_phase_goes_on_through_a_gap() -> None:
    """Batch 3 of a cycle of 4 is judged as batch 3, although nothing came for batches 1 and 2."""
    baseline = _baseline(period=4)
    state, _ = step(baseline, Scan.fresh(baseline), baseline.mean[0], 0)
    for batch in (1, 2):
        state, _ = step(baseline, state, None, batch)
    _, reading = step(baseline, state, baseline.mean[3], 3)
    assert reading.statistic == pytest.approx(_by_the_formula(baseline, baseline.mean[:1])[0])


def test_what_never_varied_and_does_not_vary_now_is_no_data_and_never_quiet() -> None:
    readings = _run(_baseline(constant=True), np.zeros((200, 5)))
    assert {reading.says for reading in readings} == {"no data"}


def test_what_never_varied_and_moves_is_an_alarm_and_no_data_again_after_it() -> None:
    series = np.zeros((200, 5))
    series[20:24, 4] = 12.0
    says = [reading.says for reading in _run(_baseline(constant=True), series)]
    assert says[:20] == ["no data"] * 20
    assert set(says[20:24]) == {"alarm"}
    assert set(says[24 + WINDOWS[-1] :]) == {"no data"}


def test_one_component_that_varied_is_enough_to_be_quiet() -> None:
    baseline = _baseline(constant=True)
    baseline.constant[2] = False
    assert {reading.says for reading in _run(baseline, np.zeros((50, 5)))} == {"quiet"}
