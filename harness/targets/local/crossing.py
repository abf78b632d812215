"""The fault proxy of one system, as a process of its own that every edge crosses.

Comes in: where each edge leads and the port at which it is entered. Goes out: a ``ProxyClient``, and the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from harness.proxy.client import ProxyClient, ProxyGone
from harness.proxy.spec import EdgeSpec, Spec
from harness.targets.local.child import Child

END_WITHIN_S = 1.0  # it has nothing to end but itself
LEASE_S = 0.8  # four missed renewals; docs/protocols/proxy.md


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    ready: bool
    token: str


class Crossing:
    """The proxy of one run. ``socket`` and ``token`` are what its control interface wants."""

    def __init__(self, entries: Mapping[str, int], upstreams: Mapping[str, int], *, seed: int) -> None:
        self.token = ""
        self.socket = Path()
        self._edges = tuple(
            EdgeSpec(name=name, listen=port, upstream=upstreams[name]) for name, port in entries.items()
        )
        self._seed = seed
        self._child: Child | None = None
        self._client: ProxyClient | None = None

    @property
    def pid(self) -> int:
        """Pid of the proxy; 0 before the start and after the end."""
        return self._child.process.pid if self._child else 0

    @property
    def client(self) -> ProxyClient:
        """The proxy's control interface; ``ProxyGone`` if none runs."""
        if self._client is None:
            raise ProxyGone("the fault proxy of this system does not run")
        return self._client

    def start(self, folder: Path, environment: dict[str, str]) -> None:
        """Start it; return when all edges are open. ``Refused`` with its log if it does not start."""
        self.socket = folder / "control"
        spec = Spec(seed=self._seed, socket=str(self.socket), lease_s=LEASE_S, edges=self._edges)
        self._child = Child("the fault proxy", "harness.proxy", spec, folder=folder, environment=environment)
        ready = msgspec.json.decode(self._child.first_line(), type=_Ready)
        self.token = ready.token
        self._client = ProxyClient(self.socket, ready.token)

    def stop(self) -> None:
        """End it; again is nothing."""
        child, self._child, self._client = self._child, None, None
        if child is not None:
            child.close_input()
            child.end(END_WITHIN_S)

    def renew(self) -> None:
        """Let leased toxics stay another ``LEASE_S``; nothing where no proxy runs. From any thread."""
        client = self._client
        if client is not None:
            client.lease()
