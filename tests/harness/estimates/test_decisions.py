"""Decisions of a class over runs: what was left, in how many it could be told, when it was back."""

from __future__ import annotations

import pytest

from harness.episodes.facts import facts
from harness.estimates.estimate import estimate
from harness.estimates.model import DecisionEstimate
from tests.traps.histories import PROFILE, Outage, Story, history_of, killed
from tests.traps.moved import concept_change


def decisions_of(*stories: Story) -> DecisionEstimate | None:
    seen = [facts(history_of(story, run_id=f"r{i:04d}")) for i, story in enumerate(stories)]
    (found,) = estimate(seen, PROFILE).classes
    return found.decisions


def test_without_a_healer_all_of_the_harm_is_left_in_every_run() -> None:
    found = decisions_of(*(concept_change(pair=i, seed=i) for i in range(3)))
    assert (found.n, found.judged, found.hurt, found.told) == (3, 3, 3, 3)
    assert found.left_in_all.mean == 1.0
    assert (found.left.n, found.left.mean, found.left.low, found.left.high) == (3, 1.0, 1.0, 1.0)
    assert found.jump.mean == pytest.approx(0.1 * (14.0 - 0.3), rel=0.05)
    assert (found.back.k, found.back.n, found.back_s) == (0, 3, (None, None, None))
    assert found.excess_sum.mean > 0


def test_runs_that_were_healed_are_back_and_the_others_stand_behind_them() -> None:
    found = decisions_of(concept_change(healed_after_s=-0.1), concept_change(pair=1, seed=8))
    assert (found.back.k, found.back.n) == (1, 2)
    assert found.back_s[0] == pytest.approx(0.0, abs=0.05)
    assert found.back_s[1] is None
    assert found.left.mean == pytest.approx(0.5, abs=0.01)
    assert found.left_in_all.mean == pytest.approx(0.5, abs=0.01)


def test_a_run_whose_harm_cannot_be_told_from_none_is_never_a_healed_one() -> None:
    found = decisions_of(concept_change(), concept_change(hurts=False, pair=1))
    assert (found.n, found.told, found.left.mean, found.back.n) == (2, 1, 1.0, 1)
    nothing = decisions_of(concept_change(hurts=False))
    assert (nothing.n, nothing.told, nothing.left.mean, nothing.back.n, nothing.back_s) == (1, 0, None, 0, ())


def test_harm_that_no_window_tells_is_told_over_the_whole_with_what_was_left_of_it() -> None:
    found = decisions_of(concept_change(hit_every=40))
    assert (found.hurt, found.told, found.left.mean) == (1, 0, None)
    assert found.left_in_all.mean == 1.0


def test_units_without_a_decision_are_counted_and_a_reference_that_is_another_system_judges_nothing() -> None:
    lost = decisions_of(concept_change(outages=(Outage(1.0, 2.0),)))
    assert lost.unanswered.mean == pytest.approx(1 / 6, abs=0.01)
    other = decisions_of(concept_change(declined_before=True))
    assert (other.n, other.judged, other.told) == (1, 0, 0)
    assert "as the reference did" in other.not_judged


def test_a_world_that_tells_no_truth_gives_no_estimate() -> None:
    assert decisions_of(killed()) is None
