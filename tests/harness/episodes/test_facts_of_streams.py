"""A stream's facts: service is back with the later of decisions in time and debt back in its band."""

from __future__ import annotations

import msgspec
import pytest

from harness.episodes.facts import facts
from harness.history import events as ev
from tests.harness.episodes.test_facts import episode_of
from tests.traps.histories import CLOCK_ZERO_S, SETTLED, Story, history_of, killed, owing


def test_service_of_a_stream_is_back_when_its_debt_is_and_both_times_are_told() -> None:
    episode = episode_of(owing(killed(0.8), (0.0, 160), (1.55, 4)))
    assert episode.served.answered_s == pytest.approx(0.8, abs=0.01)
    assert episode.served.recovered_s == episode.debt.back_s == pytest.approx(1.6, abs=0.06)
    assert (episode.debt.peak, episode.debt.binds, episode.ended_by) == (160, True, "platform")


def test_a_stream_whose_debt_is_never_paid_is_not_recovered() -> None:
    episode = episode_of(owing(killed(0.8), (0.0, 160)))
    assert (episode.served.recovered_s, episode.ended_by) == (None, "undo")
    assert episode.served.answered_s == pytest.approx(0.8, abs=0.01)


def test_a_stream_that_is_in_time_and_loses_a_few_for_good_is_not_absorbed() -> None:
    episode = episode_of(owing(Story(), (0.0, 15), (1.05, 30)))
    assert episode.served.impact_s == pytest.approx(1.1, abs=0.06)
    assert (episode.served.recovered_s, episode.ended_by) == (None, "undo")
    assert episode_of(owing(Story(), (0.0, 30), (1.0, 4))).ended_by == "absorbed"


def test_a_debt_that_binds_nobody_leaves_the_recovery_as_it_is() -> None:
    episode = episode_of(owing(killed(0.8), (0.0, 160), binds=False))
    assert episode.served.recovered_s == pytest.approx(0.8, abs=0.01)
    assert episode.served.answered_s is None


def test_a_debt_that_binds_and_was_not_seen_makes_the_episode_void() -> None:
    def few(told):
        return [*told, ev.Owed(at_s=CLOCK_ZERO_S, accepted=0, owed=0, binds=True)]

    assert episode_of(killed(0.8, events=few)).void == "what was owed was not looked at closely enough"


def test_decisions_too_many_and_out_of_order_are_told_beside_the_audit() -> None:
    audited = msgspec.structs.replace(SETTLED, doubled=2, missing=1)
    counted = ev.Streamed(decisions=500, surplus=3, out_of_order=7)
    run = facts(history_of(killed(0.8, audit=audited, events=lambda told: [*told, counted])))
    assert run.exactly_once is False
    assert "1 missing, 2 doubled, 3 decisions too many, 7 out of order" in run.audit_text
