"""False heals: bursts on one place, in a time in which nothing was broken, and how long that was."""

from __future__ import annotations

import math

import msgspec
import pytest

from harness.episodes.acts import Act
from harness.episodes.facts import facts
from harness.episodes.heals import GAP_S, false_heals, seconds_of, unbroken
from harness.episodes.log import read_log
from harness.history import events as ev
from tests.traps.histories import CLOCK_ZERO_S, Story, history_of, killed

ALWAYS = ((0.0, math.inf),)
ASKED_S = CLOCK_ZERO_S + 2.3 - 0.002


def done(*told: tuple[float, str]) -> list[Act]:
    return [Act(at_s, place, "alias_changed", "healer") for at_s, place in told]


def counts(*told: tuple[float, str]) -> list[tuple[float, str, int]]:
    """Each false heal as its first instant, its place and its acts, had nothing ever been broken."""
    return [(one.at_s, one.service, one.acts) for one in false_heals(done(*told), ALWAYS)]


def test_four_acts_in_three_seconds_are_one_episode() -> None:
    (one,) = false_heals(done(*((5.0 + at_s, "registry") for at_s in range(4))), ALWAYS)
    assert (one.at_s, one.lasted_s, one.acts) == (5.0, 3.0, 4)
    assert (one.service, one.act, one.by) == ("registry", "alias_changed", "healer")


def test_two_acts_a_minute_apart_are_two_episodes() -> None:
    assert counts((5.0, "registry"), (65.0, "registry")) == [(5.0, "registry", 1), (65.0, "registry", 1)]


def test_a_burst_goes_on_until_a_pause_is_longer_than_the_gap() -> None:
    assert counts(*((GAP_S * n, "registry") for n in range(5))) == [(0.0, "registry", 5)]
    assert len(counts((0.0, "registry"), (GAP_S + 0.1, "registry"))) == 2


def test_acts_on_two_places_are_two_episodes_however_they_alternate() -> None:
    told = counts((1.0, "gateway"), (1.5, "registry"), (2.0, "gateway"), (2.5, "registry"))
    assert told == [(1.0, "gateway", 2), (1.5, "registry", 2)]


def test_an_episode_lies_where_it_began() -> None:
    before_a_fault = ((0.0, 5.0),)
    assert [one.acts for one in false_heals(done((4.0, "a"), (6.0, "a")), before_a_fault)] == [2]
    assert false_heals(done((5.0, "a"), (6.0, "a")), before_a_fault) == ()


def stretches(story: Story) -> tuple[tuple[float, float], ...]:
    history = history_of(story)
    return unbroken(history.plan, read_log(history.entries))


def test_in_a_sham_run_and_under_placebos_alone_nothing_is_ever_broken() -> None:
    for story in (killed(sham=True), killed(kind="placebo.surge", episodes=2)):
        assert stretches(story) == ((CLOCK_ZERO_S, math.inf),)


def test_with_a_fault_only_the_time_before_the_first_counts() -> None:
    ((from_s, until_s),) = stretches(killed(episodes=2))
    assert (from_s, until_s) == (CLOCK_ZERO_S, pytest.approx(ASKED_S))


def test_a_placebo_after_a_fault_counts_while_it_is_there() -> None:
    history = history_of(killed(episodes=2))
    fault, placebo = history.plan.episodes
    plan = msgspec.structs.replace(
        history.plan, episodes=(fault, msgspec.structs.replace(placebo, kind="placebo.surge"))
    )
    _, (from_s, until_s) = unbroken(plan, read_log(history.entries))
    assert from_s == pytest.approx(CLOCK_ZERO_S + placebo.inject_at_s - 0.002)
    assert until_s == pytest.approx(CLOCK_ZERO_S + placebo.undo_at_s + 0.001)


def test_a_run_that_never_began_was_not_looked_at() -> None:
    assert unbroken(history_of(killed()).plan, read_log([])) == ()
    assert (seconds_of((), 10.0), false_heals([], ())) == (0.0, ())
    assert seconds_of(ALWAYS, -math.inf) == 0.0


def switched(*instants_s: float) -> Story:
    """A run without faults in which a switch is thrown at each of these seconds after its first unit."""
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
    return Story(sham=True, events=lambda events: [*events, *told])


def test_the_facts_of_a_run_tell_its_false_heals_and_how_long_was_looked() -> None:
    run = facts(history_of(switched(1.0, 2.0, 3.0, 4.0)))
    assert [(one.at_s, one.acts) for one in run.false_heals] == [(1.0, 4)]
    assert run.unbroken_s == pytest.approx(11.8, abs=0.02)
    quiet = facts(history_of(killed()))
    assert quiet.false_heals == ()
    assert quiet.unbroken_s == pytest.approx(2.298)


def test_a_probe_that_changes_nothing_is_no_heal() -> None:
    (told,) = [e for e in switched(1.0).events([]) if isinstance(e, ev.Acted)]
    probe = msgspec.structs.replace(told, effect=False)
    run = facts(history_of(Story(sham=True, events=lambda events: [*events, probe])))
    assert run.false_heals == ()
