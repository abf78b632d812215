"""Times in buckets: added up exactly, quantiles within 1 % of those of the times, intervals not narrower."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.buckets import MS_MAX, bucket, high_ms, low_ms, quantile
from harness.estimates.quantiles import quantile as of_times

times = st.integers(0, 600_000)
several = st.lists(times | st.none(), min_size=0, max_size=80)
shares = st.sampled_from([0.5, 0.9])


def counted(found: list[int | None]) -> tuple[Counter[int], int]:
    return Counter(bucket(one) for one in found if one is not None), found.count(None)


@given(st.integers(0, MS_MAX - 1))
def test_a_time_lies_in_its_bucket_which_is_one_per_cent_wide_at_most(time_ms):
    place = bucket(time_ms)
    assert low_ms(place) <= time_ms <= high_ms(place)
    assert high_ms(place) - low_ms(place) <= 0.01 * low_ms(place)


@given(st.integers(0, MS_MAX - 2))
def test_buckets_lie_one_after_another(time_ms):
    assert bucket(time_ms + 1) - bucket(time_ms) in (0, 1)
    assert high_ms(bucket(time_ms)) + 1 == low_ms(bucket(time_ms) + 1)


@pytest.mark.parametrize("time_ms", [-1, MS_MAX])
def test_what_is_no_time_of_a_run_is_not_counted_as_one(time_ms):
    with pytest.raises(ValueError, match="no time of a run"):
        bucket(time_ms)


@given(several, several, shares)
def test_two_histograms_added_are_that_of_all_times_in_any_order(one, other, q):
    (counts, beyond), (more, further) = counted(one), counted(other)
    whole, all_beyond = counted((one + other)[::-1])
    assert more + counts == whole
    assert quantile(counts + more, beyond + further, q) == quantile(whole, all_beyond, q)


@given(several, shares)
def test_a_quantile_is_within_one_per_cent_of_that_of_the_times(found, q):
    expected = of_times([None if one is None else one / 1000 for one in found], q)
    seen = quantile(*counted(found), q)
    assert (seen.n, seen.needs_n) == (expected.n, expected.needs_n)
    assert (seen.value_s is None) == (expected.value_s is None)
    if seen.value_s is not None and expected.value_s is not None:
        assert abs(seen.value_s - expected.value_s) <= 0.01 * expected.value_s


@given(several, shares)
def test_an_interval_is_never_narrower_than_that_of_the_times(found, q):
    expected = of_times([None if one is None else one / 1000 for one in found], q)
    seen = quantile(*counted(found), q)
    assert (seen.low_s is None) == (expected.low_s is None)
    assert (seen.high_s is None) == (expected.high_s is None)
    if seen.low_s is not None and expected.low_s is not None:
        assert seen.low_s <= expected.low_s
    if seen.high_s is not None and expected.high_s is not None:
        assert seen.high_s >= expected.high_s


def test_a_median_between_two_times_lies_between_their_buckets():
    """Six values, three and three: the lower one alone would be a third too small."""
    assert quantile(*counted([1000] * 3 + [2000] * 3), 0.5).value_s == pytest.approx(1.5, rel=0.005)


def test_a_median_beside_one_beyond_the_horizon_is_not_known():
    assert quantile(*counted([1000] * 3 + [None] * 3), 0.5).value_s is None
