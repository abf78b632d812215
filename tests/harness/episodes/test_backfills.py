"""Service is back once every missed partition is right; what never was is named."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.episodes.backfills import Stretch, backfill_of, overdue_debt
from harness.episodes.facts import facts
from harness.history import events as ev
from tests.traps.histories import CLOCK_ZERO_S, PROFILE, Story, history_of, killed, plan_of

INJECT_S = CLOCK_ZERO_S + 2.31
"""Just after the fault of the stories is in force."""
TWIN = ev.TwinMade(partitions=9, rows=900, lasted_s=1.0)


def told(name: str, after_s: float, right: int, *, state: str = "", due_s: float = 0.0) -> ev.Partition:
    """What the witness says of a partition of 100 rows ``after_s`` after the fault; ``due_s`` after it."""
    word = state or ("right" if right == 100 else "half" if right else "missing")
    return ev.Partition(
        at_s=INJECT_S + after_s,
        name=name,
        due_s=INJECT_S + due_s,
        state=word,
        rows=100,
        right=right,
        wrong=0,
        doubled=100 - right if word == "doubled" else 0,
        foreign=0,
    )


def episode_of(story: Story, *said: ev.Partition):
    def with_partitions(events: list[ev.Event]) -> list[ev.Event]:
        return [TWIN, *events[:-1], *said, events[-1]]

    run = facts(history_of(replace(story, events=with_partitions)))
    (episode,) = run.episodes
    return episode


def test_service_is_back_with_the_last_backfill_and_not_before() -> None:
    said = [told("a", 0.3, 0), told("b", 0.5, 40), told("b", 1.0, 100), told("a", 2.5, 100)]
    episode = episode_of(killed(0.8), *said)
    assert episode.served.recovered_s == pytest.approx(2.5, abs=0.02) == episode.backfill.last_s
    assert episode.full.recovered_s == episode.served.recovered_s
    assert (episode.backfill.partitions, episode.backfill.rows, episode.backfill.open) == (2, 200, 0)
    assert (episode.debt.band, episode.debt.peak) == (0, 200)
    assert episode.ended_by == "platform"


def test_what_is_never_made_good_reads_not_recovered_and_is_named_first() -> None:
    said = [told("a", 0.3, 0), told("z", 0.5, 57), told("a", 0.9, 100)]
    episode = episode_of(killed(0.8), *said)
    assert (episode.served.recovered_s, episode.ended_by, episode.backfill.last_s) == (None, "undo", None)
    first = episode.backfill.late[0]
    assert (first.name, first.state, first.right, first.rows, first.right_s) == ("z", "half", 57, 100, None)


def test_one_missed_partition_is_an_impact_though_no_window_shows_it() -> None:
    episode = episode_of(Story(), told("a", 1.2, 40, due_s=0.2), told("a", 3.0, 100))
    assert episode.served.impact_s == pytest.approx(0.2, abs=0.02)
    assert episode.served.recovered_s == pytest.approx(3.0, abs=0.02)
    assert episode_of(Story()).ended_by == "absorbed"


def test_a_partition_that_is_spoilt_after_it_was_right_is_owed_again() -> None:
    said = [told("a", 0.3, 0), told("a", 0.6, 100), told("a", 2.0, 50, state="doubled")]
    episode = episode_of(killed(0.8), *said)
    assert episode.served.recovered_s is None
    assert [(one.state, one.right_s) for one in episode.backfill.late] == [("doubled", None)]


def test_what_was_late_before_a_fault_and_is_made_good_in_part_is_an_impact_and_no_crash() -> None:
    story = replace(Story(), episodes=2)
    second_s = plan_of(story).episodes[1].inject_at_s + CLOCK_ZERO_S - INJECT_S
    said = [told("a", 0.3, 0), told("b", 0.4, 0), told("a", second_s + 1.0, 100)]
    events = lambda events: [TWIN, *events[:-1], *said, events[-1]]  # noqa: E731
    _, second = facts(history_of(replace(story, events=events))).episodes
    assert (second.served.impact_s, second.served.recovered_s) == (0.0, None)
    assert "overdue before this fault" in second.void


def test_backfill_after_the_horizon_is_no_recovery() -> None:
    late_s = PROFILE.tau_s + 0.5
    episode = episode_of(killed(0.8), told("a", 0.3, 0), told("a", late_s, 100))
    assert episode.served.recovered_s is None
    assert episode.backfill.last_s == pytest.approx(late_s, abs=0.02)


def test_what_was_overdue_before_the_fault_is_the_band() -> None:
    said = [told("old", -1.0, 0), told("a", 0.3, 0), told("a", 1.5, 100)]
    episode = episode_of(killed(0.8), *said)
    assert episode.debt.band == 100
    assert episode.served.recovered_s == pytest.approx(1.5, abs=0.02)
    assert episode.backfill.partitions == 1


def test_a_fault_upon_what_an_earlier_one_left_open_shows_nothing() -> None:
    story = replace(killed(0.8), episodes=2)

    def with_partitions(events: list[ev.Event]) -> list[ev.Event]:
        return [TWIN, *events[:-1], told("a", 0.3, 0), events[-1]]

    first, second = facts(history_of(replace(story, events=with_partitions))).episodes
    assert (first.void, second.void) == ("", "100 rows were still overdue before this fault")
    assert plan_of(story).episodes[1].index == second.index


def test_where_no_partition_lands_nothing_of_it_is_said() -> None:
    (episode,) = facts(history_of(killed(0.8))).episodes
    assert (episode.backfill, episode.debt) == (None, None)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 40, 100])), max_size=12))
def test_all_is_back_exactly_when_nothing_is_open(words: list[tuple[str, int]]) -> None:
    said = [told(name, 0.1 + 0.1 * n, right) for n, (name, right) in enumerate(words)]
    stretch = Stretch(before_s=INJECT_S, inject_s=INJECT_S, end_s=INJECT_S + 9)
    backfill, debt = backfill_of(said, stretch), overdue_debt(said, stretch)
    last = dict(words)
    assert (debt.back_s is None) == any(right < 100 for right in last.values())
    assert (backfill.last_s is None) == any(right < 100 for right in last.values())
    assert backfill.open == sum(right < 100 for right in last.values())
    assert msgspec.json.decode(msgspec.json.encode(backfill), type=type(backfill)) == backfill


@pytest.mark.parametrize(("right", "recovered"), [(True, True), (False, False)])
def test_one_that_is_given_up_is_not_absorbed_by_what_was_late_before(right: bool, recovered: bool) -> None:
    """A job that is now and then half a second late owes 100 rows then; one for ever is no more rows."""
    before = [told("x", -2.0, 0, due_s=-2.0), told("x", -1.5, 100, due_s=-2.0)]
    during = [told("a", 0.3, 0, due_s=0.3), *([told("a", 0.7, 100, due_s=0.3)] if right else [])]
    episode = episode_of(killed(0.0), *before, *during)
    assert (episode.debt.band, episode.debt.peak) == (100, 100)
    assert (episode.served.impact_s is None) == recovered
    assert episode.backfill.open == (0 if right else 1)
    if not recovered:
        assert episode.served.recovered_s is None
