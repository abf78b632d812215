"""The witness against outages of known length: each lies between the bounds of the rows.

How near the midpoint comes is measured by ``make bars``; here, on a busy machine, only what must
hold on any machine is asserted.
"""

from __future__ import annotations

import numpy as np
import pytest
from outage_kit import bounds, run_outages

from harness.history.observations import DTYPE, REASONS


def check(count: int, seed: int) -> None:
    for measured in run_outages(count, (200.0, 50.0), seed).values():
        assert len(measured.outages) == count
        known = [outage for outage in measured.outages if outage.known]
        assert len(known) >= 0.8 * count
        for outage in known:
            assert outage.rows[0] > 0
            assert outage.bracketed, outage
            assert outage.line is not None, outage


@pytest.mark.live
def test_three_outages_are_bracketed_at_both_rates() -> None:
    check(3, seed=11)


@pytest.mark.slow
@pytest.mark.live
def test_fifty_outages_are_bracketed_at_both_rates() -> None:
    check(50, seed=12)


def test_bounds_run_from_the_end_of_a_bad_unit_to_the_sending_of_another() -> None:
    rows = np.zeros(5, dtype=DTYPE)
    rows["due"] = [1.0, 2.0, 3.0, 4.0, 5.0]
    rows["sent"] = rows["due"] + 0.1
    rows["ended"] = rows["due"] + 0.3
    rows["status"] = [200, 0, 0, 0, 200]
    rows["reason"] = [0, *[REASONS.index("refused")] * 3, 0]
    low_s, high_s = bounds(rows)
    assert low_s == pytest.approx(4.1 - 2.3)
    assert high_s == pytest.approx(5.3 - 1.1)


def test_rows_without_a_good_unit_after_the_outage_bound_nothing_above() -> None:
    rows = np.zeros(2, dtype=DTYPE)
    rows["status"] = [200, 0]
    rows["due"] = [1.0, 2.0]
    rows["reason"] = [0, REASONS.index("reset")]
    assert bounds(rows) == (0.0, np.inf)
