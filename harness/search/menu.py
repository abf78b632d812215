"""What a schedule can be made of on one system: every effect that can be done to it, by kind, mildest first.

Comes in: a system, an arm, what its records allow. Goes out: lists of effects. The users' own edges are
left out: nobody inside can see what happens there, and nobody has to heal it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from harness.experiment.model import Arm, System
from harness.faults.effects import (
    Body,
    Cut,
    Delay,
    Effect,
    Hook,
    Kill,
    Mutate,
    Pause,
    Refuse,
    Way,
    WrongBody,
    place,
)

LATENCIES_MS = (100.0, 400.0, 2000.0)
HARMLESS = frozenset({"better_model"})
"""Actions of hooks that are placebos."""
_WAYS: tuple[Way, ...] = get_args(Way)
_BODIES: tuple[Body, ...] = get_args(Body)
_NUMBERS: Mapping[str, tuple[float, float]] = {"calibration": (0.5, -1.0)}


@dataclass(frozen=True, slots=True)
class Menu:
    """Effects by kind ("kill"), in the order in which a shrinker prefers them; no kind is empty.

    ``near``: those of them that hit the healer itself, or an edge of it.
    """

    kinds: Mapping[str, tuple[Effect, ...]]
    near: Mapping[str, tuple[Effect, ...]] = field(default_factory=dict)

    def rank(self, effect: Effect) -> tuple[int, int]:
        """Where an effect stands: its kind, then itself in it; behind all where it is not listed."""
        for number, effects in enumerate(self.kinds.values()):
            if effect in effects:
                return number, effects.index(effect)
        return len(self.kinds), 0

    def milder(self, effect: Effect) -> tuple[Effect, ...]:
        """Effects on the same place that stand before ``effect``."""
        here = [one for effects in self.kinds.values() for one in effects if place(one) == place(effect)]
        return tuple(one for one in here if self.rank(one) < self.rank(effect))


def menu_of(system: System, arm: Arm, mutations: Sequence[Mutate] = ()) -> Menu:
    """List what can be done; ``mutations``: of its records (``records.mutations_of``)."""
    services = system.services_of(arm)
    edges = [name for name, ends in system.all_edges.items() if {ends.source, ends.to} <= {*services}]
    hooks = [(hook, action) for hook, program in system.hooks.items() for action in program.actions]
    kinds: dict[str, tuple[Effect, ...]] = {
        "kill": tuple(Kill(service=name) for name in services),
        "pause": tuple(Pause(service=name) for name in services),
        "refuse": tuple(Refuse(edge=name) for name in edges),
        "cut": tuple(Cut(edge=name, way=way) for way in _WAYS for name in edges),
        "delay": tuple(Delay(edge=name, latency_ms=ms) for ms in LATENCIES_MS for name in edges),
        "wrong_body": tuple(WrongBody(edge=name, body=body) for body in _BODIES for name in edges),
        "hook": tuple(_hook(hook, action) for hook, action in hooks if action not in HARMLESS),
        "mutate": tuple(mutations),
    }
    healer = system.observe.journal.partition(":")[0]
    its = {
        healer,
        *(name for name in edges if healer in (system.all_edges[name].source, system.all_edges[name].to)),
    }
    near = {kind: tuple(one for one in effects if place(one) in its) for kind, effects in kinds.items()}
    return Menu(_filled(kinds), _filled(near))


def _filled(kinds: Mapping[str, tuple[Effect, ...]]) -> dict[str, tuple[Effect, ...]]:
    return {kind: effects for kind, effects in kinds.items() if effects}


def _hook(hook: str, action: str) -> Hook:
    scale, shift = _NUMBERS.get(action, (1.0, 0.0))
    return Hook(hook=hook, action=action, scale=scale, shift=shift)
