"""How schedules are made of those that showed something: systematic at what a healer was seen to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.load import load_experiment
from harness.faults.effects import Hook, Kill, Mutate
from harness.search.drawing import Drawing, Lead, Tried, dice_of, instants_of, leads_of, tried_in
from harness.search.limits import Limits
from harness.search.menu import Menu, menu_of
from harness.search.outcome import Met, Outcome, Seen
from harness.search.schedule import After, Fault, Schedule, schedule_of
from tests.harness.search.ground import EXPERIMENT
from tests.harness.search.test_engine import toy

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


def test_an_instant_is_named_by_what_began_then_and_counted_by_its_kind() -> None:
    seen = [
        Seen(event="detected", at_s=1.0),
        Seen(event="restart", at_s=1.05),
        Seen(event="finished", at_s=2.0),
        Seen(event="detected", at_s=3.0),
        Seen(event="restart", at_s=3.0),
    ]
    assert instants_of(seen) == [
        After(event="restart"),
        After(event="finished"),
        After(event="restart", nth=2),
    ]
    assert instants_of([]) == []


def episode(schedule: Schedule, began: Sequence[float | None], *seen: Seen) -> Outcome:
    met = tuple(Met(began_s=at_s, ended_s=at_s, met=True, why="") for at_s in began)
    return msgspec.structs.replace(toy(schedule), seen=seen, met=met)


def test_what_led_to_something_is_what_had_begun_by_then() -> None:
    late = Fault(effect=Kill(service="scorer-b"), after=After(event="rollback", delay_s=1.0))
    never = Fault(effect=Kill(service="registry"), after=After(event="repair"))
    schedule = schedule_of([BAD_MODEL, KILLED, never, late])
    assert schedule.faults == (BAD_MODEL, KILLED, never, late)
    seen = (Seen(event="restart", at_s=2.5), Seen(event="rollback", at_s=4.0))
    first, both = schedule_of([BAD_MODEL]), schedule_of([BAD_MODEL, KILLED])
    assert leads_of(schedule, episode(schedule, [1.0, 2.0, None, 5.0], *seen)) == [
        ("restart", Lead(both, None, AFTER["restart"])),
        ("rollback", Lead(both, None, AFTER["rollback"])),
        ("hook", Lead(first, 1.0, None)),
        ("kill", Lead(both, 2.0, None)),
        ("kill", Lead(schedule_of([BAD_MODEL, KILLED, late]), None, late.after)),
    ]
    assert leads_of(schedule, episode(schedule, [None] * 4, *seen)) == []


def test_tried_is_what_waits_for_an_event_and_what_begins_soon_after_another_fault() -> None:
    tied = Fault(effect=Kill(service="healer"), after=AFTER["rollback"])
    schedule = schedule_of([BAD_MODEL, KILLED, tied])
    outcome = episode(schedule, [1.0, 2.0, 5.0])
    assert sorted(tried_in(schedule, outcome), key=str) == [
        ("hook", KILLED.effect),
        ("rollback", tied.effect),
    ]


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


@given(st.integers(0, 2**31), st.integers(2, 4))
def test_what_is_probed_is_possible_and_within_the_limits(seed: int, most: int) -> None:
    drawing = Drawing(MENU, Limits(faults_max=most))
    mutated = Fault(effect=RENAMED, at_s=1.0, lasts_s=3.0)
    known = {**KNOWN, "repair": [Lead(schedule_of([mutated, KILLED]), None, AFTER["repair"])]}
    schedule = drawing.probed(known, {}, dice_of(seed))
    assert 1 <= len(schedule.faults) <= most
    assert len(schedule.faults) > 1 or schedule.faults[0].at_s != mutated.at_s
