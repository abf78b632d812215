"""How a schedule is made simpler: fewer faults, milder, at instants, shorter, earlier.

Comes in: a failing schedule, and when each of its faults began. Goes out: schedules to try, and the key by
which one is simpler than another. A trigger whose event belonged to a fault that is left out would never fire
again, so it may become the instant at which it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from harness.faults.effects import Kill
from harness.search.menu import Menu
from harness.search.outcome import Outcome, Signature
from harness.search.schedule import STEP_S, Fault, Schedule, schedule_of, step
from harness.search.shrink import BUDGET, Shrunk, shrink, without

Began = tuple[float | None, ...]
"""When each fault of a schedule began, seconds after the warm-up; None: it never did."""
_ROUND_S = (0.25, 0.5, 1.0, 5.0)


def shrink_schedule(
    schedule: Schedule,
    signature: Signature,
    play: Callable[[Schedule], Outcome],
    menu: Menu,
    *,
    budget: int = BUDGET,
) -> Shrunk[Schedule]:
    """Shrink what failed by ``signature``; nothing else that breaks counts."""

    def fails(candidate: Schedule) -> Began | None:
        outcome = play(candidate)
        if signature not in outcome.signatures():
            return None
        return tuple(one.began_s for one in outcome.met)

    moves = Moves(menu)
    return shrink(schedule, fails, moves.simpler, key=moves.key, budget=budget)


@dataclass(frozen=True, slots=True)
class Moves:
    """Ways to make a schedule simpler, by what the ``menu`` calls milder."""

    menu: Menu

    def key(self, schedule: Schedule) -> tuple[float, ...]:
        """Order schedules: faults, kinds, magnitudes, triggers, durations, times; none below 0."""
        faults = schedule.faults
        ranks = [self.menu.rank(one.effect) for one in faults]
        times = [one.after.delay_s if one.after else one.at_s or 0.0 for one in faults]
        return (
            len(faults),
            sum(kind for kind, _ in ranks),
            sum(place for _, place in ranks),
            sum(one.after.nth for one in faults if one.after is not None),
            _steps(one.lasts_s for one in faults),
            _steps(times),
        )

    def simpler(self, schedule: Schedule, began: Began) -> Iterator[Schedule]:
        """Give candidates, the boldest first."""
        faults = schedule.faults
        kept = list(zip(faults, began, strict=True))
        for part in without(kept):
            yield schedule_of(one for one, _ in part)
            yield schedule_of(_pinned(one, at_s) for one, at_s in part)
        for number, one in enumerate(faults):
            for other in self._alone(one, began[number]):
                yield _put(faults, number, other)

    def _alone(self, fault: Fault, began_s: float | None) -> Iterator[Fault]:
        for effect in self.menu.milder(fault.effect):
            lasts_s = 0.0 if isinstance(effect, Kill) else fault.lasts_s or STEP_S
            yield msgspec.structs.replace(fault, effect=effect, lasts_s=lasts_s)
        yield _pinned(fault, began_s)
        if fault.after is not None and fault.after.nth > 1:
            yield msgspec.structs.replace(fault, after=msgspec.structs.replace(fault.after, nth=1))
        for lasts_s in _smaller(fault.lasts_s):
            if lasts_s:
                yield msgspec.structs.replace(fault, lasts_s=lasts_s)
        after = fault.after
        if after is not None:
            for delay_s in _smaller(after.delay_s):
                yield msgspec.structs.replace(fault, after=msgspec.structs.replace(after, delay_s=delay_s))
        else:
            for at_s in _smaller(fault.at_s or 0.0):
                yield msgspec.structs.replace(fault, at_s=at_s)


def _pinned(fault: Fault, began_s: float | None) -> Fault:
    if fault.after is None or began_s is None:
        return fault
    return msgspec.structs.replace(fault, at_s=max(0.0, began_s), after=None)


def _put(faults: Sequence[Fault], number: int, other: Fault) -> Schedule:
    return schedule_of((*faults[:number], other, *faults[number + 1 :]))


def _smaller(value: float) -> Iterator[float]:
    """Shorter or rounder values: 0, half, the next round one below, a little less."""
    yield 0.0
    yield step(value / 2)
    for unit in reversed(_ROUND_S):
        yield step(value // unit * unit)
    yield step(value - _ROUND_S[0])


def _steps(values: Iterable[float]) -> int:
    return sum(round(value / STEP_S) for value in values)
