"""What an episode leaves to those after it: what led to what, and what was tried."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.faults.effects import Hook, Kill
from harness.search.leads import Lead, instants_of, leads_of, tried_in
from harness.search.outcome import Met, Outcome, Seen
from harness.search.schedule import After, Fault, Schedule, schedule_of
from tests.harness.search.test_engine import toy

BAD_MODEL = Fault(effect=Hook(hook="model", action="constant"), at_s=1.0, lasts_s=9.0)
KILLED = Fault(effect=Kill(service="scorer-a"), at_s=2.0)


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
        ("restart", Lead(both, None, After(event="restart"))),
        ("rollback", Lead(both, None, After(event="rollback"))),
        ("hook", Lead(first, 1.0, None)),
        ("kill", Lead(both, 2.0, None)),
        ("kill", Lead(schedule_of([BAD_MODEL, KILLED, late]), None, late.after)),
    ]
    assert leads_of(schedule, episode(schedule, [None] * 4, *seen)) == []


def test_tried_is_what_waits_for_an_event_and_what_begins_soon_after_another_fault() -> None:
    tied = Fault(effect=Kill(service="healer"), after=After(event="rollback"))
    schedule = schedule_of([BAD_MODEL, KILLED, tied])
    outcome = episode(schedule, [1.0, 2.0, 5.0])
    assert sorted(tried_in(schedule, outcome), key=str) == [
        ("hook", KILLED.effect),
        ("rollback", tied.effect),
    ]
