"""What an episode tells the ones after it: which faults had begun before what, and what began soon after.

Comes in: a schedule, what came of it. Goes out: leads by the name of what happened, and what was tried. A
name is an event of the healer ("rollback"), or the kind of a fault that began ("pause").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.faults.effects import Effect
from harness.search.outcome import Outcome, Seen
from harness.search.schedule import After, Event, Schedule, schedule_of

BEGUN: frozenset[Event] = frozenset({"restart", "rollback", "retrain", "repair"})
DELAY_MAX_S = 2.0
"""So long after something is soon after it."""
SAME_S = 0.1
"""Events closer than this are one instant: what is told of it is one act."""

Tried = tuple[str, Effect]


@dataclass(frozen=True, slots=True)
class Lead:
    """What had begun by an instant, and how to name the instant: ``at_s``, or ``after`` an event."""

    schedule: Schedule
    at_s: float | None
    after: After | None


Known = Mapping[str, Sequence[Lead]]
"""By the name of what happened: an event, or a kind of fault."""


def instants_of(seen: Sequence[Seen]) -> list[After]:
    """All instants at which the healer was seen to do something, each by the name of what it began then.

    >>> instants_of([Seen(event="detected", at_s=1.0), Seen(event="restart", at_s=1.0)])
    [After(event='restart', nth=1, delay_s=0.0)]
    """
    return [after for _, after in _timed(seen)]


def _timed(seen: Sequence[Seen]) -> list[tuple[float, After]]:
    """Each instant with when it was."""
    instants: list[list[int]] = []
    for place, one in enumerate(seen):
        if not instants or one.at_s - seen[instants[-1][0]].at_s > SAME_S:
            instants.append([])
        instants[-1].append(place)
    timed: list[tuple[float, After]] = []
    for then in instants:
        place = next((n for n in then if seen[n].event in BEGUN), then[0])
        event = seen[place].event
        nth = sum(one.event == event for one in seen[: place + 1])
        timed.append((seen[place].at_s, After(event=event, nth=nth)))
    return timed


def leads_of(schedule: Schedule, outcome: Outcome) -> list[tuple[str, Lead]]:
    """What had begun before each thing that the healer did, and before each fault; by name.

    What came later had no part in it, and room is scarce.
    """
    began = [
        (one.began_s, fault)
        for one, fault in zip(outcome.met, schedule.faults, strict=True)
        if one.began_s is not None
    ]
    things: list[tuple[float, str, float | None, After | None]] = [
        (at_s, after.event, None, after) for at_s, after in _timed(outcome.seen)
    ]
    things += [(at_s, kind_of(fault.effect), fault.at_s, fault.after) for at_s, fault in began]
    found: list[tuple[str, Lead]] = []
    for at_s, name, begins_s, after in things:
        before = [fault for begun_s, fault in began if begun_s <= at_s]
        if before:
            found.append((name, Lead(schedule_of(before), begins_s, after)))
    return found


def tried_in(schedule: Schedule, outcome: Outcome) -> Iterator[Tried]:
    """What was tied to what: to an event, or by beginning soon after another fault."""
    for one, met in zip(schedule.faults, outcome.met, strict=True):
        if one.after is not None:
            yield one.after.event, one.effect
        for other, there in zip(schedule.faults, outcome.met, strict=True):
            if one is not other and _is_soon_after(met.began_s, there.began_s):
                yield kind_of(other.effect), one.effect


def _is_soon_after(at_s: float | None, other_s: float | None) -> bool:
    return at_s is not None and other_s is not None and 0 <= at_s - other_s <= DELAY_MAX_S


def kind_of(effect: Effect) -> str:
    """The name of its kind in a menu: "kill"."""
    return str(effect.__struct_config__.tag)
