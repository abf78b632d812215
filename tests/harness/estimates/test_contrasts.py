"""What was not back, what was lost, what was healed falsely: B beside A, against scipy and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.estimates.compared import RateRatio
from harness.estimates.contrasts import difference, not_back, rate_ratio
from harness.estimates.counts import Rate
from harness.estimates.rates import rate

REPEATS = 1500


def heals(k: int, hours: float) -> Rate:
    return Rate(k=k, hours=hours, per_h=k / hours if hours else None, upper_per_h=None)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.integers(1, 12))
def test_two_sides_are_tested_as_fisher_does(lost_a: int, lost_b: int, back_a: int, back_b: int) -> None:
    found = not_back([None] * lost_a + [1.0] * back_a, [None] * lost_b + [1.0] * back_b)
    assert (found.a.k, found.a.n, found.b.k, found.b.n) == (lost_a, lost_a + back_a, lost_b, lost_b + back_b)
    expected = stats.fisher_exact([[lost_a, back_a], [lost_b, back_b]]).pvalue
    assert found.p_value == pytest.approx(expected, abs=1e-6)


def test_pairs_are_tested_by_those_that_differ_alone() -> None:
    pairs = [(None, 1.0)] * 8 + [(1.0, None)] + [(None, None)] * 5 + [(1.0, 1.0)] * 20
    found = not_back([a for a, _ in pairs], [b for _, b in pairs], pairs)
    assert (found.only_a, found.only_b) == (8, 1)
    assert found.p_value == pytest.approx(stats.binomtest(1, 9).pvalue, abs=1e-6)


def test_no_episode_is_no_evidence() -> None:
    assert not_back([], [1.0]).p_value is None
    assert not_back([], [], []).p_value is None
    assert not_back([], []).a.high_ratio == 1.0


def test_a_difference_of_two_sides_is_welchs() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(3, 1, 9), rng.normal(4, 3, 14)
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    found = difference(list(a), list(b)).change
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-5)


def test_a_difference_within_pairs_is_that_of_their_differences() -> None:
    a, b = [1.0, 2.0, 3.0, 9.0], [1.5, 2.4, 3.6, 9.5]
    found = difference(a, b, list(zip(a, b, strict=True)))
    assert found.change.mean == pytest.approx(0.5)
    assert found.change.low is not None
    assert found.change.low > 0
    loose = difference(a, b).change
    assert loose.low is not None
    assert loose.low < 0, "without pairs the spread between runs hides it"


def test_one_run_a_side_gives_no_interval_and_none_no_figure() -> None:
    assert difference([1.0], [2.0]).change.low is None
    assert difference([], [2.0]).change.mean is None
    assert difference([], [], []).change.mean is None


@pytest.mark.parametrize("spread_b", [1.0, 3.0])
def test_the_interval_of_a_difference_holds_the_truth_as_often_as_it_says(spread_b: float) -> None:
    rng, held = np.random.default_rng(6), 0
    for _ in range(REPEATS):
        found = difference(list(rng.normal(0, 1, 12)), list(rng.normal(2, spread_b, 8))).change
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 2 <= found.high
    assert held / REPEATS == pytest.approx(0.95, abs=0.03)


def test_a_ratio_of_rates_is_tested_as_a_binomial_share() -> None:
    found = rate_ratio(heals(14, 20.0), heals(3, 10.0))
    assert found.p_value is not None
    assert found.ratio == pytest.approx(3 / 10 / (14 / 20), abs=1e-6)
    low = 2 * float(stats.binom.cdf(3, 17, 1 / 3))
    assert found.p_value == pytest.approx(min(1.0, low), abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (heals(0, 3.0), heals(0, 4.0), "none was seen on either side"),
        (heals(0, 0.0), heals(2, 4.0), "not every side was looked at"),
        (rate([(9, 1.0), (0, 1.0)]), heals(2, 4.0), "in clusters"),
    ],
)
def test_where_rates_cannot_be_compared_it_says_why(a: Rate, b: Rate, why: str) -> None:
    found = rate_ratio(a, b)
    assert why in found.why
    assert (found.ratio, found.low, found.high, found.p_value) == (None, None, None, None)


def test_none_on_one_side_has_one_end() -> None:
    more, fewer = rate_ratio(heals(0, 1.0), heals(7, 1.0)), rate_ratio(heals(7, 1.0), heals(0, 1.0))
    assert (more.ratio, more.high) == (None, None)
    assert more.low is not None
    assert more.low > 1
    assert (fewer.ratio, fewer.low) == (0.0, 0.0)
    assert fewer.high is not None
    assert fewer.high == pytest.approx(1 / more.low, rel=1e-4)
    assert more.p_value == fewer.p_value == pytest.approx(2 / 2**7, abs=1e-6)


@pytest.mark.parametrize(("per_h", "hours_b"), [(8.0, 4.0), (20.0, 2.0)])
def test_the_interval_of_a_ratio_of_rates_holds_the_truth_at_least_as_often_as_it_says(
    per_h: float, hours_b: float
) -> None:
    """Exact intervals of counts are wider than need be: never below 95 %, three points above at most."""
    rng = np.random.default_rng(7)
    seen = zip(rng.poisson(per_h * 4, REPEATS), rng.poisson(per_h * hours_b / 2, REPEATS), strict=True)
    found = [rate_ratio(heals(int(a), 4.0), heals(int(b), hours_b)) for a, b in seen]
    assert 0.94 <= sum(map(_holds, found)) / REPEATS <= 0.98


def _holds(found: RateRatio, truth: float = 0.5) -> bool:
    return (found.low or 0.0) <= truth <= (math.inf if found.high is None else found.high)
