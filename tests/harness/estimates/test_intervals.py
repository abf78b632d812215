"""Known answers, coverage by enumeration, and what must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, ttest_1samp

from harness.estimates.means import mean
from harness.estimates.quantiles import needed_n, quantile, ranks
from harness.estimates.shares import all_pass_n, lower_bound, share, upper_bound

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
TIMES = st.lists(st.one_of(st.none(), st.floats(0, 1000)), max_size=80)


def test_none_of_twenty_has_its_known_bounds() -> None:
    assert upper_bound(0, 20) == pytest.approx(0.139, abs=5e-4)
    assert share(0, 20).high_ratio == pytest.approx(0.168, abs=5e-4)
    assert upper_bound(0, 100) == pytest.approx(0.0295, abs=5e-4)


@given(COUNTS)
def test_a_share_has_scipys_exact_interval(counts: tuple[int, int]) -> None:
    k, n = counts
    expected = binomtest(k, n).proportion_ci(0.95, method="exact")
    found = share(k, n)
    assert found.low_ratio == pytest.approx(expected.low, abs=1e-6)
    assert found.high_ratio == pytest.approx(expected.high, abs=1e-6)
    assert found.low_ratio <= k / n <= found.high_ratio


@given(COUNTS, st.integers(2, 5))
def test_more_runs_of_the_same_share_narrow_the_interval(counts: tuple[int, int], times: int) -> None:
    k, n = counts
    few, many = share(k, n), share(k * times, n * times)
    assert many.high_ratio - many.low_ratio < few.high_ratio - few.low_ratio


def test_no_data_is_neither_none_nor_all() -> None:
    assert (share(0, 0).low_ratio, share(0, 0).high_ratio) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(2, 1), (-1, 3)])
def test_more_than_all_is_an_error(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        share(k, n)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.95, 0.99])
def test_the_all_pass_number_is_the_first_that_proves(p: float) -> None:
    n = all_pass_n(p)
    assert n is not None
    assert lower_bound(n, n) >= p > lower_bound(n - 1, n - 1)


def test_ten_times_bracket_their_median_by_the_second_and_the_ninth() -> None:
    found = quantile([float(i) for i in range(1, 11)], 0.5)
    assert (found.low_s, found.value_s, found.high_s) == (2.0, 5.5, 9.0)
    assert found.coverage_ratio == pytest.approx(0.979, abs=1e-3)
    assert quantile([float(i) for i in range(20)], 0.5).coverage_ratio == pytest.approx(0.959, abs=1e-3)


@pytest.mark.parametrize(("q", "n"), [(0.5, 6), (0.9, 36)])
def test_the_needed_number_is_the_first_with_a_bounded_interval(q: float, n: int) -> None:
    assert needed_n(q) == n
    assert 1 <= ranks(n, q)[0] <= ranks(n, q)[1] <= n
    low, high = ranks(n - 1, q)
    assert low < 1 or high > n - 1
    assert quantile([1.0] * (n - 1), q).value_s is None
    assert quantile([1.0] * n, q).value_s == 1.0


@given(st.integers(6, 200), st.sampled_from([0.5, 0.9]))
def test_the_ranks_cover_the_quantile_at_least_at_95_percent(n: int, q: float) -> None:
    assume(n >= needed_n(q))
    low, high = ranks(n, q)
    inside = binom.cdf(high - 1, n, q) - binom.cdf(low - 1, n, q)
    assert inside >= 0.95
    # no narrower pair of ranks has both tails at 2.5 %
    assert binom.cdf(low, n, q) > 0.025 or low == high
    assert quantile([1.0] * n, q).coverage_ratio == pytest.approx(inside, abs=1e-6)


def test_unrecovered_runs_count_as_longer_than_all_others() -> None:
    found = quantile([1.0, 2.0, 3.0, 4.0, 5.0, None, None], 0.5)
    assert (found.value_s, found.low_s, found.high_s) == (4.0, 1.0, None)
    lost = quantile([None] * 7, 0.5)
    assert (lost.n, lost.value_s, lost.low_s, lost.coverage_ratio) == (7, None, None, 0.984375)


@given(TIMES, st.sampled_from([0.5, 0.9]), st.randoms())
def test_the_quantile_lies_in_its_interval_in_any_order_of_runs(times, q: float, random) -> None:
    found = quantile(times, q)
    shuffled = list(times)
    random.shuffle(shuffled)
    assert quantile(shuffled, q) == found
    value, low, high = (math.inf if x is None else x for x in (found.value_s, found.low_s, found.high_s))
    assert low <= value <= high


@given(TIMES)
def test_a_recovered_run_more_never_raises_the_median(times) -> None:
    longer, shorter = quantile([*times, None], 0.5), quantile([*times, 0.0], 0.5)
    assume(longer.n >= longer.needs_n)
    assert shorter.value_s is not None or longer.value_s is None
    if shorter.value_s is not None and longer.value_s is not None:
        assert shorter.value_s <= longer.value_s


def test_a_time_that_is_no_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="NaN"):
        quantile([math.nan] * 6, 0.5)
    with pytest.raises(ValueError, match="finite"):
        mean([1.0, math.inf])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.randoms())
def test_a_mean_has_scipys_t_interval_in_any_order(values: list[float], random) -> None:
    assume(np.std(values) > 1e-3)
    found = mean(values)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.low == pytest.approx(expected.low, rel=1e-5, abs=1e-5)
    assert found.high == pytest.approx(expected.high, rel=1e-5, abs=1e-5)
    shuffled = list(values)
    random.shuffle(shuffled)
    assert mean(shuffled) == found


def test_no_value_has_no_mean_and_one_value_no_interval() -> None:
    assert (mean([]).mean, mean([]).n) == (None, 0)
    assert (mean([3.0]).mean, mean([3.0]).low, mean([3.0]).high) == (3.0, None, None)
