"""What training cost: sums, runs without one, and ends that nobody could have seen."""

from __future__ import annotations

from harness.episodes.facts import facts
from harness.estimates.estimate import estimate
from harness.estimates.model import TrainingEstimate
from harness.history import events as ev
from tests.traps.histories import CLOCK_ZERO_S, PROFILE, Story, history_of

LOOKED = ev.Looked(observer="learner:/acts", looks=40, failures=0, listed=True)


def trained(*details: str, seen: bool = True, **changes: object) -> Story:
    """A run in arm reference in which trainings end after the fault, a second apart."""
    told = [
        ev.Acted(
            at_s=CLOCK_ZERO_S + 4.0 + n,
            received_s=CLOCK_ZERO_S + 4.1 + n,
            observer="learner:/acts",
            service="learner",
            act="training_ended",
            detail=detail,
            effect=False,
        )
        for n, detail in enumerate(details)
    ]
    looked = [LOOKED] if seen else []
    return Story(arm="reference", events=lambda events: [*events, *told, *looked], **changes)


def training_of(*stories: Story) -> TrainingEstimate:
    runs = [facts(history_of(story, run_id=f"r{i:04d}")) for i, story in enumerate(stories)]
    (found,) = estimate(runs, PROFILE).classes
    assert found.training is not None
    return found.training


def test_the_cost_of_two_trainings_adds_up_and_a_run_without_one_costs_nothing() -> None:
    one = training_of(trained("cpu 3.20 s", "cpu 1.30 s"))
    assert (one.n, one.trainings, one.untold, one.cpu_s.mean) == (1, 2, 0, 4.5)
    both = training_of(trained("cpu 3.20 s", "cpu 1.30 s"), trained(pair=1))
    assert (both.n, both.trainings, both.cpu_s.mean) == (2, 2, 2.25)


def test_without_a_training_the_count_says_so() -> None:
    found = training_of(trained())
    assert (found.n, found.blind, found.trainings, found.cpu_s.mean) == (1, 0, 0, 0.0)


def test_where_nobody_could_see_an_act_no_training_is_not_none() -> None:
    found = training_of(trained(seen=False))
    assert (found.n, found.blind, found.trainings, found.cpu_s.mean) == (0, 1, 0, None)


def test_a_training_that_does_not_tell_its_cost_is_counted_and_adds_nothing() -> None:
    found = training_of(trained("cpu 2.00 s"), trained("of unknown length", pair=1))
    assert (found.n, found.trainings, found.untold, found.cpu_s.mean) == (2, 2, 1, 2.0)


def test_a_void_run_enters_nothing() -> None:
    found = training_of(trained("cpu 2.00 s"), trained("cpu 9.00 s", pair=1, baseline_share=0.3))
    assert (found.n, found.trainings) == (1, 1)
