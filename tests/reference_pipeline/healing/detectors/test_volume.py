"""Volume and staleness: a count of nothing is data, an unknown count is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.healing.detectors.baseline import fit_baseline
from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.scan import Scan, step
from reference_pipeline.healing.detectors.volume import VOLUME, staleness, volume_component


def _watched(counts: list[float | None]) -> Reading:
    """The last reading of a stream after a history with a cycle of 12."""
    dice = np.random.default_rng(1)
    usual = 60.0 + 30.0 * np.sin(2 * np.pi * np.arange(12 * 45) / 12)
    history = np.array([volume_component(float(n)) for n in dice.poisson(usual)])
    base = fit_baseline(history, (VOLUME,), period=12, run_length=2000.0, dice=dice)
    state = Scan.fresh(base)
    for batch in range(24):
        state, _ = step(base, state, volume_component(float(dice.poisson(usual[batch]))), batch)
    for batch, count in enumerate(counts, start=24):
        state, reading = step(base, state, volume_component(count), batch)
    return reading


def test_nothing_that_comes_is_an_alarm() -> None:
    reading = _watched([0.0])
    assert (reading.says, reading.where, reading.how) == ("alarm", "volume", "count down")


def test_the_night_of_a_daily_cycle_is_none() -> None:
    usual = 60.0 + 30.0 * np.sin(2 * np.pi * np.arange(12) / 12)
    assert _watched([round(n) for n in usual]).says == "quiet"


def test_a_count_that_could_not_be_taken_is_no_data() -> None:
    assert _watched([None]).says == "no data"


@given(st.floats(min_value=0, max_value=1e12))
def test_more_is_never_a_smaller_component(count: float) -> None:
    less, more = volume_component(count), volume_component(count + 1)
    assert less is not None
    assert more is not None
    assert less[0] <= more[0]


@pytest.mark.parametrize("count", [None, -1.0, float("nan"), float("inf")])
def test_what_is_no_count_has_no_component(count: float | None) -> None:
    assert volume_component(count) is None


@pytest.mark.parametrize(
    ("newest_s", "says"),
    [(None, "no data"), (float("nan"), "no data"), (101.0, "no data"), (40.0, "quiet"), (39.9, "alarm")],
)
def test_age_is_judged_only_where_there_is_one(newest_s: float | None, says: str) -> None:
    assert staleness(newest_s=newest_s, now_s=100.0, allowed_s=60.0).says == says
