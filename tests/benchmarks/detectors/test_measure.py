"""Thresholds, run lengths and delays of detectors whose behaviour is known; a move moves what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.detectors.measure import (
    HORIZON,
    SHORT,
    Size,
    delays,
    length_told,
    mean_length,
    quiet,
    threshold,
)
from benchmarks.detectors.own import CONTESTANTS
from benchmarks.detectors.streams import MOVES, PERIOD, Batch, independent, past_of, rows, seasonal

TINY = Size(4, 40, 3, 2)


class MeanOfColumn:
    """|z| of the fourth column's mean: memoryless, with a known run length."""

    def __init__(self, past) -> None:
        self.past = past

    def see(self, batch: Batch) -> float:
        return abs(float(batch.numbers[:, 3].mean())) * 10.0


class Silent(MeanOfColumn):
    def see(self, batch: Batch) -> float:  # noqa: ARG002
        return math.nan


def test_a_memoryless_detector_gets_the_threshold_of_its_run_length() -> None:
    """|z| > 1.96 once in 20 batches; 40 streams of 100 batches hold nearly 40 alarms: within a third."""
    greatest = quiet(MeanOfColumn, Size(40, 100, 0, 0), cycle=False)
    assert mean_length(greatest, 1.96) == pytest.approx(20.0, rel=0.4)
    assert threshold(greatest, 20.0) == pytest.approx(1.96, abs=0.25)


def test_a_detector_that_says_nothing_has_no_threshold_and_misses_everything() -> None:
    greatest = quiet(Silent, TINY, cycle=False)
    assert threshold(greatest, 20.0) == math.inf
    assert length_told(greatest, math.inf)["batches"] is None
    told = delays(Silent, MOVES["mean 0.25"], math.inf, (0, TINY))
    assert (told["median"], told["missed"], told["n"]) == (HORIZON, 3, 3)


def test_an_alarm_before_the_move_is_left_out_and_counted() -> None:
    told = delays(MeanOfColumn, MOVES["mean 0.25"], -1.0, (0, TINY))
    assert told == {"median": None, "p90": None, "n": 0, "missed": 0, "early": 3}


def test_a_move_is_seen_after_it_and_not_before() -> None:
    told = delays(MeanOfColumn, MOVES["mean 0.5"], 4.0, (1, TINY))
    assert told["n"] == 3
    assert 1 <= told["median"] < 10


def test_the_interval_of_a_run_length_holds_it_and_narrows_with_alarms() -> None:
    few, many = (length_told(np.tile(np.arange(10.0)[:, None], (1, n)), 4.0) for n in (4, 400))
    for told in (few, many):
        assert told["low"] < told["batches"] < told["high"]
    assert few["high"] - few["low"] > many["high"] - many["low"]


@pytest.mark.parametrize("name", MOVES)
def test_a_move_changes_one_thing_by_what_its_name_says(name: str) -> None:
    dice = np.random.default_rng(4)
    before = rows(dice, 100_000)
    after = MOVES[name](before, dice, 1000.0)
    others = [column for column in range(10) if column != 3]
    assert (after.numbers[:, others] == before.numbers[:, others]).all()
    mean, spread = after.numbers[:, 3].mean(), after.numbers[:, 3].std()
    rarest = (after.codes == 4).mean() - (before.codes == 4).mean()
    kind, _, size = name.rpartition(" ")
    expected = {
        "mean": (float(size), 1.0, 0.0),
        "ramp to": (1.0, 1.0, 0.0),
        "scale": (0.0, float(size), 0.0),
        "category": (0.0, 1.0, float(size)),
    }[kind]
    assert (mean, spread, rarest) == pytest.approx(expected, abs=0.015)


def test_a_past_of_whole_cycles_ends_where_the_next_begins() -> None:
    dice = np.random.default_rng(5)
    stream = seasonal(dice)
    past = past_of(stream, dice, batches=2 * PERIOD + 12, period=PERIOD)
    quarter = np.mean(
        [past.history[at].numbers[:, :2].mean() for at in (12, 12 + PERIOD, 12 + 2 * PERIOD - 1)]
    )
    assert quarter > 0.2
    assert past.reference.numbers.shape == (2000, 10)


@pytest.mark.parametrize("name", CONTESTANTS)
def test_each_of_our_contestants_gives_a_statistic_or_says_that_it_has_none(name: str) -> None:
    dice = np.random.default_rng(6)
    stream = independent(dice)
    detector = CONTESTANTS[name].make(past_of(stream, dice, batches=500, period=1))
    seen = [detector.see(next(stream)) for _ in range(8)]
    assert all(isinstance(value, float) for value in seen)
    if name == "window scan":
        assert [math.isnan(value) for value in seen[:4]] == [True] * 4
        assert all(value < 0 for value in seen[4:])
    assert SHORT.quiet > 0
