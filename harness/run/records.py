"""Faults in the records as a target: the driver is told, and nothing but what it sent counts as proof.

Comes in: a planned episode and the line to the driver. Goes out: ``Applied`` once a touched record was
sent for certain, and a clean proof from two looks between which the count of touched records stood still.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from harness.driver.client import give_up_s
from harness.driver.spec import Span
from harness.errors import Refused, Unsafe, Untrustworthy
from harness.experiment.model import Profile
from harness.faults.effects import Effect, Mutate, Relabel, Shift, Surge, WorldEffect
from harness.plan.model import Plan
from harness.ports import Clock
from harness.run.witness import Driver, RecordsTold
from harness.targets.base import Applied, Proof, WithoutEffect

OF_THE_DRIVER = frozenset(str(kind.__struct_config__.tag) for kind in get_args(WorldEffect))
"""Tags of the effects that the driver does."""

_HEAR_EVERY_S = 0.02
_ANSWER_LIMIT_S = 5.0
_PATIENCE_MAX_S = 60.0
_TOLD_S = 0.5
_RARE = 20  # of n touched units on average, none comes with e**-n: 20 is never
# Positives are rare, and so may be what a move of the world reaches; which share only the world knows.
_RARITY = 50


def record_spans(plan: Plan) -> tuple[Span, ...]:
    """List the faults in the records of ``plan`` for the driver, which ends each of them by itself."""
    return tuple(
        Span(
            episode=episode.index,
            from_s=episode.inject_at_s,
            until_s=ends_at_s(episode.effect, episode.inject_at_s, episode.undo_at_s),
            effect=episode.effect,
        )
        for episode in plan.episodes
        if isinstance(episode.effect, WorldEffect)
    )


def ends_at_s(effect: WorldEffect, inject_at_s: float, undo_at_s: float) -> float:
    """Give the offset (s) at which the driver ends ``effect``: it counts from the plan's instant.

    >>> ends_at_s(Surge(duration_s=3.0), 5.0, 20.0), ends_at_s(Surge(), 5.0, 20.0)
    (8.0, 20.0)
    """
    return undo_at_s if effect.duration_s is None else min(undo_at_s, inject_at_s + effect.duration_s)


def touched_every_s(effect: WorldEffect, profile: Profile) -> float:
    """Mean seconds between two parcels that ``effect`` touches; infinity where it touches none.

    >>> touched_every_s(Mutate(mutation="drop", field="age", share_ratio=0.1), Profile(rate_hz=50.0))
    0.2
    >>> touched_every_s(Surge(factor=3.0), Profile(load_every_s=1.0))
    0.5
    """
    if isinstance(effect, Surge):
        return profile.load_every_s / (effect.factor - 1) if effect.factor > 1 else float("inf")
    if isinstance(effect, Shift):
        return _RARITY / profile.rate_hz
    if isinstance(effect, Relabel):
        # Positives of one part are rarer than either.
        rarity = _RARITY * (_RARITY if effect.field and effect.only == 1 else 1)
        return rarity / (profile.rate_hz * effect.share_ratio)
    if effect.mutation == "truncate":
        return profile.load_every_s
    if not effect.share_ratio > 0:
        return float("inf")
    rarity = _RARITY if effect.mutation == "null_by_label" or effect.slice_field else 1
    return rarity / (profile.rate_hz * effect.share_ratio)


def first_within_s(effect: WorldEffect, profile: Profile) -> float:
    """Seconds within which the first touched parcel was sent for certain, whatever the dice.

    Along a ramp of length r the share grows evenly, and n parcels take sqrt(2 r w) s in place of w.

    >>> first_within_s(Mutate(mutation="drop", field="age"), Profile(rate_hz=50.0))
    0.4
    >>> first_within_s(Mutate(mutation="sentinel", field="age", ramp_s=20.0), Profile(rate_hz=50.0))
    4.0
    """
    wait_s = _RARE * touched_every_s(effect, profile)
    ramp_s = effect.ramp_s if isinstance(effect, Mutate) else 0.0
    return wait_s + ramp_s / 2 if 2 * wait_s > ramp_s else math.sqrt(2 * ramp_s * wait_s)


def _proof(effect: WorldEffect, first: RecordsTold) -> str:
    """Say what is certain of the first touched record: it went out, or its batch did without it."""
    if isinstance(effect, Mutate) and effect.mutation == "truncate":
        return f"first withheld record {first.first}, the rest of its batch sent at {first.at_s:.3f}"
    return f"in force from record {first.first}, sent at {first.at_s:.3f}"


@dataclass(frozen=True, slots=True)
class Line:
    """The line to the driver; ``hear`` hears what is new and gives all that was told of records so far."""

    witness: Driver
    hear: Callable[[], Sequence[RecordsTold]]
    clock: Clock


class RecordsTarget:
    """One episode's fault in the records. Orders may be given again: they say what shall be, not a step."""

    def __init__(self, line: Line, episode: int, profile: Profile) -> None:
        self._line = line
        self._episode = episode
        self._profile = profile

    def abilities(self) -> frozenset[str]:
        """Tags of the effects that the driver does."""
        return OF_THE_DRIVER

    def apply(self, effect: Effect, /) -> Applied:
        """Order it on and wait until the first touched record was sent; ``WithoutEffect`` if none is in time.

        The wait is bounded by 20 times the mean distance of touched parcels, and the driver's patience for an
        answer: what was handed over is told when its answer came or was given up.
        """
        if not isinstance(effect, WorldEffect):
            raise Refused(f"the driver cannot do {type(effect).__name__} to records")
        asked_at_s = self._line.clock.now_s()
        patience_s = self._patience_s(effect)
        heard = len(self._line.hear())
        self._line.witness.order_on(self._episode)
        try:
            first = self._await("first", heard, patience_s)
        except BaseException:
            with contextlib.suppress(Untrustworthy):  # a driver that has ended needs no order
                self._line.witness.order_off(self._episode)
            raise
        if first is None:
            last = self._ask(self._line.witness.order_off, "off")
            touched = "no answer of the driver" if last is None else f"{last.touched} records touched"
            raise WithoutEffect(f"{touched}, none sent for certain within {patience_s:.1f} s")
        return Applied(
            effect=effect,
            pid=self._line.witness.pid,
            start_ticks=0,
            boot_id="",
            asked_at_s=asked_at_s,
            effective_at_s=first.at_s,
            proof=(_proof(effect, first),),
        )

    def undo(self, applied: Applied, /) -> bool:
        """Order it off; True if it was on. A driver that does not answer is ended: that ends it too."""
        del applied  # an episode has one fault in the records, and off means off
        if self._line.witness.has_ended():
            return False
        before = self._ask(self._line.witness.order_look, "look")
        self._ask(self._line.witness.order_off, "off")
        return before is None or before.on

    def is_clean(self, applied: Applied, /) -> Proof:
        """Look twice, as far apart as a touched record would hardly take; ``Unsafe`` if one was sent."""
        look = self._line.witness.order_look
        first = self._ask(look, "look")
        self._line.clock.sleep_until(self._line.clock.now_s() + self._apart_s(applied.effect))
        second = self._ask(look, "look")
        if first is None or second is None:
            return ("the driver has ended: nothing is sent any more",)
        if second.on or second.touched != first.touched:
            raise Unsafe(f"records are still touched: {first.touched}, then {second.touched}, on={second.on}")
        apart_s = second.at_s - first.at_s
        return (f"off, and {second.touched} records touched at two looks {apart_s:.2f} s apart",)

    def _ask(self, order: Callable[[int], None], why: str) -> RecordsTold | None:
        """Give an order and its answer; None once the driver has ended, which one that is mute must."""
        witness = self._line.witness
        try:
            heard = len(self._line.hear())
            order(self._episode)
            answer = self._await(why, heard, _ANSWER_LIMIT_S)
        except Untrustworthy:
            if not witness.has_ended():
                raise
            return None
        if answer is None and not witness.has_ended():
            witness.kill()
        return answer

    def _await(self, why: str, heard: int, limit_s: float) -> RecordsTold | None:
        """Wait for a word on this episode behind the first ``heard``; None when it does not come."""
        give_up_s = self._line.clock.now_s() + limit_s
        while True:
            over = self._line.witness.has_ended() or self._line.clock.now_s() > give_up_s
            for told in self._line.hear()[heard:]:
                if told.episode == self._episode and told.why == why:
                    return told
            if over:
                return None
            self._line.clock.sleep_until(self._line.clock.now_s() + _HEAR_EVERY_S)

    def _patience_s(self, effect: WorldEffect) -> float:
        lag_s = (
            effect.lag_s if isinstance(effect, Mutate) and effect.mutation in ("duplicate", "late") else 0.0
        )
        answer_s = give_up_s(self._profile.deadline_s) + _TOLD_S
        return min(_PATIENCE_MAX_S, lag_s + first_within_s(effect, self._profile) + answer_s)

    def _apart_s(self, effect: Effect) -> float:
        if not isinstance(effect, WorldEffect):
            return 0.0
        return min(0.5, 5 * touched_every_s(effect, self._profile))
