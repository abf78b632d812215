"""What harm on an edge needs of the system under it, and a system of real processes as that.

Comes in: toxics, requests to send. Goes out: states of edges, passages. ``EdgeHarm`` reaches nothing else, so
the same proofs hold on real sockets and on simulated ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.experiment.model import System
from harness.ports import Clock
from harness.proxy.client import ProxyClient
from harness.proxy.spec import EdgeState, ToxicSpec
from harness.targets.base import MachineClock
from harness.targets.local.passage import Passage, pass_through
from harness.targets.local.system import LocalSystem
from harness.targets.local.undo import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A request that is sent to see what becomes of it.

    ``padding_bytes`` lengthen its head, ``body_bytes`` are a body without a meaning: both are there to be
    harmed.
    """

    route: str
    within_s: float
    padding_bytes: int = 0
    body_bytes: int = 0


class Toxics(Protocol):
    """The proxy's control interface."""

    def proxies(self) -> Mapping[str, EdgeState]:
        """All edges by name."""
        ...

    def add(self, edge: str, toxic: ToxicSpec, /) -> object:
        """Put a toxic on an edge."""
        ...

    def remove(self, edge: str, name: str, /) -> bool:
        """Take a toxic off; False if the edge had none of that name."""
        ...


class Ground(Protocol):
    """Where edges are harmed."""

    @property
    def system(self) -> System:
        """The system as its file says it is."""
        ...

    @property
    def edges(self) -> Collection[str]:
        """The edges of this arm."""
        ...

    @property
    def clock(self) -> Clock:
        """Whose time counts."""
        ...

    @property
    def toxics(self) -> Toxics:
        """Who does it; ``ProxyGone`` if nobody runs."""
        ...

    def facts(self, handle: str, /) -> Facts:
        """What whoever undoes a toxic must know."""
        ...

    def renew(self) -> None:
        """Let leased toxics stay on."""
        ...

    def pass_edge(self, edge: str, probe: Probe, /) -> Passage:
        """Send a request through an edge."""
        ...

    def pass_by(self, service: str, probe: Probe, /) -> Passage:
        """Send a request to a service past all edges."""
        ...


@dataclass(frozen=True, slots=True)
class LocalGround:
    """A started system of real processes."""

    running: LocalSystem
    clock: Clock = MachineClock()  # noqa: RUF009 - it has no state

    @property
    def system(self) -> System:
        """See ``Ground``."""
        return self.running.system

    @property
    def edges(self) -> Collection[str]:
        """See ``Ground``."""
        return self.running.entries

    @property
    def toxics(self) -> ProxyClient:
        """See ``Ground``."""
        return self.running.crossing.client

    def facts(self, handle: str, /) -> Facts:
        """See ``Ground``."""
        crossing = self.running.crossing
        return Facts(socket=str(crossing.socket), proxy_token=crossing.token, handle=handle)

    def renew(self) -> None:
        """See ``Ground``."""
        self.running.crossing.renew()

    def pass_edge(self, edge: str, probe: Probe, /) -> Passage:
        """See ``Ground``."""
        return _sent(self.running.entries[edge], probe)

    def pass_by(self, service: str, probe: Probe, /) -> Passage:
        """See ``Ground``."""
        return _sent(self.running.ports[service], probe)


def _sent(port: int, probe: Probe) -> Passage:
    return pass_through(
        port,
        probe.route,
        within_s=probe.within_s,
        padding_bytes=probe.padding_bytes,
        body_bytes=probe.body_bytes,
    )
