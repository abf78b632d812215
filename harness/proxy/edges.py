"""One edge: its listener, its connections, the toxics on it, and what they did.

Comes in: toxics to add and remove. Goes out: ``EdgeState`` with a generation number and counters.
A change is made in one turn of the loop, on all existing connections: no request slips in between.
"""

from __future__ import annotations

import asyncio
import socket

from harness.errors import Refused
from harness.proxy.listener import LOOPBACK, Listener, Mode
from harness.proxy.relay import Link
from harness.proxy.spec import EdgeCounters, EdgeSpec, EdgeState, ToxicSpec, Way
from harness.proxy.toxics.base import Dice
from harness.proxy.toxics.content import Watch
from harness.proxy.toxics.table import DRAWN_INSIDE, Active, Place

# A connection counts when a chunk, an answer or its first byte was hit, not when it could be.
COUNTS_ITSELF = DRAWN_INSIDE | {"reset_peer"}


class NameTaken(Refused):
    """The edge has a toxic of that name."""


class Edge:
    """One edge of the system, forwarding from its first moment on."""

    def __init__(self, spec: EdgeSpec, seed: int) -> None:
        self.spec = spec
        self.generation = 0
        self._seed = seed
        self._links: set[Link] = set()
        self._starts: set[asyncio.Task[None]] = set()
        self._toxics: dict[str, tuple[Active, int]] = {}
        self._connections = self._added = 0
        self._bytes: dict[Way, int] = {"upstream": 0, "downstream": 0}
        self._listener = Listener(spec.listen, self._taken)

    def add(self, spec: ToxicSpec) -> None:
        """Put a toxic on the edge; ``NameTaken`` if there is one of that name."""
        if spec.name in self._toxics:
            raise NameTaken(f"edge {self.spec.name} has a toxic {spec.name} already")
        active = Active(spec)
        self._added += 1
        self._toxics[spec.name] = active, self._added
        self.generation += 1
        self._listener.become(self._mode())
        for link in tuple(self._links):
            self._touch(link, active, self._added, existing=True)

    def remove(self, name: str) -> bool:
        """Take a toxic off; False if there is none. What it held is delivered, in order."""
        if self._toxics.pop(name, None) is None:
            return False
        self.generation += 1
        for link in tuple(self._links):
            for lane in link.lanes.values():
                lane.remove(name)
        self._listener.become(self._mode())
        return True

    def toxics(self) -> tuple[ToxicSpec, ...]:
        """The toxics in force, in the order in which they were added."""
        return tuple(active.spec for active, _ in self._toxics.values())

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
                toxics={name: active.tally.counters() for name, (active, _) in self._toxics.items()},
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

    def _mode(self) -> Mode:
        kinds = {active.spec.type for active, _ in self._toxics.values()}
        return "refuse" if "refuse" in kinds else "blackhole" if "blackhole" in kinds else "open"

    def _taken(self, accepted: socket.socket) -> None:
        self._connections += 1
        link = Link(self, self._connections)
        self._links.add(link)
        for active, ordinal in self._toxics.values():
            self._touch(link, active, ordinal, existing=False)
        start = asyncio.get_running_loop().create_task(link.start(accepted, self.spec.upstream))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)

    def _touch(self, link: Link, active: Active, ordinal: int, *, existing: bool) -> None:
        """Let a toxic act on a connection, if the draw says so."""
        name = (self._seed, self.spec.name, ordinal, link.number)
        if link.over or not active.touches(Dice(*name)):
            return
        if active.spec.type == "refuse" or (active.spec.type == "reset_peer" and existing):
            active.tally.connection(link.number)
            link.reset()
            return
        if active.spec.type not in COUNTS_ITSELF:
            active.tally.connection(link.number)
        now_s, watch = asyncio.get_running_loop().time(), Watch()
        for lane in link.lanes.values():
            place = Place(
                way=lane.way,
                number=link.number,
                dice=Dice(*name, lane.way),
                opening=lane.opening,
                now_s=now_s,
                watch=watch,
            )
            stage = active.stage(place)
            if stage is not None:
                lane.add(active.spec.name, stage)
