"""M-13, every five minutes, and what that means for anything that waits for it."""

from __future__ import annotations

import numpy as np
import pytest

from reference_pipeline.seed.golden_check import GoldenCheck


def test_a_model_that_turns_bad_is_found_after_two_and_a_half_minutes_on_average() -> None:
    """Known defect: no recovery within a minute can hang on a check every five."""
    delays = []
    for bad_from_s in np.linspace(0.0, 299.0, 100):
        check, now_s = GoldenCheck(), 0.0
        while True:
            if check.is_due(now_s) and check.is_bad(int(now_s > bad_from_s), 1, now_s):
                break
            now_s += 1.0
        delays.append(now_s - bad_from_s)
    assert np.mean(delays) == pytest.approx(150.0, abs=5.0)
    assert max(delays) > 290.0


def test_a_better_model_that_decides_one_row_otherwise_is_bad() -> None:
    """Known defect: there is no test, and no tolerance."""
    assert GoldenCheck().is_bad(1, 100, 0.0)
    assert not GoldenCheck().is_bad(0, 100, 0.0)


def test_no_answer_is_taken_for_good() -> None:
    """Known defect: no data reads as healthy."""
    assert not GoldenCheck().is_bad(0, 0, 0.0)
