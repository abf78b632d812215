"""The local target: real processes and sockets under ``HarmTarget``, an effect prepared before it is done."""

from __future__ import annotations

from harness.errors import Refused
from harness.faults.effects import Effect, Hook, Kill, Pause, WorldEffect
from harness.targets.base import Applied, Prepared
from harness.targets.local.edges import EdgeHarm
from harness.targets.local.ground import LocalGround
from harness.targets.local.harms import HarmTarget, not_ours
from harness.targets.local.hooks import HookHarm, LocalHooks
from harness.targets.local.processes import ProcessHarm
from harness.targets.local.system import LocalSystem
from harness.targets.local.wiring import SystemPlace

__all__ = ["LocalSystem", "LocalTarget", "SystemPlace"]


class LocalTarget(HarmTarget):
    """``Target`` over a started ``LocalSystem``. ``seen_within_s`` bounds every look for a proof.

    ``prepare`` may be called before ``apply``: then the very process or toxic is hit that it named.
    """

    def __init__(self, system: LocalSystem, seen_within_s: float = 5.0) -> None:
        self._running = system
        self._local = ProcessHarm(system, seen_within_s)
        edges = EdgeHarm(LocalGround(system), seen_within_s)
        hooks = HookHarm(LocalHooks(system), seen_within_s)
        super().__init__(system.system, self._local, edges, hooks)
        self._prepared: Prepared | None = None

    def prepare(self, effect: Effect, /) -> Prepared:
        """Say how the next ``apply`` of this effect will be undone; ``Refused`` if nothing can be hit."""
        match effect:
            case Kill() | Pause():
                self._prepared = self._local.prepare(effect)
            case Hook():
                raise Refused("what a hook does is undone by the hook, or by ending the run")
            case _ if isinstance(effect, WorldEffect):
                raise Refused(not_ours(effect))
            case _:
                self._prepared = self._edges.prepare(effect)
        return self._prepared

    def apply(self, effect: Effect, /) -> Applied:
        """Do ``effect`` to what was prepared, and prove it; see ``HarmTarget``."""
        prepared, self._prepared = self._prepared, None
        return self._apply(effect, prepared if prepared and prepared.effect == effect else None)

    def renew(self) -> None:
        """Let leased toxics stay on; from any thread."""
        self._running.crossing.renew()
