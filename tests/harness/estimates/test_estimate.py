"""Classes and arms from the facts of synthetic runs."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import pytest

from harness.episodes.facts import facts
from harness.episodes.model import RunFacts
from harness.episodes.platform import PlatformHarm
from harness.estimates.estimate import estimate
from harness.faults.effects import Pause
from tests.traps.histories import PROFILE, SERVICE, Outage, Story, history_of, killed, never_back, unmet


def facts_of(*stories: Story) -> list[RunFacts]:
    return [facts(history_of(story, run_id=f"r{i:04d}")) for i, story in enumerate(stories)]


def one_class(*stories: Story, arm: str = "none"):
    (found,) = (c for c in estimate(facts_of(*stories), PROFILE).classes if c.arm == arm)
    return found


def pairs(n: int, **changes: object) -> list[Story]:
    return [killed(0.3 + 0.1 * i, pair=i, seed=i, **changes) for i in range(n)]


def test_a_class_counts_impact_recovery_and_endings() -> None:
    stories = [*pairs(6), Story(pair=6), replace(never_back(pair=7), arm="none")]
    found = one_class(*stories)
    assert (found.n, found.void) == (8, 0)
    assert (found.impact.k, found.impact.n) == (7, 8)
    assert (found.recovered.k, found.recovered.n) == (6, 7)
    assert found.ended_by == {"absorbed": 1, "platform": 6, "undo": 1}
    assert found.recovered_s[-1] is None
    assert found.served_median.value_s == pytest.approx(0.6, abs=0.02)
    assert found.served_median.high_s is None  # one unrecovered run: the interval reaches beyond the horizon
    assert (found.served_p90.value_s, found.served_p90.needs_n) == (None, 36)


def test_below_six_runs_no_median_is_given() -> None:
    found = one_class(*pairs(5))
    assert found.served_median.value_s is None
    assert (found.served_median.n, found.served_median.needs_n) == (5, 6)


def test_void_runs_and_void_episodes_are_counted_apart() -> None:
    stories = pairs(3)
    stories[1] = replace(stories[1], send_lag_s=0.2)
    found = one_class(*stories)
    assert (found.n, found.void, found.impact.n) == (2, 1, 2)


def test_the_sham_of_the_same_pair_and_arm_gives_the_loss_that_was_there_anyway() -> None:
    noisy = Story(sham=True, outages=(Outage(2.0, 2.6),))
    other = Story(sham=True, arm="bare", outages=(Outage(2.0, 5.0),))
    found = one_class(killed(), noisy, other)
    assert (found.sham_lost_s.n, found.sham_lost_s.mean) == (1, pytest.approx(0.6, abs=0.02))
    assert one_class(killed(pair=1), noisy).sham_lost_s.mean is None


def test_the_gain_is_what_bare_lost_more_in_the_same_pair() -> None:
    stories = [*pairs(2), *(never_back(pair=i, seed=i) for i in range(2))]
    found = one_class(*stories)
    assert (found.gain_s.n, found.gain_s.mean) == (2, pytest.approx(6.0 - 0.35, abs=0.03))
    assert one_class(*stories, arm="bare").gain_s.n == 0
    assert one_class(*pairs(2), never_back(pair=5)).gain_s.n == 0


def test_what_nothing_met_is_counted_and_enters_no_mean() -> None:
    met = [*pairs(2), *(never_back(pair=i, seed=i) for i in range(2))]
    idle = [
        Story(pair=2, seed=2, events=unmet),
        replace(never_back(pair=2, seed=2), outages=(), events=unmet),
    ]
    found, alone = one_class(*met, *idle), one_class(*met)
    assert (found.n, found.ended_by["not exercised"]) == (3, 1)
    assert (found.lost_s, found.gain_s) == (alone.lost_s, alone.gain_s)


def test_two_episodes_of_a_run_are_two_episodes_and_one_mean() -> None:
    found = one_class(Story(outages=(Outage(0.0, 0.5),), episodes=2))
    assert (found.n, found.lost_s.n) == (2, 1)


def test_faults_that_differ_in_nothing_but_how_long_they_last_are_two_classes() -> None:
    history = history_of(Story(kind="process.hang", effect=Pause(service=SERVICE), episodes=2))
    sticky, other = history.plan.episodes
    timed = msgspec.structs.replace(other, effect=Pause(service=SERVICE, duration_s=3.0))
    plan = msgspec.structs.replace(history.plan, episodes=(sticky, timed))
    found = estimate([facts(replace(history, plan=plan))], PROFILE).classes
    assert [(c.service, c.lasts_s) for c in found] == [
        (f"{SERVICE} for 3 s", 3.0),
        (f"{SERVICE} until undone", None),
    ]


def test_an_arm_keeps_sham_and_fault_apart() -> None:
    (arm,) = estimate(facts_of(killed(), Story(sham=True)), PROFILE).arms
    assert (arm.runs, arm.sham_runs, arm.sham_acts) == (2, 1, 0)
    assert arm.sham_availability.mean == 1.0
    assert arm.fault_availability.mean is not None
    assert arm.fault_availability.mean < 1.0
    assert (arm.exactly_once.k, arm.exactly_once.n) == (2, 2)
    assert arm.windows_met.k == arm.windows_met.n > 0
    assert (arm.windows_met.low_ratio, arm.windows_met.high_ratio) == (0.0, 1.0)  # one run: no interval


def test_sham_episodes_are_no_class() -> None:
    assert estimate(facts_of(Story(sham=True)), PROFILE).classes == ()


def test_no_run_gives_no_class_and_no_error() -> None:
    found = estimate([], PROFILE)
    assert (found.classes, found.arms, found.runs) == ((), (), 0)


def test_the_order_of_runs_changes_no_figure() -> None:
    runs = facts_of(*pairs(7), *(never_back(pair=i, seed=i) for i in range(7)), Story(sham=True))
    expected = estimate(runs, PROFILE)
    for seed in range(5):
        random.Random(seed).shuffle(runs)
        assert estimate(runs, PROFILE) == expected


def test_harm_by_the_platform_is_counted_by_service_over_the_runs_of_an_arm() -> None:
    down, up = PlatformHarm(at_s=1.0, service="two", what="took down"), ()
    seen = facts_of(*pairs(2))
    harmed = [msgspec.structs.replace(run, platform_harms=up if run.sham else (down, down)) for run in seen]
    (arm,) = estimate(harmed, PROFILE).arms
    (count,) = arm.platform_harms
    assert (count.service, count.what, count.times, count.runs) == ("two", "took down", 4, 2)
