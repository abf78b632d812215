"""Golden rows: evidence of harm, unless too few were answered by the model itself."""

from __future__ import annotations

import pytest

from reference_pipeline.healing.detectors.golden import judge_golden
from reference_pipeline.healing.detectors.reading import Reading


def _judged(wrong: int, rows: int = 20) -> Reading:
    return judge_golden(wrong, rows, wrong_share=0.02, run_length=1e4)


def test_a_model_turned_round_is_harm() -> None:
    reading = _judged(20)
    assert reading.may_touch_model
    assert (reading.statistic, reading.window) == (20.0, 20)


def test_one_wrong_row_of_twenty_is_none() -> None:
    assert _judged(1).says == "quiet"


def test_the_threshold_is_the_most_wrong_rows_that_are_borne() -> None:
    least = next(wrong for wrong in range(21) if _judged(wrong).says == "alarm")
    assert _judged(0).threshold == least - 1
    assert least == 5  # P(X >= 5) = 3e-5 and P(X >= 4) = 6e-4 for 20 rows of which 2 % may be wrong


@pytest.mark.parametrize("answered", [0, 1])
def test_rows_that_could_not_prove_anything_are_no_data(answered: int) -> None:
    assert _judged(answered, answered).says == "no data"
