"""One edge: its listener, its connections, the toxics on it, and what they did.

Comes in: toxics to add and remove. Goes out: ``EdgeState`` with a generation number and counters.
A change is made in one turn of the loop, on all existing connections: no request slips in between.
"""

from __future__ import annotations

import asyncio
import socket

from harness.proxy.acting import Acting
from harness.proxy.listener import LOOPBACK, Listener
from harness.proxy.relay import Link
from harness.proxy.spec import EdgeCounters, EdgeSpec, EdgeState, ToxicSpec, Way


class Edge:
    """One edge of the system, forwarding from its first moment on."""

    def __init__(self, spec: EdgeSpec, seed: int) -> None:
        self.spec = spec
        self._acting = Acting(spec.name, seed)
        self._links: set[Link] = set()
        self._starts: set[asyncio.Task[None]] = set()
        self._connections = 0
        self._bytes: dict[Way, int] = {"upstream": 0, "downstream": 0}
        self._listener = Listener(spec.listen, self._taken)

    @property
    def generation(self) -> int:
        """How often its toxics have changed."""
        return self._acting.generation

    def add(self, spec: ToxicSpec) -> None:
        """Put a toxic on the edge; ``NameTaken`` if there is one of that name."""
        self._acting.put(spec)
        self._listener.become(self._acting.mode())
        self._acting.reach(spec.name, tuple(self._links), asyncio.get_running_loop().time())

    def remove(self, name: str) -> bool:
        """Take a toxic off; False if there is none. What it held is delivered, in order."""
        if not self._acting.drop(name, tuple(self._links)):
            return False
        self._listener.become(self._acting.mode())
        return True

    def toxics(self) -> tuple[ToxicSpec, ...]:
        """The toxics in force, in the order in which they were added."""
        return tuple(self._acting)

    def state(self) -> EdgeState:
        """The edge as it is now."""
        return EdgeState(
            name=self.spec.name,
            listen=f"{LOOPBACK}:{self.spec.listen}",
            upstream=f"{LOOPBACK}:{self.spec.upstream}",
            enabled=self._listener.mode != "refuse",
            toxics=self.toxics(),
            generation=self.generation,
            counters=EdgeCounters(
                connections=self._connections,
                open=len(self._links),
                bytes_upstream=self._received("upstream"),
                bytes_downstream=self._received("downstream"),
                toxics=self._acting.counters(),
            ),
        )

    def gone(self, link: Link, /) -> None:
        """Forget a connection that is over, but for its bytes."""
        if link in self._links:
            self._links.remove(link)
            for way, lane in link.lanes.items():
                self._bytes[way] += lane.received_bytes

    def close(self) -> None:
        """Close the port and reset all connections."""
        self._listener.close()
        for link in tuple(self._links):
            link.reset()

    def _received(self, way: Way) -> int:
        return self._bytes[way] + sum(link.lanes[way].received_bytes for link in self._links)

    def _taken(self, accepted: socket.socket) -> None:
        self._connections += 1
        link = Link(self, self._connections)
        self._links.add(link)
        self._acting.meet(link, asyncio.get_running_loop().time())
        start = asyncio.get_running_loop().create_task(link.start(accepted, self.spec.upstream))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)
