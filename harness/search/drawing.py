"""New schedules: drawn afresh, or made of one that showed something new.

Comes in: a menu, limits, what came of earlier schedules, dice. Goes out: schedules. Rare failures live in
windows that the healer opens, or that one fault opens for another. So most changes let a fault begin soon
after something that was seen; and what a healer needs then is its own process and its own edges.
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
from harness.search.leads import DELAY_MAX_S, Known, Lead, Tried, instants_of, kind_of
from harness.search.limits import Limits
from harness.search.menu import Menu
from harness.search.outcome import Seen
from harness.search.schedule import STEP_S, After, Event, Fault, Schedule, schedule_of

EVENTS: tuple[Event, ...] = ("detected", "restart", "rollback", "repair", "finished", "verified")
"""What a fresh fault may wait for; what is rarer is found by snapping to what was seen."""
JITTER_S = 2.0
TRIGGERED_RATIO = 0.5
NEAR_RATIO, NEAREST_RATIO = 0.5, 0.7
"""Share of what is tied that hits the healer or an edge of it: by chance, and where it is systematic."""
OVERLAP_RATIO = 0.5
"""Share of what is systematic that begins soon after another fault, not after what the healer did."""
LONGEST_RATIO = 0.25
"""Share of what is systematic that lasts as long as may be: what nobody answers shows only where it stays."""
LASTS_MIN_S = 0.5
NTH_MAX = 2
_CHANGES_MAX, _TAKEN = 3, 3
_MUTATIONS = "mutate"

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
        """Draw one to ``faults_max`` faults; without ``triggers`` all at instants, else one at least.

        Where all wait for what a healer does, it has nothing to do.
        """
        count = 1 + int(dice.integers(self.limits.faults_max))
        drawn = _possible([self._fault(dice, triggers=triggers) for _ in range(count)])
        if any(one.after is None for one in drawn.faults):
            return drawn
        first, *others = drawn.faults
        at_s = dice.uniform(0, self.limits.span_s)
        return schedule_of([msgspec.structs.replace(first, at_s=at_s, after=None), *others])

    def changed(self, parent: Parent, dice: Dice) -> Schedule:
        """Change a schedule in one to three ways."""
        faults = list(parent.schedule.faults)
        for _ in range(1 + int(dice.integers(_CHANGES_MAX))):
            ways = [way for way, least, weight in _WAYS for _ in range(weight) if len(faults) >= least]
            before = list(faults)
            faults = list(_possible(_pick(ways, dice)(self, faults, parent, dice)).faults)
            if len(faults) > self.limits.faults_max:
                faults.remove(_pick([one for one in faults if one in before], dice))
        return _possible(faults)

    def _fault(self, dice: Dice, *, triggers: bool) -> Fault:
        effect = self._effect(dice)
        lasts_s = self._lasts_s(effect, dice)
        if triggers and dice.random() < TRIGGERED_RATIO:
            nth = 1 + int(dice.integers(NTH_MAX))
            after = After(event=_pick(EVENTS, dice), nth=nth, delay_s=_delay_s(dice))
            return Fault(effect=effect, after=after, lasts_s=lasts_s)
        return Fault(effect=effect, at_s=dice.uniform(0, self.limits.span_s), lasts_s=lasts_s)

    def _effect(self, dice: Dice, *, near: bool = False) -> Effect:
        kinds = self.menu.near if near and self.menu.near else self.menu.kinds
        return _pick(kinds[_pick(tuple(kinds), dice)], dice)

    def _lasts_s(self, effect: Effect, dice: Dice) -> float:
        """Short ones as often as long ones: even in the logarithm."""
        low, high = math.log(LASTS_MIN_S), math.log(self.limits.lasts_max_s)
        drawn_s = math.exp(dice.uniform(low, high))
        return 0.0 if isinstance(effect, Kill) else drawn_s

    def probed(self, known: Known, tried: Mapping[Tried, int], dice: Dice) -> Schedule:
        """Let begin, soon after something of one name, what began least then; one fault or more, as room is.

        Chance does some of it ten times before others once, and what opens with a rare act hardly ever. Two
        faults at once are no loss: who shrinks a failure leaves out what it does not need.
        """
        by_fault = dice.random() < OVERLAP_RATIO
        names = [name for name in known if (name in self.menu.kinds) == by_fault]
        name = _pick(names or tuple(known), dice)
        lead = min((_pick(known[name], dice) for _ in range(_TAKEN)), key=_length)
        faults = list(lead.schedule.faults)
        if len(faults) >= self.limits.faults_max:
            del faults[int(dice.integers(len(faults)))]
        kinds = self.menu.near if self.menu.near and dice.random() < NEAREST_RATIO else self.menu.kinds
        for _ in range(1 + int(dice.integers(self.limits.faults_max - len(faults)))):
            effect = _next(kinds, faults, lambda one: tried.get((name, one), 0), dice)
            at_s, after = _soon_after(lead, dice)
            is_long = dice.random() < LONGEST_RATIO and not isinstance(effect, Kill)
            lasts_s = self.limits.lasts_max_s if is_long else self._lasts_s(effect, dice)
            faults.append(Fault(effect=effect, at_s=at_s, after=after, lasts_s=lasts_s))
        return _possible(faults)

    # ways to change: faults, parent, dice -> faults

    def _tie(self, faults: list[Fault], parent: Parent, dice: Dice) -> list[Fault]:
        """Add a fault at what the healer was seen to do."""
        if not parent.seen:
            return self._add(faults, parent, dice)
        effect = self._effect(dice, near=dice.random() < NEAR_RATIO)
        return [*faults, Fault(effect=effect, after=_seen(parent, dice), lasts_s=self._lasts_s(effect, dice))]

    def _again(self, faults: list[Fault], parent: Parent, dice: Dice) -> list[Fault]:
        """Do the same once more, when the healer has done something about it."""
        if not parent.seen:
            return self._jitter(faults, parent, dice)
        return [*faults, _put(_pick(faults, dice), after=_seen(parent, dice))]

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
        others = self.menu.kinds.get(kind_of(faults[place].effect), (faults[place].effect,))
        return self._with_effect(faults, place, _pick(others, dice), dice)

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
        place = int(dice.integers(len(faults)))
        faults[place] = _put(faults[place], after=_seen(parent, dice))
        return faults

    def _overlap(self, faults: list[Fault], _: Parent, dice: Dice) -> list[Fault]:
        """Let one fault begin while another lasts."""
        one, other = (int(place) for place in dice.choice(len(faults), size=2, replace=False))
        model = faults[other]
        by_s = dice.uniform(0, max(LASTS_MIN_S, model.lasts_s))
        if model.after is not None:
            after = msgspec.structs.replace(model.after, delay_s=model.after.delay_s + by_s)
            faults[one] = msgspec.structs.replace(faults[one], at_s=None, after=after)
        else:
            faults[one] = msgspec.structs.replace(faults[one], at_s=(model.at_s or 0.0) + by_s, after=None)
        return faults


_Way = Callable[[Drawing, list[Fault], Parent, Dice], list[Fault]]
_WAYS: tuple[tuple[_Way, int, int], ...] = (
    (Drawing._tie, 0, 4),
    (Drawing._again, 1, 1),
    (Drawing._add, 0, 1),
    (Drawing._drop, 2, 1),
    (Drawing._jitter, 1, 1),
    (Drawing._retarget, 1, 1),
    (Drawing._rekind, 1, 1),
    (Drawing._snap, 1, 1),
    (Drawing._overlap, 2, 1),
)
"""Each with the number of faults that it needs at least, and how often it is taken beside the others."""


def _next(
    kinds: Mapping[str, Sequence[Effect]],
    faults: Sequence[Fault],
    count: Callable[[Effect], int],
    dice: Dice,
) -> Effect:
    """What has the lowest count: first the kind of fault, then the fault."""
    is_full = any(isinstance(one.effect, Mutate) for one in faults)
    possible = [effects for kind, effects in kinds.items() if not (is_full and kind == _MUTATIONS)]
    return _least(_least(possible, lambda kind: sum(map(count, kind)), dice), count, dice)


def _delay_s(dice: Dice) -> float:
    """Rather soon after an event than late: a window opens with it."""
    return DELAY_MAX_S * float(dice.random()) ** 2


def _soon_after(lead: Lead, dice: Dice) -> tuple[float | None, After | None]:
    """When something soon after it begins."""
    by_s = _delay_s(dice)
    if lead.after is None:
        return (lead.at_s or 0.0) + by_s, None
    return None, msgspec.structs.replace(lead.after, delay_s=lead.after.delay_s + by_s)


def _seen(parent: Parent, dice: Dice) -> After:
    """Take an instant at which the healer was seen to do something."""
    return msgspec.structs.replace(_pick(instants_of(parent.seen), dice), delay_s=_delay_s(dice))


def _least(things: Sequence[_Thing], count: Callable[[_Thing], int], dice: Dice) -> _Thing:
    """One of those with the lowest count."""
    counts = [count(one) for one in things]
    return _pick([one for one, k in zip(things, counts, strict=True) if k == min(counts)], dice)


def _put(fault: Fault, *, after: After) -> Fault:
    return msgspec.structs.replace(fault, at_s=None, after=after)


def _length(lead: Lead) -> int:
    return len(lead.schedule.faults)


def _pick(things: Sequence[_Thing], dice: Dice) -> _Thing:
    return things[int(dice.integers(len(things)))]


def _possible(faults: Sequence[Fault]) -> Schedule:
    """Leave out mutations behind the first: a record can be changed once."""
    kept: list[Fault] = []
    for one in faults:
        if not (isinstance(one.effect, Mutate) and any(isinstance(k.effect, Mutate) for k in kept)):
            kept.append(one)
    return schedule_of(kept)
