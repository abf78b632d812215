"""A simulated system as harm on edges and hooks know one: the same proofs, over the wire of the world."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from harness.experiment.model import System
from harness.faults.effects import Hook
from harness.simulation.clock import VirtualClock
from harness.simulation.network import Call
from harness.targets.base import WithoutEffect
from harness.targets.local.ground import Probe
from harness.targets.local.looks import Answer
from harness.targets.local.passage import End, Passage
from harness.targets.local.undo import Facts
from harness.targets.simulation.crossing import SimulatedProxy
from harness.targets.simulation.looker import Looker, Met
from harness.targets.simulation.system import SimulatedSystem
from harness.targets.simulation.wire import answer_bytes, request_bytes

_ENDS: dict[str, End] = {"refused": "refused", "connect_timeout": "no handshake", "reset": "reset"}
_LOOK_S = 1.0
_HOOK_LIMIT_S = 20.0


class SimulatedGround:
    """See ``local.ground.Ground`` and ``local.hooks.Hooked``."""

    def __init__(self, running: SimulatedSystem, looker: Looker) -> None:
        self._running = running
        self._looker = looker
        self.clock = VirtualClock(running.kernel)

    @property
    def system(self) -> System:
        """See ``Ground``."""
        return self._running.system

    @property
    def edges(self) -> Collection[str]:
        """See ``Ground``."""
        return self._running.proxy.edges

    @property
    def toxics(self) -> SimulatedProxy:
        """See ``Ground``."""
        return self._running.proxy

    def facts(self, handle: str, /) -> Facts:
        """See ``Ground``: nobody else could undo anything here."""
        return Facts(handle=handle)

    def renew(self) -> None:
        """See ``Ground``: nothing is leased."""

    def pass_edge(self, edge: str, probe: Probe, /) -> Passage:
        """See ``Ground``."""
        return self._sent(self.system.all_edges[edge].to, probe, edge)

    def pass_by(self, service: str, probe: Probe, /) -> Passage:
        """See ``Ground``."""
        return self._sent(service, probe, "")

    def _sent(self, service: str, probe: Probe, edge: str) -> Passage:
        route, body = f"GET {probe.route}", b"x" * (probe.padding_bytes + probe.body_bytes)
        met = self._looker.ask(service, Call(route, body, edge), probe.within_s)
        answer = b"" if met.answer is None else answer_bytes(met.answer)
        sent_bytes = len(request_bytes(route, body))
        return Passage(end=_end(met), took_s=met.took_s, sent_bytes=sent_bytes, answer=answer)

    def call(self, effect: Hook, verb: str, /) -> bytes:
        """See ``Hooked``."""
        words = (verb, effect.action, repr(effect.scale), repr(effect.shift))
        told = self._running.call_hook(effect.hook, words)
        if not self._looker.until(lambda: bool(told), _HOOK_LIMIT_S):
            raise WithoutEffect(f"hook {effect.hook} {verb} is not done after {_HOOK_LIMIT_S:g} s")
        if isinstance(told[0], bytes):
            return told[0]
        raise WithoutEffect(f"hook {effect.hook} {verb}: {type(told[0]).__name__}: {told[0]}")

    def look(self, service: str, route: str, /) -> Answer | None:
        """See ``Hooked``."""
        known = service in self._running.processes
        return self._looker.look(service, route, _LOOK_S) if known else None


def _end(met: Met) -> End:
    answered: Literal["answered"] = "answered"
    return answered if met.answer is not None else _ENDS.get(met.why, "silent")
