"""Schedules made simpler: on predicates that know what they need, down to exactly that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.load import load_experiment
from harness.faults.effects import Cut, Delay, Kill, Pause, Refuse
from harness.search.drawing import Drawing, dice_of
from harness.search.limits import Limits
from harness.search.menu import menu_of
from harness.search.outcome import Met, Outcome, Signature
from harness.search.schedule import After, Fault, Schedule, schedule_of
from harness.search.simpler import Moves, shrink_schedule
from tests.harness.search.ground import EXPERIMENT, pause
from tests.harness.search.ground import outcome as plain_outcome

MENU = menu_of(load_experiment(EXPERIMENT).system, "reference")
SIGNATURE = Signature(invariant="served", stuck="late")
OTHER = Signature(invariant="cause", stuck="restart")


def outcome(schedule: Schedule, *signatures: Signature) -> Outcome:
    """An episode in which every fault began, those with a trigger at 5 s, and so much broke."""
    met = tuple(
        Met(began_s=5.0 if one.at_s is None else one.at_s, ended_s=9.0, met=True, why="")
        for one in schedule.faults
    )
    return plain_outcome(*signatures, met=met, digest="")


def test_what_the_failure_does_not_need_is_left_out() -> None:
    needed = pause("features", 4.0, 6.0)
    others = [pause("gateway", 1.0, 2.0), Fault(effect=Kill(service="registry"), at_s=7.0)]

    def play(schedule: Schedule) -> Outcome:
        paused = [one for one in schedule.faults if one.effect == Pause(service="features")]
        return outcome(schedule, *[SIGNATURE for one in paused if one.lasts_s >= 2.5])

    shrunk = shrink_schedule(schedule_of([needed, *others]), SIGNATURE, play, MENU)
    assert shrunk.minimal
    assert shrunk.smallest == schedule_of([pause("features", 0.0, 2.5)])


def test_another_failure_is_not_the_same_failure() -> None:
    def play(schedule: Schedule) -> Outcome:
        return outcome(schedule, SIGNATURE if len(schedule.faults) == 2 else OTHER)

    two = schedule_of([pause("features", 0.0, 1.0), pause("gateway", 0.0, 1.0)])
    assert len(shrink_schedule(two, SIGNATURE, play, MENU).smallest.faults) == 2


def test_a_trigger_becomes_the_instant_at_which_it_was_seen_where_its_cause_is_left_out() -> None:
    cause = pause("features", 0.0, 3.0)
    tied = Fault(effect=Kill(service="registry"), after=After(event="restart", delay_s=0.5))

    def play(schedule: Schedule) -> Outcome:
        there = {type(one.effect): one for one in schedule.faults}
        fired = Kill in there and (there[Kill].at_s is not None or Pause in there)
        return outcome(schedule, *([SIGNATURE] if fired else []))

    shrunk = shrink_schedule(schedule_of([cause, tied]), SIGNATURE, play, MENU)
    assert shrunk.smallest == schedule_of([Fault(effect=Kill(service="registry"), at_s=0.0)])


def test_a_milder_effect_on_the_same_place_is_preferred() -> None:
    edge = "gateway-features"
    slow = Fault(effect=Delay(edge=edge, latency_ms=2000.0), at_s=0.0, lasts_s=1.0)
    cut = Fault(effect=Cut(edge=edge, way="both"), at_s=0.0, lasts_s=1.0)
    key = Moves(MENU).key
    assert key(schedule_of([cut])) < key(schedule_of([slow]))

    def play(schedule: Schedule) -> Outcome:
        return outcome(schedule, *[SIGNATURE for _ in schedule.faults])

    (left,) = shrink_schedule(schedule_of([slow]), SIGNATURE, play, MENU).smallest.faults
    assert left.effect == Refuse(edge=edge)


def test_what_breaks_without_any_fault_needs_none() -> None:
    one = schedule_of([pause("features", 0.0, 1.0)])
    shrunk = shrink_schedule(one, SIGNATURE, lambda schedule: outcome(schedule, SIGNATURE), MENU)
    assert shrunk.smallest.faults == ()


@given(number=st.integers(0, 10**6), needs=st.integers(1, 3))
def test_drawn_schedules_shrink_to_as_many_faults_as_are_needed(number: int, needs: int) -> None:
    dice = dice_of(number)
    drawing = Drawing(MENU, Limits(faults_max=6))
    start = drawing.fresh(dice, triggers=True)

    def play(schedule: Schedule) -> Outcome:
        return outcome(schedule, *([SIGNATURE] if len(schedule.faults) >= needs else []))

    if len(start.faults) < needs:
        return
    shrunk = shrink_schedule(start, SIGNATURE, play, MENU, budget=10**5)
    assert shrunk.minimal
    assert len(shrunk.smallest.faults) == needs
    assert all(one.after is None for one in shrunk.smallest.faults)
