"""False heals an hour: known bounds, what clusters, and what could not be seen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, poisson

from harness.episodes.facts import facts
from harness.estimates.counts import Rate
from harness.estimates.estimate import estimate
from harness.estimates.rates import rate, upper_bound_per_h
from harness.history import events as ev
from tests.traps.histories import CLOCK_ZERO_S, PROFILE, Story, history_of, killed

RUNS = st.lists(st.tuples(st.integers(0, 5), st.floats(0.001, 2.0)), min_size=1, max_size=12)
LOOKED = ev.Looked(observer="gateway:/acts", looks=40, failures=0, listed=True)


def test_none_in_an_hour_is_at_most_three_an_hour() -> None:
    found = rate([(0, 0.5), (0, 0.5)])
    assert (found.k, found.hours, found.per_h) == (0, 1.0, 0.0)
    assert found.upper_per_h == pytest.approx(-math.log(0.05), abs=1e-6)


@given(st.integers(0, 60), st.floats(0.01, 100.0))
def test_the_bound_is_the_rate_at_which_so_few_events_come_in_one_case_of_twenty(
    k: int, hours: float
) -> None:
    bound = upper_bound_per_h(k, hours)
    assert poisson.cdf(k, bound * hours) == pytest.approx(0.05, abs=1e-7)
    assert bound == pytest.approx(chi2.ppf(0.95, 2 * k + 2) / 2 / hours)


@given(RUNS)
def test_the_order_of_runs_changes_nothing_and_the_bound_lies_above_what_was_seen(
    runs: list[tuple[int, float]],
) -> None:
    found, turned = rate(runs), rate(runs[::-1])
    assert (found.k, found.clustered) == (turned.k, turned.clustered)
    assert (found.hours, found.per_h, found.upper_per_h) == (turned.hours, turned.per_h, turned.upper_per_h)
    assert found.upper_per_h is None or found.per_h is None or found.upper_per_h > found.per_h


def test_events_that_all_come_in_one_of_many_runs_have_no_bound() -> None:
    spread = rate([(1, 0.1)] * 5 + [(0, 0.1)] * 5)
    heaped = rate([(5, 0.1)] + [(0, 0.1)] * 9)
    assert (spread.clustered, spread.upper_per_h) == (False, pytest.approx(10.513, abs=1e-3))
    assert (heaped.clustered, heaped.upper_per_h) == (True, None)
    assert heaped.per_h == spread.per_h == 5.0


def test_a_single_event_and_a_single_run_are_no_cluster() -> None:
    assert not rate([(1, 0.1)] + [(0, 0.1)] * 9).clustered
    assert not rate([(7, 0.1)]).clustered


def test_without_an_hour_there_is_no_rate_and_never_a_zero() -> None:
    assert rate([]) == Rate(k=0, hours=0.0, per_h=None, upper_per_h=None)
    unseen = rate([], blind=[2, 0])
    assert (unseen.per_h, unseen.upper_per_h, unseen.blind, unseen.blind_k) == (None, None, 2, 2)


def heals_of(*stories: Story) -> Rate:
    seen = [facts(history_of(story, run_id=f"r{i:04d}")) for i, story in enumerate(stories)]
    (arm,) = estimate(seen, PROFILE).arms
    assert arm.false_heals is not None
    return arm.false_heals


def switched(*instants_s: float, more: tuple[ev.Event, ...] = (LOOKED,), **changes: object) -> Story:
    """A run in arm reference with a switch thrown at these seconds after its first unit."""
    told = [
        ev.Acted(
            at_s=CLOCK_ZERO_S + at_s,
            received_s=CLOCK_ZERO_S + at_s + 0.1,
            observer="gateway:/acts",
            service="gateway",
            act="breaker_opened",
        )
        for at_s in instants_s
    ]
    return Story(arm="reference", events=lambda events: [*events, *told, *more], **changes)


def test_an_arm_counts_episodes_over_all_the_time_in_which_nothing_was_broken() -> None:
    found = heals_of(switched(1.0, 2.0, 3.0, 4.0, sham=True), switched(1.0, 5.0), switched(5.0, pair=1))
    assert (found.k, found.blind, found.clustered) == (2, 0, False)
    assert found.hours == pytest.approx((11.8 + 2 * 2.298) / 3600, abs=1e-5)


def test_a_run_in_which_nobody_could_see_acts_gives_no_hour() -> None:
    blind = heals_of(switched(sham=True, more=()))
    assert (blind.per_h, blind.upper_per_h, blind.blind, blind.blind_k) == (None, None, 1, 0)
    gap = ev.Blind(observer="gateway:/acts", since_s=1001.0, until_s=1009.0, why="timed out")
    half = heals_of(switched(sham=True), switched(1.0, sham=True, pair=1, more=(LOOKED, gap)))
    assert (half.k, half.blind, half.blind_k) == (0, 1, 1)
    assert half.hours == pytest.approx(11.8 / 3600, abs=1e-5)


def test_where_no_healer_runs_the_ledger_shows_every_act() -> None:
    found = heals_of(killed(), Story(sham=True))
    assert (found.k, found.blind) == (0, 0)
    assert found.upper_per_h is not None
