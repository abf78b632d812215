"""A target that hits processes, edges and hooks of one system: which of its parts does what.

Comes in: an ``Effect``. Goes out: ``Applied``. What the world sends (records, load) is not the target's: the
driver changes it.
"""

from __future__ import annotations

from typing import Protocol

from harness.errors import Refused
from harness.experiment.model import System
from harness.faults.effects import (
    Effect,
    Hook,
    Kill,
    Mutate,
    Pause,
    ProcessEffect,
    Relabel,
    Shift,
    Surge,
    WorldEffect,
)
from harness.targets.base import Applied, Prepared, Proof
from harness.targets.local.edges import EdgeHarm
from harness.targets.local.hooks import HookHarm

ABILITIES = frozenset(
    {
        "kill",
        "pause",
        "delay",
        "throttle",
        "cut",
        "blackhole",
        "refuse",
        "reset",
        "slice",
        "corrupt",
        "wrong_body",
        "hook",
    }
)


class Processes(Protocol):
    """Harm to processes."""

    def apply(self, effect: ProcessEffect, prepared: Prepared | None, /) -> Applied:
        """Hit a process and prove it."""
        ...

    def undo(self, applied: Applied, effect: ProcessEffect, /) -> bool:
        """Make it undone; True if there was still something to undo."""
        ...

    def holds(self, applied: Applied, /) -> bool:
        """Whether the effect is in force."""
        ...

    def look_at(self, name: str, /) -> Proof:
        """Look at a service and all processes; ``Unsafe`` if a fault is still seen."""
        ...


class HarmTarget:
    """``Target`` over a started system, by what harms its processes, its edges and its hooks."""

    def __init__(self, system: System, processes: Processes, edges: EdgeHarm, hooks: HookHarm) -> None:
        self._system = system
        self._processes = processes
        self._edges = edges
        self._hooks = hooks
        self._in_use: dict[tuple[int, float], bool] = {}

    def abilities(self) -> frozenset[str]:
        """Tags of the effects it can do."""
        return ABILITIES

    def apply(self, effect: Effect, /) -> Applied:
        """Do ``effect`` and prove it.

        ``Refused``: no such service, process or edge, or not ours; nothing was done. ``WithoutEffect``: the
        effect was not seen, and has been undone.
        """
        return self._apply(effect, None)

    def _apply(self, effect: Effect, prepared: Prepared | None) -> Applied:
        match effect:
            case Kill() | Pause():
                in_use = self._edges.reach(effect.service)
                applied = self._processes.apply(effect, prepared)
                self._in_use[applied.pid, applied.asked_at_s] = in_use
                return applied
            case Mutate() | Surge() | Shift() | Relabel():
                raise Refused(not_ours(effect))
            case Hook():
                return self._hooks.apply(effect)
            case _:
                return self._edges.apply(effect, prepared or self._edges.prepare(effect))

    def undo(self, applied: Applied, /) -> bool:
        """Make it undone; True if there was still something to undo."""
        match applied.effect:
            case Kill() | Pause() as effect:
                return self._processes.undo(applied, effect)
            case Mutate() | Surge() | Shift() | Relabel():
                raise Refused(not_ours(applied.effect))
            case Hook() as effect:
                return self._hooks.undo(applied, effect)
            case effect:
                return self._edges.undo(effect, applied.handle)

    def holds(self, applied: Applied, /) -> bool:
        """Say whether the effect is still in force, so that one which vanished is not measured."""
        match applied.effect:
            case Kill() | Pause():
                return self._processes.holds(applied)
            case Mutate() | Surge() | Shift() | Relabel():
                raise Refused(not_ours(applied.effect))
            case Hook():
                return self._hooks.holds(applied)
            case effect:
                return self._edges.holds(effect, applied.handle)

    def exercised(self, applied: Applied, /) -> bool:
        """Say whether anything but our own look met it, or was there to meet it; asked before the undo."""
        effect = applied.effect
        if isinstance(effect, Kill | Pause):
            return self._in_use.get((applied.pid, applied.asked_at_s), True)
        if isinstance(effect, WorldEffect | Hook):
            return True
        return self._edges.exercised(effect, applied.handle)

    def is_clean(self, applied: Applied, /) -> Proof:
        """Look from outside, not trusting ``undo``, that the fault is gone; ``Unsafe`` if it is still seen.

        After a change of records or load, the service where units are offered and its edge are looked at.
        """
        system = self._system
        match applied.effect:
            case Kill() | Pause() as effect:
                return self._processes.look_at(effect.service)
            case Mutate() | Surge() | Shift() | Relabel():
                edge = system.witness_edge
                looked = self._edges.look_at(edge)
            case Hook():
                edge = system.witness_edge
                # A sham has no handle: its hook was never called, and there is nothing of it to be gone.
                gone = self._hooks.look_gone(applied) if applied.handle else ()
                looked = gone + self._edges.look_at(edge)
            case effect:
                edge = effect.edge
                looked = self._edges.look_at(edge, effect)
        return looked + self._processes.look_at(system.all_edges[edge].to)


def not_ours(effect: WorldEffect) -> str:
    """Say who changes what the world sends."""
    return f"{type(effect).__name__.lower()} changes what the world sends: the driver does it, not the target"
