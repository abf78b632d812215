"""The change-back test on series with a known truth: where impact and recovery are stamped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.changeback import Truth, acceptance, bias, simulate
from harness.episodes.error_rates import error_rates
from harness.episodes.recovery import ChangeBack, Units, Watch, find_level, outages_of
from harness.episodes.service import Service
from harness.estimates.shares import lower_bound, upper_bound
from harness.experiment.model import PROFILES, Profile
from harness.report.compose import FALSE_REOPEN_MAX

DEFAULT = Profile()
TEST = PROFILES["test"]
INJECT_S = 20.0
END_S = INJECT_S + DEFAULT.observe_s


def series(*outages: tuple[float, float], rate_hz: float = 50.0) -> Units:
    """Units at regular slots until the end; bad in the given stretches after the injection."""
    due = np.arange(int(END_S * rate_hz)) / rate_hz
    bad = np.zeros(len(due), dtype=bool)
    for from_s, to_s in outages:
        bad |= (due >= INJECT_S + from_s - 1e-9) & (due < INJECT_S + to_s - 1e-9)
    return Units(due, bad, np.ones(len(due)))


def level_of(units: Units, *, profile: Profile = DEFAULT, end_s: float = END_S, baseline: float = 0.0):
    return find_level(units, profile, Watch(INJECT_S, end_s, baseline))


@given(st.integers(10, 5000), st.integers(0, 400))
def test_a_clean_outage_is_stamped_at_its_first_bad_and_first_good_unit(length: int, delay: int) -> None:
    from_s, to_s = delay / 50, (delay + length) / 50
    level = level_of(series((from_s, to_s)))
    assert level.impact_s == pytest.approx(from_s, abs=1e-6)
    assert level.recovered_s == pytest.approx(to_s, abs=1e-6)
    assert level.bound_low_s == pytest.approx((length - 1) / 50, abs=1e-6)
    assert level.bound_high_s == pytest.approx((length + 1) / 50, abs=1e-6)
    assert level.lost_s == pytest.approx(length / 50, abs=1e-6)
    assert level.flaps == 0


def test_without_a_bad_unit_nothing_happened() -> None:
    level = level_of(series())
    assert (level.impact_s, level.recovered_s, level.lost_s, level.bad_ratio) == (None, None, 0.0, 0.0)


def test_a_few_bad_units_within_the_margin_are_absorbed() -> None:
    level = level_of(series((1.0, 1.04)))
    assert level.impact_s is None
    assert level.bad_ratio > 0


def test_an_outage_that_lasts_until_the_undo_is_not_recovered() -> None:
    level = level_of(series((0.0, 1000.0)))
    assert level.impact_s == pytest.approx(0)
    assert (level.recovered_s, level.bound_high_s) == (None, None)
    assert level.lost_s == DEFAULT.tau_s


def test_what_is_good_after_the_undo_is_no_recovery() -> None:
    units = series((0.0, 50.0))
    assert level_of(units).recovered_s == pytest.approx(50)
    assert level_of(units, end_s=INJECT_S + 50.0).recovered_s is None


def test_service_back_only_after_the_horizon_is_not_recovered() -> None:
    assert level_of(series((0.0, 119.9))).recovered_s == pytest.approx(119.9)
    assert level_of(series((0.0, 120.1))).recovered_s is None


def test_a_hold_that_lacks_its_last_window_cannot_accept() -> None:
    units = series((0.0, 100.0))
    whole_s = INJECT_S + 100.0 + 30.0
    assert level_of(units, end_s=whole_s).recovered_s == pytest.approx(100)
    assert level_of(units, end_s=whole_s - 0.1).recovered_s is None


def test_a_hole_without_units_cannot_accept() -> None:
    units = series((0.0, 10.0))
    seen = (units.due < INJECT_S + 12) | (units.due > INJECT_S + 30)
    level = level_of(Units(units.due[seen], units.bad[seen], units.weight[seen]))
    assert level.recovered_s is None or level.recovered_s > 25


def test_a_relapse_within_the_hold_opens_the_episode_again_and_is_a_flap() -> None:
    level = level_of(series((0.0, 5.0), (17.0, 20.0)))
    assert level.impact_s == pytest.approx(0)
    assert level.recovered_s == pytest.approx(20)
    assert level.flaps == 1


def test_a_relapse_after_the_hold_keeps_the_recovery_and_is_told_as_a_flap() -> None:
    level = level_of(series((0.0, 5.0), (45.0, 50.0)))
    assert level.recovered_s == pytest.approx(5)
    assert level.flaps == 1
    assert level.relapsed_s == pytest.approx(45, abs=DEFAULT.window_length_s)
    assert level_of(series((0.0, 5.0))).relapsed_s is None


def test_a_stray_bad_unit_before_the_outage_does_not_move_the_impact() -> None:
    level = level_of(series((0.5, 0.52), (4.0, 6.0)), baseline=0.01)
    assert level.impact_s == pytest.approx(4.0)
    assert level.bound_low_s == pytest.approx(1.98)


def test_a_short_first_outage_is_kept_as_the_impact() -> None:
    level = level_of(series((0.0, 0.5), (3.5, 9.0)))
    assert level.impact_s == pytest.approx(0)


def test_a_lucky_good_unit_inside_an_outage_is_no_recovery() -> None:
    units = series((0.0, 10.0))
    units.bad[np.searchsorted(units.due, INJECT_S + 9.94 - 1e-9)] = False  # three bad units follow it
    assert level_of(units).recovered_s == pytest.approx(10.0)


def test_an_outage_as_deep_as_the_baseline_allows_is_absorbed() -> None:
    rng = np.random.default_rng(3)
    units = series()
    units.bad[:] = rng.random(len(units.bad)) < 0.01
    assert level_of(units, baseline=0.01).impact_s is None


def test_equal_weights_change_nothing() -> None:
    rng = np.random.default_rng(5)
    units = series((0.0, 3.0))
    units.bad[:] |= rng.random(len(units.bad)) < 0.01
    heavy = Units(units.due, units.bad, units.weight * 7)
    assert level_of(heavy, baseline=0.01) == level_of(units, baseline=0.01)


def test_a_heavy_bad_unit_weighs_by_its_rows() -> None:
    units = series((0.0, 1.0))
    light = Units(units.due, units.bad, np.where(units.bad, 0.01, 1.0))
    assert level_of(light).lost_s == pytest.approx(0.01, rel=0.02)
    assert level_of(light).impact_s is None


@given(st.integers(0, 2**31))
def test_a_shift_of_the_clock_shifts_no_mark(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = series((0.0, 4.0))
    units.bad[:] |= rng.random(len(units.bad)) < 0.005
    moved = Units(units.due + 4096.0, units.bad, units.weight)
    shifted = find_level(moved, DEFAULT, Watch(INJECT_S + 4096.0, END_S + 4096.0, 0.005))
    here = level_of(units, baseline=0.005)
    assert shifted.recovered_s == pytest.approx(here.recovered_s, abs=1e-5)
    assert shifted.impact_s == pytest.approx(here.impact_s, abs=1e-5)


def test_only_windows_with_their_full_length_and_units_are_healthy() -> None:
    test = ChangeBack(series(), DEFAULT, Watch(INJECT_S, END_S, 0.0))
    starts = np.array([0.0, END_S - 5.0, END_S - 4.9, END_S + 10])
    assert test.healthy(starts).tolist() == [True, True, False, False]


@pytest.mark.parametrize("p0", [0.0, 0.005, 0.01])
def test_steady_at_the_baseline_is_accepted_within_window_and_hold(p0: float) -> None:
    found = acceptance(DEFAULT, Truth(p0, p0), 100, np.random.default_rng(1))
    assert upper_bound(round(found["soon_ratio"] * 100), 100, 0.999) >= 0.99


@pytest.mark.parametrize("p0", [0.0, 0.005, 0.01])
def test_steady_at_four_margins_above_is_not_accepted(p0: float) -> None:
    found = acceptance(DEFAULT, Truth(p0, p0 + 4 * DEFAULT.margin_ratio), 100, np.random.default_rng(1))
    assert lower_bound(round(found["ever_ratio"] * 100), 100, 0.999) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("p0", [0.0, 0.005, 0.01])
def test_the_required_rates_hold_over_2000_runs(p0: float) -> None:
    rng = np.random.default_rng(20)
    assert acceptance(DEFAULT, Truth(p0, p0), 2000, rng)["soon_ratio"] >= 0.99
    assert acceptance(DEFAULT, Truth(p0, p0 + 4 * DEFAULT.margin_ratio), 2000, rng)["ever_ratio"] <= 0.01


@pytest.mark.parametrize("share", [1.0, 0.96, 0.5])
def test_the_stamp_is_near_the_true_end_of_whole_and_partial_outages(share: float) -> None:
    truth = Truth(0.0, 0.0, share=share, outage_s=3.0, delay_s=4.0)
    found = bias(DEFAULT, truth, 60, np.random.default_rng(2))
    assert found["recovered_ratio"] == 1.0
    assert abs(found["error_median_s"]) <= 0.04  # two units


def test_the_printed_rates_agree_with_the_test_itself() -> None:
    """They are simulated by unit counts; the test itself judges windows of time."""
    rng = np.random.default_rng(4)
    reopened, accepted = error_rates(TEST)
    real = [simulate(TEST, Truth(0.01, 0.05, outage_s=0.1), rng).recovered_s is not None for _ in range(400)]
    assert abs(np.mean(real) - accepted) < 0.12
    assert reopened <= 0.02


def test_a_longer_profile_accepts_less_that_is_bad() -> None:
    assert error_rates(DEFAULT)[1] <= 0.01 < error_rates(TEST)[1]


def test_a_partial_outage_of_60000_units_is_stamped_like_a_small_one() -> None:
    units = series((0.0, 100.0), rate_hz=350.0)
    assert len(units.due) > 60_000
    units.bad[:] &= np.random.default_rng(1).random(len(units.bad)) < 0.5
    level = find_level(units, Profile(rate_hz=350.0), Watch(INJECT_S, END_S, 0.0))
    assert level.recovered_s == pytest.approx(100, abs=0.05)


def test_a_stray_unit_that_timed_out_long_before_the_fault_moves_nothing() -> None:
    units = series((0.0, 1e9))
    ended = units.due + np.where((units.due > INJECT_S - 2) & (units.due < INJECT_S - 1.6), 2.0, 0.004)
    bad = units.bad | (ended > units.due + 1)
    service = Service(
        unit=np.arange(len(bad)).astype(np.uint64),
        due=units.due,
        sent=units.due,
        ended=ended,
        weight=units.weight,
        served=~bad,
        full=~bad,
    )
    assert service.first_hurt_s(INJECT_S - 0.01, INJECT_S, 0.25) is None


def test_units_in_flight_without_a_break_up_to_the_fault_begin_the_outage() -> None:
    due = INJECT_S + np.arange(-10, 10) * 0.005
    bad = due >= INJECT_S - 0.021
    every = np.ones(len(due))
    service = Service(
        unit=np.arange(len(due)).astype(np.uint64),
        due=due,
        sent=due,
        ended=due + 0.1,
        weight=every,
        served=~bad,
        full=~bad,
    )
    assert service.first_hurt_s(INJECT_S - 0.01, INJECT_S, 0.25) == pytest.approx(INJECT_S - 0.02)


def test_a_partial_outage_has_no_bounds() -> None:
    units = series((0.0, 5.0))
    holes = units.bad & (np.arange(len(units.bad)) % 2 == 0)
    level = level_of(Units(units.due, holes, units.weight))
    assert level.recovered_s is not None
    assert (level.bound_low_s, level.bound_high_s) == (None, None)


def succession(*outages: tuple[float, float], last_hit_s: float, end_s: float = END_S):
    watch = Watch(INJECT_S, end_s, 0.0, last_hit_s=INJECT_S + last_hit_s)
    units = series(*outages)
    return outages_of(units, DEFAULT, watch), find_level(units, DEFAULT, watch)


@given(st.lists(st.tuples(st.integers(10, 60), st.integers(1, 200)), min_size=1, max_size=6))
def test_each_outage_of_a_succession_is_listed_with_its_own_bounds(lengths) -> None:
    """Slots of 20 ms: (down, up after it) in turn."""
    stretches, at = [], 0
    for down, up in lengths:
        stretches.append((at / 50, (at + down) / 50))
        at += down + up
    listed, level = succession(*stretches, last_hit_s=stretches[-1][0])
    assert [one.units for one in listed] == [down for down, _ in lengths]
    for one, (from_s, to_s) in zip(listed, stretches, strict=True):
        assert one.from_s == pytest.approx(from_s, abs=1e-6)
        assert one.low_s <= to_s - from_s <= one.high_s
        assert one.high_s - one.low_s == pytest.approx(2 / 50, abs=1e-6)
    assert level.recovered_s == pytest.approx(stretches[-1][1], abs=1e-6)


def test_service_between_two_kills_of_a_succession_is_no_recovery() -> None:
    outages = (0.0, 1.0), (60.0, 61.0)  # up for longer than the hold in between
    assert level_of(series(*outages)).recovered_s == pytest.approx(1)
    assert succession(*outages, last_hit_s=60.0)[1].recovered_s == pytest.approx(61)


def test_bad_units_that_violate_no_window_are_no_outage_of_a_succession() -> None:
    listed, level = succession((0.0, 1.0), (5.0, 5.06), last_hit_s=5.0)
    assert [one.from_s for one in listed] == [0.0]
    assert level.recovered_s == pytest.approx(1)


def test_an_outage_that_no_good_unit_ends_has_no_upper_bound() -> None:
    listed, level = succession((0.0, 1.0), (5.0, 1000.0), last_hit_s=5.0)
    assert [one.high_s is None for one in listed] == [False, True]
    assert level.recovered_s is None


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_that_is_shipped_misses_at_most_2_percent_of_ends(name: str) -> None:
    """Else each report under it tells a check that failed."""
    reopened, _ = error_rates(PROFILES[name])
    assert reopened <= FALSE_REOPEN_MAX
