"""How schedules are made of those that showed something: evenly over all that can begin soon after it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.load import load_experiment
from harness.faults.effects import Hook, Kill, Mutate
from harness.search.drawing import Drawing, dice_of
from harness.search.leads import Lead, Tried
from harness.search.limits import Limits
from harness.search.menu import Menu, menu_of
from harness.search.schedule import After, Fault, schedule_of
from tests.harness.search.ground import EXPERIMENT

RENAMED = Mutate(mutation="rename", field="amount")
MENU = menu_of(load_experiment(EXPERIMENT).system, "reference", [RENAMED])
EVERYWHERE = Drawing(Menu(MENU.kinds), Limits())
BAD_MODEL = Fault(effect=Hook(hook="model", action="constant"), at_s=1.0, lasts_s=9.0)
KILLED = Fault(effect=Kill(service="scorer-a"), at_s=2.0)
AFTER = {event: After(event=event) for event in ("rollback", "restart", "repair")}
KNOWN = {
    "rollback": [Lead(schedule_of([BAD_MODEL]), None, AFTER["rollback"])],
    "restart": [
        Lead(schedule_of([KILLED]), None, AFTER["restart"]),
        Lead(schedule_of([KILLED, BAD_MODEL]), None, AFTER["restart"]),
    ],
    "kill": [Lead(schedule_of([KILLED]), 2.0, None)],
}


def test_faults_begin_after_each_kind_of_thing_evenly_by_kind_and_within_a_kind() -> None:
    tried: Counter[Tried] = Counter()
    for number in range(len(KNOWN) * len(MENU.kinds) * 30):
        schedule = EVERYWHERE.probed(KNOWN, tried, dice_of(1, number))
        tried.update((one.after.event, one.effect) for one in schedule.faults if one.after is not None)
    for event in ("rollback", "restart"):
        counts = [sum(tried[event, one] for one in kind) for kind in MENU.kinds.values()]
        assert max(counts) - min(counts) <= Limits().faults_max
        for kind in MENU.kinds.values():
            times = [tried[event, one] for one in kind]
            assert max(times) - min(times) <= Limits().faults_max


@given(st.integers(0, 2**31), st.integers(1, 4), st.booleans())
def test_a_fresh_schedule_begins_by_itself(seed: int, most: int, triggers: bool) -> None:
    drawn = Drawing(MENU, Limits(faults_max=most)).fresh(dice_of(seed), triggers=triggers)
    tied = [one.after is not None for one in drawn.faults]
    assert not all(tied), "who waits for what a healer does would wait for ever"
    assert triggers or not any(tied)


@given(st.integers(0, 2**31), st.integers(2, 4))
def test_what_is_probed_is_possible_and_within_the_limits(seed: int, most: int) -> None:
    drawing = Drawing(MENU, Limits(faults_max=most))
    mutated = Fault(effect=RENAMED, at_s=1.0, lasts_s=3.0)
    known = {**KNOWN, "repair": [Lead(schedule_of([mutated, KILLED]), None, AFTER["repair"])]}
    schedule = drawing.probed(known, {}, dice_of(seed))
    assert 1 <= len(schedule.faults) <= most
    assert len(schedule.faults) > 1 or schedule.faults[0].at_s != mutated.at_s
