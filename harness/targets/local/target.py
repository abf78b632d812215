"""The local target: harm to processes and on edges, each proven, undone and looked at from outside.

Comes in: an ``Effect``. Goes out: ``Applied``. ``processes``, ``edges`` and ``hooks`` do it; here is which.
What the world sends (records, load) is not the target's: the driver changes it.
"""

from __future__ import annotations

from harness.errors import Refused
from harness.faults.effects import Effect, Hook, Kill, Mutate, Pause, Relabel, Shift, Surge, WorldEffect
from harness.targets.base import Applied, Prepared, Proof
from harness.targets.local.edges import EdgeHarm
from harness.targets.local.hooks import HookHarm
from harness.targets.local.processes import ProcessHarm
from harness.targets.local.system import LocalSystem
from harness.targets.local.wiring import SystemPlace

__all__ = ["LocalSystem", "LocalTarget", "SystemPlace"]

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


class LocalTarget:
    """``Target`` over a started ``LocalSystem``. ``seen_within_s`` bounds every look for a proof.

    ``prepare`` may be called before ``apply``: then the very process or toxic is hit that it named.
    """

    def __init__(self, system: LocalSystem, seen_within_s: float = 5.0) -> None:
        self._system = system
        self._processes = ProcessHarm(system, seen_within_s)
        self._edges = EdgeHarm(system, seen_within_s)
        self._hooks = HookHarm(system, seen_within_s)
        self._prepared: Prepared | None = None
        self._in_use: dict[tuple[int, float], bool] = {}

    def abilities(self) -> frozenset[str]:
        """Tags of the effects it can do."""
        return ABILITIES

    def prepare(self, effect: Effect, /) -> Prepared:
        """Say how the next ``apply`` of this effect will be undone; ``Refused`` if nothing can be hit."""
        match effect:
            case Kill() | Pause():
                self._prepared = self._processes.prepare(effect)
            case Mutate() | Surge() | Shift() | Relabel():
                raise Refused(_not_ours(effect))
            case Hook():
                raise Refused("what a hook does is undone by the hook, or by ending the run")
            case _:
                self._prepared = self._edges.prepare(effect)
        return self._prepared

    def apply(self, effect: Effect, /) -> Applied:
        """Do ``effect`` and prove it.

        ``Refused``: no such service, process or edge, or not ours; nothing was done. ``WithoutEffect``: the
        effect was not seen, and has been undone.
        """
        prepared, self._prepared = self._prepared, None
        if prepared and prepared.effect != effect:
            prepared = None
        match effect:
            case Kill() | Pause():
                in_use = self._edges.reach(effect.service)
                applied = self._processes.apply(effect, prepared)
                self._in_use[applied.pid, applied.asked_at_s] = in_use
                return applied
            case Mutate() | Surge() | Shift() | Relabel():
                raise Refused(_not_ours(effect))
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
                raise Refused(_not_ours(applied.effect))
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
                raise Refused(_not_ours(applied.effect))
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
        system = self._system.system
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

    def renew(self) -> None:
        """Let leased toxics stay on; from any thread."""
        self._system.crossing.renew()


def _not_ours(effect: WorldEffect) -> str:
    return f"{type(effect).__name__.lower()} changes what the world sends: the driver does it, not the target"
