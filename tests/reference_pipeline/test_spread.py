"""A batch is an even draw from its half hour, whatever else comes meanwhile and in whatever order."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.healing.detectors.calendar import slot_of
from reference_pipeline.spread import Spread

HALF_HOUR_S = 1800.0


def _batches(rows: list[float], size: int = 100, seed: int = 1) -> list[list[float]]:
    spread = Spread[float](size, np.random.default_rng(seed))
    return [batch for row in rows if (batch := spread.take(row, row))]


@given(st.integers(110, 700), st.integers(2, 5))
def test_a_batch_is_of_one_half_hour_in_the_order_in_which_its_rows_came(rate: int, slots: int) -> None:
    rows = [HALF_HOUR_S * n / rate for n in range(slots * rate + 20)]
    batches = _batches(rows)
    assert [slot_of(batch[0]) for batch in batches] == list(range(slots))
    for batch in batches:
        assert len(batch) == 100
        assert len({slot_of(one) for one in batch}) == 1
        assert batch == sorted(batch)


def test_every_row_of_a_half_hour_has_the_same_chance() -> None:
    rows = [HALF_HOUR_S * n / 500 for n in range(520)]
    thirds: Counter[int] = Counter()
    for seed in range(200):
        (batch,) = _batches(rows, seed=seed)
        thirds.update(int(3 * one / HALF_HOUR_S) for one in batch)
    # 20,000 draws; the share of a third has a deviation of 0.003, and the last rows of a slot lose a few.
    assert all(abs(count / 20_000 - 1 / 3) < 0.015 for count in thirds.values())


def test_rows_that_come_late_again_and_again_are_in_no_batch_and_move_no_half_hour() -> None:
    """As golden rows: every tenth has the time of another day."""
    dice = np.random.default_rng(2)
    late = [float(one) for one in dice.uniform(-1e6, 0.0, 200)]
    rows = []
    for n in range(2000):
        rows.append(HALF_HOUR_S * n / 500)
        if n % 10 == 9:
            rows.append(late[n // 10])
    batches = _batches(rows)
    assert [slot_of(batch[0]) for batch in batches] == [0, 1, 2]
    assert all(one >= 0 for batch in batches for one in batch)


def test_rows_out_of_order_and_gaps_change_nothing() -> None:
    dice = np.random.default_rng(3)
    rows = [HALF_HOUR_S * n / 300 + float(dice.normal(0.0, 20.0)) for n in range(6 * 300)]
    rows = [one for one in rows if not 4000.0 < one < 7300.0]
    batches = _batches(rows)
    assert [slot_of(batch[50]) for batch in batches] == [0, 1, 4]
    assert all(len({slot_of(one) for one in batch}) == 1 for batch in batches)


def test_where_too_few_come_half_hours_are_put_together() -> None:
    batches = _batches([HALF_HOUR_S * n / 30 for n in range(250)])
    assert len(batches) == 2
    assert all(len(batch) == 100 for batch in batches)


def test_one_wild_clock_stops_nothing() -> None:
    rows = [1e15, *(HALF_HOUR_S * n / 200 for n in range(450))]
    assert [slot_of(batch[0]) for batch in _batches(rows)] == [0, 1]
