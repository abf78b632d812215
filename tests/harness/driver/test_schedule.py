"""Due instants come from the seed alone, and are jittered, so that no outage can hide in a grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.driver.schedule import golden_numbers, load_due, witness_due

seeds = st.integers(0, 2**31 - 1)


@given(seeds, st.sampled_from([10.0, 50.0, 200.0]), st.floats(0.1, 20))
def test_every_slot_holds_exactly_one_unit(seed: int, rate_hz: float, duration_s: float) -> None:
    due = witness_due(seed, rate_hz, duration_s)
    assert len(due) == int(duration_s * rate_hz + 1e-9)
    slots = due * rate_hz - np.arange(len(due))
    assert ((slots > -1e-6) & (slots < 1 + 1e-6)).all()
    assert (np.diff(due) >= 0).all()


def test_the_same_seed_gives_the_same_slots_and_another_seed_others() -> None:
    assert witness_due(7, 200.0, 3.0).tolist() == witness_due(7, 200.0, 3.0).tolist()
    assert witness_due(7, 200.0, 3.0).tolist() != witness_due(8, 200.0, 3.0).tolist()


def test_a_longer_run_begins_with_the_slots_of_a_shorter_one() -> None:
    assert witness_due(7, 50.0, 9.0)[:100].tolist() == witness_due(7, 50.0, 2.0).tolist()


def test_slots_are_spread_over_their_step_and_not_on_a_grid() -> None:
    inside = witness_due(3, 200.0, 60.0) * 200 % 1
    assert 0.45 < inside.mean() < 0.55
    assert 0.27 < inside.std() < 0.31  # uniform: 0.289


def test_witness_and_load_draw_from_dice_of_their_own() -> None:
    assert witness_due(7, 1.0, 50.0).tolist() != load_due(7, 1.0, 50.0).tolist()


@given(seeds, st.integers(1, 50), st.integers(0, 500))
def test_one_unit_of_each_block_is_golden(seed: int, every: int, count: int) -> None:
    numbers = golden_numbers(seed, every, count)
    assert len(set(numbers // every)) == len(numbers)
    assert len(numbers) in (count // every, -(-count // every))
    assert (numbers < count).all()


def test_without_golden_units_there_are_none() -> None:
    assert len(golden_numbers(7, 0, 1000)) == 0
