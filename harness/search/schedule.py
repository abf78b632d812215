"""A schedule: faults as plain data, each at an instant or relative to what a healer does.

Comes in: effects with their times. Goes out: canonical JSON, equal schedules equal bytes. Nothing
in it names a target, so it can be stored, compared, and played wherever its effects can be done.

    >>> one = Fault(effect=Kill(service="registry"), after=After(event="rollback", delay_s=0.4))
    >>> encode(schedule_of([one]))
    b'{"version":1,"faults":[{"effect":{"type":"kill","service":"registry"},"after":{"event":"rollback","delay_s":0.4}}]}'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from harness.errors import Refused
from harness.faults.effects import Effect, Kill, Mutate, WorldEffect, lasts_s

Event = Literal[
    "detected", "diagnosed", "decided", "restart", "rollback", "retrain", "repair", "finished", "verified"
]
"""What a healer does, named coarsely: a name for each service would hardly ever be met again."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
STEP_S = 0.05
"""Times are multiples of this, so that equal schedules are equal bytes."""


class After(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``delay_s`` after the ``nth`` such event of the episode is seen."""

    event: Event
    nth: Annotated[int, msgspec.Meta(ge=1)] = 1
    delay_s: Seconds = 0.0


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One effect, from ``at_s`` (seconds after the warm-up) or ``after`` an event, undone ``lasts_s`` later.

    A kill lasts no time: whoever restarts what has died does so at once. The effect says no length itself.
    """

    effect: Effect
    at_s: Seconds | None = None
    after: After | None = None
    lasts_s: Seconds = 0.0

    def __post_init__(self) -> None:
        if (self.at_s is None) == (self.after is None):
            raise ValueError("a fault begins either at_s or after an event; write one of the two")
        if lasts_s(self.effect) is not None:
            raise ValueError("leave duration_s out of the effect; write lasts_s beside it")
        if isinstance(self.effect, Kill) != (self.lasts_s == 0):
            raise ValueError("a kill has no lasts_s, every other effect has one above 0")
        if isinstance(self.effect, WorldEffect) and not isinstance(self.effect, Mutate):
            raise ValueError("of faults in what the world sends a schedule can hold mutations alone")


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults in canonical order; make one with :func:`schedule_of`."""

    version: Literal[1] = 1
    faults: tuple[Fault, ...]

    def __post_init__(self) -> None:
        if sum(isinstance(fault.effect, Mutate) for fault in self.faults) > 1:
            raise ValueError("two mutations in one schedule: a record can be changed once")


def schedule_of(faults: Iterable[Fault]) -> Schedule:
    """Put faults into canonical order, their times on whole steps; the same fault twice is once."""
    rounded = {_ENCODE(one): one for one in map(_rounded, faults)}
    return Schedule(faults=tuple(sorted(rounded.values(), key=_order)))


def encode(schedule: Schedule) -> bytes:
    """Write it as canonical JSON."""
    return _ENCODE(schedule)


def decode(data: bytes) -> Schedule:
    """Read one; ``Refused`` says what is wrong and where."""
    try:
        return schedule_of(msgspec.json.decode(data, type=Schedule).faults)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"this is no schedule: {error}; docs/search.md shows one") from error


def step(seconds: float) -> float:
    """Give the nearest multiple of ``STEP_S``, from 0.

    >>> step(1.23), step(-4.0)
    (1.25, 0.0)
    """
    return max(0.0, round(round(seconds / STEP_S) * STEP_S, 2))


def _rounded(fault: Fault) -> Fault:
    after = fault.after
    if after is not None:
        after = msgspec.structs.replace(after, delay_s=step(after.delay_s))
    return msgspec.structs.replace(
        fault,
        at_s=None if fault.at_s is None else step(fault.at_s),
        after=after,
        lasts_s=max(STEP_S, step(fault.lasts_s)) if fault.lasts_s else 0.0,
    )


def _order(fault: Fault) -> tuple[bool, float, bytes]:
    return fault.at_s is None, fault.at_s or 0.0, _ENCODE(fault)


_ENCODE = msgspec.json.Encoder(order="deterministic").encode
