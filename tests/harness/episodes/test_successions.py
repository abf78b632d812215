"""Kills in succession and orphans, from synthetic histories: who is credited, and what is told one by one."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from harness.episodes.facts import facts
from harness.faults.effects import Kill
from harness.history import events as ev
from harness.history.observations import BAD
from tests.traps.histories import (
    CLOCK_ZERO_S,
    PROFILE,
    SERVICE,
    Outage,
    Story,
    act,
    history_of,
    killed,
    plan_of,
)


def episode_of(story: Story):
    (episode,) = facts(history_of(story)).episodes
    return episode


THREE = Kill(service=SERVICE, times=3, every_s=1.5)


def again(told: list[ev.Event], *pids: int) -> list[ev.Event]:
    """Add the further kills of a succession, one every 1.5 s; pid 0 met no process."""
    (first,) = (event for event in told if isinstance(event, ev.Injected))
    hits = [
        ev.HitAgain(
            episode=0,
            number=number,
            asked_at_s=first.effective_at_s + 1.5 * (number - 1) - 0.002,
            effective_at_s=first.effective_at_s + 1.5 * (number - 1),
            pid=pid,
            proof=("gone",),
        )
        for number, pid in enumerate(pids, 2)
    ]
    return [*told, *hits]


def three(*pids: int) -> Story:
    outages = tuple(Outage(at_s, at_s + 0.4) for at_s in (0.0, 1.5, 3.0))
    return killed(outages=outages, effect=THREE, events=lambda told: again(told, *pids))


def test_three_kills_in_succession_are_one_episode_with_three_outages() -> None:
    episode = episode_of(three(51, 52))
    assert episode.hits_s == (0.0, 1.5, 3.0)
    assert (episode.service, episode.missed_hits) == (f"{SERVICE} 3 times 1.5 s apart", 0)
    assert [one.from_s for one in episode.outages] == pytest.approx([0.0, 1.5, 3.0], abs=0.01)
    assert all(one.low_s <= 0.4 <= one.high_s for one in episode.outages)
    assert episode.served.recovered_s == pytest.approx(3.4, abs=0.01)
    assert episode.served.flaps == 2
    assert (episode.lasts_s, episode.horizon_s) == (None, PROFILE.tau_s + 3.0)


def test_each_outage_of_a_succession_is_a_flap_where_the_hold_is_as_short_as_a_window() -> None:
    short = msgspec.structs.replace(PROFILE, hold_s=PROFILE.window_s)
    episode = episode_of(replace(three(51, 52), profile=short))
    assert (len(episode.outages), episode.served.flaps) == (3, 2)


def test_a_kill_of_a_succession_that_met_nobody_is_counted_apart() -> None:
    episode = episode_of(three(51, 0))
    assert (episode.hits_s, episode.missed_hits, episode.void) == ((0.0, 1.5), 1, "")


def test_a_succession_of_which_a_kill_is_not_told_is_void() -> None:
    assert "2 of 3 kills are told" in facts(history_of(three(51))).void
    assert not facts(history_of(three(51, 52))).void


def test_who_was_hit_again_is_not_taken_down_by_the_platform() -> None:
    def with_ends(told: list[ev.Event], *pids: int) -> list[ev.Event]:
        ends = [
            ev.Platform(at_s=CLOCK_ZERO_S + 2.3 + 1.5 * i, service=SERVICE, act="exited", pid=pid)
            for i, pid in ((1, 51), (2, 52))
        ]
        return [*again(told, *pids), *ends]

    story = replace(three(51, 52), events=lambda told: with_ends(told, 51, 52))
    assert facts(history_of(story)).platform_harms == ()
    story = replace(story, events=lambda told: with_ends(told, 51, 99))
    assert [harm.what for harm in facts(history_of(story)).platform_harms] == ["took down"]


def orphaned(*, ready_s: float | None = None, down_s: float = 0.4) -> Story:
    """A kill after which an orphan answers again; whoever is started meanwhile is ready after ``ready_s``."""

    def told(events: list[ev.Event]) -> list[ev.Event]:
        (hit,) = (event for event in events if isinstance(event, ev.Injected))
        lines = [act("started", hit.effective_at_s + 0.01), act("orphan", hit.effective_at_s + 0.1)]
        lines += [] if ready_s is None else [act("ready", hit.effective_at_s + ready_s)]
        return [*events, *lines]

    return Story(outages=(Outage(0.0, down_s),) if down_s else (), events=told)


def test_what_an_orphan_answers_is_never_credited_to_the_platform() -> None:
    back = episode_of(orphaned())
    assert (back.ended_by, back.act) == ("orphan", "started")
    assert back.served.recovered_s == pytest.approx(0.4, abs=0.01)
    assert episode_of(orphaned(down_s=0.0)).ended_by == "orphan"
    (harm,) = facts(history_of(orphaned())).platform_harms
    assert (harm.service, harm.what) == (SERVICE, "left an orphan")


def test_an_orphan_that_the_platform_got_rid_of_before_service_was_back_takes_no_credit() -> None:
    assert episode_of(orphaned(ready_s=0.3)).ended_by == "platform"
    assert episode_of(orphaned(ready_s=2.0)).ended_by == "orphan"


def test_whoever_is_started_after_an_orphan_had_died_is_credited_with_what_he_serves() -> None:
    def told(events: list[ev.Event]) -> list[ev.Event]:
        (hit,) = (event for event in events if isinstance(event, ev.Injected))
        lines = (("orphan", 0.1), ("started", 2.3), ("ready", 2.45))
        return [*events, *(act(word, hit.effective_at_s + at_s) for word, at_s in lines)]

    # It answered until it died after 2 s. Who came then serves 20 ms before a probe sees him ready.
    episode = episode_of(Story(outages=(Outage(2.0, 2.43),), events=told))
    assert episode.served.recovered_s == pytest.approx(2.43, abs=0.01)
    assert episode.ended_by == "platform"
    # One that hung, and answers again, is still the orphan.
    assert episode_of(Story(outages=(Outage(2.0, 2.2),), events=told)).ended_by == "orphan"


def test_a_bad_unit_just_before_the_first_kill_hides_no_outage() -> None:
    def stray(rows):
        rows["outcome"][(inject_s - 0.03 < rows["due"]) & (rows["due"] < inject_s)] = BAD  # not in flight
        return rows

    inject_s = CLOCK_ZERO_S + plan_of(three(51, 52)).episodes[0].inject_at_s
    story = three(51, 52)
    clear, strayed = (episode_of(one) for one in (story, replace(story, rows=stray)))
    assert [one.from_s for one in strayed.outages] == pytest.approx([0.0, 1.5, 3.0], abs=0.01)
    assert strayed.outages[0].high_s == pytest.approx(clear.outages[0].high_s + 0.03, abs=0.01)
    assert strayed.outages[1:] == clear.outages[1:]


def test_an_outage_that_outlives_an_orphan_is_censored_as_any_other() -> None:
    assert episode_of(orphaned(down_s=1e9)).ended_by == "undo"
