"""Cycles of a working day and a day of the weekend: what is stored and what comes have the same places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.healing.detectors.calendar import PHASES, SLOTS, instants, phase_of, slot_of
from reference_pipeline.records import DAY_S


@given(st.floats(0, 400 * DAY_S))
def test_every_instant_has_a_place_in_the_cycle(event_s: float) -> None:
    phase = phase_of(event_s)
    assert 0 <= phase < PHASES
    assert (phase >= SLOTS) == (event_s // DAY_S % 7 >= 5)


@given(st.integers(1, 400), st.integers(1, 5), st.sampled_from([1, 7, 100]))
def test_stored_batches_have_the_phases_in_their_order_and_each_is_one_half_hour(
    before_day: int, cycles: int, rows: int
) -> None:
    found = instants(before_day + 14, days=14, cycles=cycles, rows=rows)
    assert len(found) == cycles * PHASES * rows
    assert found.min() >= before_day * DAY_S
    assert found.max() < (before_day + 14) * DAY_S
    for number, batch in enumerate(found.reshape(-1, rows)):
        assert {phase_of(float(one)) for one in batch} == {number % PHASES}
        assert len({slot_of(float(one)) for one in batch}) == 1


def test_each_day_comes_again_only_after_all_of_its_kind() -> None:
    days = instants(28, days=14, cycles=8, rows=1)[::SLOTS] // DAY_S
    assert days[0::2].tolist() == [14, 15, 16, 17, 18, 21, 22, 23]
    assert days[1::2].tolist() == [19, 20, 26, 27] * 2


def test_a_span_without_a_weekend_is_refused() -> None:
    with pytest.raises(ValueError, match="weekend"):
        instants(5, days=5, cycles=1, rows=1)
    assert np.isfinite(instants(7, days=7, cycles=1, rows=1)).all()
