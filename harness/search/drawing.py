"""New schedules: drawn afresh, or made of one that showed something new.

Comes in: a menu, limits, dice. Goes out: schedules. A fault may be tied to what the healer was seen to do,
since rare failures live in windows that the healer opens.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from harness.faults.effects import Effect, Kill, Mutate
from harness.search.limits import Limits
from harness.search.menu import Menu
from harness.search.outcome import Seen
from harness.search.schedule import STEP_S, After, Event, Fault, Schedule, schedule_of

EVENTS: tuple[Event, ...] = ("detected", "restart", "rollback", "repair", "finished", "verified")
"""What a fresh fault may wait for; what is rarer is found by snapping to what was seen."""
DELAY_MAX_S = 2.0
JITTER_S = 2.0
TRIGGERED_RATIO = 0.5
_LASTS_MIN_S = 0.5
_NTH_MAX = 2
_CHANGES_MAX = 3

Dice = np.random.Generator
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Parent:
    """A schedule that showed something new, and what the healer was seen to do in it."""

    schedule: Schedule
    seen: tuple[Seen, ...]


def dice_of(seed: int, *name: str | int) -> Dice:
    """Dice of their own for each name: who throws them more often shifts nobody else's."""
    words = hashlib.blake2b("/".join(map(str, name)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64([seed, int.from_bytes(words, "little")]))


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws from ``menu`` within ``limits``."""

    menu: Menu
    limits: Limits

    def fresh(self, dice: Dice, *, triggers: bool) -> Schedule:
        """Draw one to ``faults_max`` faults; without ``triggers`` all at instants."""
        count = 1 + int(dice.integers(self.limits.faults_max))
        return _possible([self._fault(dice, triggers=triggers) for _ in range(count)])

    def changed(self, parent: Parent, dice: Dice) -> Schedule:
        """Change a schedule in one to three ways."""
        faults = list(parent.schedule.faults)
        for _ in range(1 + int(dice.integers(_CHANGES_MAX))):
            names = [name for name, (least, _) in _WAYS.items() if len(faults) >= least]
            _, way = _WAYS[_pick(names, dice)]
            faults = list(_possible(way(self, faults, parent, dice)).faults)
        return _possible(faults[: self.limits.faults_max])

    def _fault(self, dice: Dice, *, triggers: bool) -> Fault:
        effect = self._effect(dice)
        lasts_s = self._lasts_s(effect, dice)
        if triggers and dice.random() < TRIGGERED_RATIO:
            nth = 1 + int(dice.integers(_NTH_MAX))
            after = After(event=_pick(EVENTS, dice), nth=nth, delay_s=dice.uniform(0, DELAY_MAX_S))
            return Fault(effect=effect, after=after, lasts_s=lasts_s)
        return Fault(effect=effect, at_s=dice.uniform(0, self.limits.span_s), lasts_s=lasts_s)

    def _effect(self, dice: Dice, kinds: Sequence[str] = ()) -> Effect:
        return _pick(self.menu.kinds[_pick(kinds or tuple(self.menu.kinds), dice)], dice)

    def _lasts_s(self, effect: Effect, dice: Dice) -> float:
        """Short ones as often as long ones: even in the logarithm."""
        low, high = math.log(_LASTS_MIN_S), math.log(self.limits.lasts_max_s)
        drawn_s = math.exp(dice.uniform(low, high))
        return 0.0 if isinstance(effect, Kill) else drawn_s

    # ways to change: faults, parent, dice -> faults

    def _add(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        return [*faults, self._fault(dice, triggers=True)]

    def _drop(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        del faults[int(dice.integers(len(faults)))]
        return faults

    def _jitter(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        place = int(dice.integers(len(faults)))
        one = faults[place]
        lasts_s = max(STEP_S, one.lasts_s * math.exp(dice.normal(0, 0.5))) if one.lasts_s else 0.0
        lasts_s = min(self.limits.lasts_max_s, lasts_s)
        by_s = dice.normal(0, JITTER_S)
        if one.after is not None:
            delay_s = max(0.0, one.after.delay_s + by_s / 4)
            after = msgspec.structs.replace(one.after, delay_s=delay_s)
            faults[place] = msgspec.structs.replace(one, after=after, lasts_s=lasts_s)
        else:
            at_s = max(0.0, (one.at_s or 0.0) + by_s)
            faults[place] = msgspec.structs.replace(one, at_s=at_s, lasts_s=lasts_s)
        return faults

    def _retarget(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        place = int(dice.integers(len(faults)))
        kind = str(faults[place].effect.__struct_config__.tag)
        return self._with_effect(
            faults, place, self._effect(dice, (kind,) if kind in self.menu.kinds else ()), dice
        )

    def _rekind(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        return self._with_effect(faults, int(dice.integers(len(faults))), self._effect(dice), dice)

    def _with_effect(self, faults: list[Fault], place: int, effect: Effect, dice: Dice) -> list[Fault]:
        one = faults[place]
        lasts_s = 0.0 if isinstance(effect, Kill) else one.lasts_s or self._lasts_s(effect, dice)
        faults[place] = msgspec.structs.replace(one, effect=effect, lasts_s=lasts_s)
        return faults

    def _snap(self, faults: list[Fault], parent: Parent, dice: Dice) -> list[Fault]:
        """Tie a fault to something that the healer was seen to do."""
        if not parent.seen:
            return faults
        place, index = int(dice.integers(len(faults))), int(dice.integers(len(parent.seen)))
        event = parent.seen[index].event
        nth = sum(one.event == event for one in parent.seen[: index + 1])
        after = After(event=event, nth=nth, delay_s=dice.uniform(0, DELAY_MAX_S))
        faults[place] = msgspec.structs.replace(faults[place], at_s=None, after=after)
        return faults

    def _overlap(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        """Let one fault begin while another lasts."""
        one, other = (int(place) for place in dice.choice(len(faults), size=2, replace=False))
        model = faults[other]
        by_s = dice.uniform(0, max(_LASTS_MIN_S, model.lasts_s))
        if model.after is not None:
            after = msgspec.structs.replace(model.after, delay_s=model.after.delay_s + by_s)
            faults[one] = msgspec.structs.replace(faults[one], at_s=None, after=after)
        else:
            faults[one] = msgspec.structs.replace(faults[one], at_s=(model.at_s or 0.0) + by_s, after=None)
        return faults


_Way = Callable[[Drawing, list[Fault], Parent, Dice], list[Fault]]
_WAYS: Mapping[str, tuple[int, _Way]] = {
    "add": (0, Drawing._add),
    "drop": (2, Drawing._drop),
    "jitter": (1, Drawing._jitter),
    "retarget": (1, Drawing._retarget),
    "rekind": (1, Drawing._rekind),
    "snap": (1, Drawing._snap),
    "overlap": (2, Drawing._overlap),
}
"""Each with the number of faults that it needs at least."""


def _pick(things: Sequence[_Thing], dice: Dice) -> _Thing:
    return things[int(dice.integers(len(things)))]


def _possible(faults: Sequence[Fault]) -> Schedule:
    """Leave out mutations behind the first: a record can be changed once."""
    kept: list[Fault] = []
    for one in faults:
        if not (isinstance(one.effect, Mutate) and any(isinstance(k.effect, Mutate) for k in kept)):
            kept.append(one)
    return schedule_of(kept)
