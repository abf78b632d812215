"""The fault proxy of a simulated system: the very toxics of the real one, on a virtual clock.

Comes in: toxics, messages. Goes out: the same messages, later, changed or never, and the counters of each
edge. A message becomes the bytes of HTTP/1.1 only where a toxic is on its way, so an edge without one costs
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.errors import Refused
from harness.proxy.acting import Acting, Mode
from harness.proxy.spec import WAYS, EdgeCounters, EdgeState, ToxicSpec, Way
from harness.proxy.toxics.base import NEVER, Chain, Mark, Piece, Stage
from harness.simulation.kernel import Handle, Kernel
from harness.simulation.network import Answer, Ends
from harness.targets.simulation.wire import answer_bytes, read_answer, read_request, request_bytes

_OPENINGS: Mapping[Way, bytes] = {"upstream": b"POST / HTTP/1.1", "downstream": b"HTTP/1.1 200 OK"}
HEAD_BYTES = 100
"""What the head of a message is counted as where nobody has to see it."""


class _Lane:
    """One direction of a connection: a chain of toxics, and what has come out of it and is not whole yet."""

    def __init__(self, link: Link, way: Way) -> None:
        self.way = way
        self.opening = b""
        self.received_bytes = 0
        self._link = link
        self._chain = Chain()
        self._timer: Handle | None = None
        self._out = b""

    @property
    def is_clear(self) -> bool:
        """Whether what comes passes as it is, at once."""
        return not self._chain and not self._out

    @property
    def held(self) -> bool:
        """Whether bytes are on their way here."""
        return bool(self._chain.held or self._out)

    def count(self, size: int) -> None:
        """Count a message that passes."""
        self.received_bytes += size
        self.opening = _OPENINGS[self.way]

    def take(self, message: bytes) -> None:
        """Bring a message in."""
        self.received_bytes += len(message)
        pieces = self._chain.push(message, self._link.now_s())
        self.opening = _OPENINGS[self.way]
        self._deliver(pieces)

    def add(self, name: str, stage: Stage) -> None:
        """See ``ActedLane``."""
        self._chain.add(name, stage)
        self._settle()

    def remove(self, name: str) -> None:
        """See ``ActedLane``."""
        self._deliver(self._chain.remove(name, self._link.now_s()))

    def discard(self) -> None:
        """Forget everything: the connection is over."""
        self._chain.discard()
        self._out = b""
        if self._timer is not None:
            self._timer.cancel()

    def _deliver(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, Mark):
                self._link.reset()  # an end that a toxic makes: no call survives it
                return
            self._out += piece
        if self._out and self._link.arrived(self.way, self._out):
            self._out = b""
        self._settle()

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self._chain.due_s()
        if not self._link.over and due_s != NEVER:
            self._timer = self._link.at(due_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._deliver(self._chain.pull(self._link.now_s()))


class Link:
    """One connection through an edge; see ``network.Passage`` and ``acting.Joined``."""

    def __init__(self, edge: SimulatedEdge, ends: Ends, number: int) -> None:
        self.number = number
        self.over = False
        self._left = False  # the caller is gone
        self._edge = edge
        self._ends = ends
        self._up, self._down = _Lane(self, "upstream"), _Lane(self, "downstream")
        self.lanes: Mapping[Way, _Lane] = {"upstream": self._up, "downstream": self._down}

    def request(self, route: str, body: bytes) -> bool:
        """See ``network.Passage``."""
        if self.over:
            return True  # a reset is on its way to both ends: nothing passes it
        if self._up.is_clear:
            self._up.count(HEAD_BYTES + len(body))
            return False
        self._up.take(request_bytes(route, body))
        return True

    def answer(self, answer: Answer) -> bool:
        """See ``network.Passage``."""
        if self.over:
            return True
        if self._down.is_clear:
            self._down.count(HEAD_BYTES + len(answer.body))
            return False
        self._down.take(answer_bytes(answer))
        return True

    def close(self) -> None:
        """See ``network.Passage``: what is held on its way to the callee still gets there."""
        self._left = True
        self._down.discard()
        self._finish_if_left()

    def reset(self) -> None:
        """See ``acting.Joined``."""
        if not self.over:
            self._finish()
            self.at(self.now_s() + self._edge.latency_s, self._ends.break_off)

    def arrived(self, way: Way, data: bytes) -> bool:
        """Take what came out of a lane; True once it is a whole message, which goes on."""
        arrives_s = self.now_s() + self._edge.latency_s
        if way == "upstream":
            request = read_request(data)
            if request is not None:
                self.at(arrives_s, self._ends.arrive, *request)
                self.at(arrives_s, self._finish_if_left)
            return request is not None
        answer = read_answer(data)
        if answer is not None:
            self.at(arrives_s, self._ends.give, answer)
        return answer is not None

    def now_s(self) -> float:
        """Seconds of the world."""
        return self._edge.kernel.now_s

    def at(self, when_s: float, function: Callable[..., object], *arguments: object) -> Handle:
        """Let the world do something."""
        return self._edge.kernel.at(when_s, function, *arguments)

    def _finish_if_left(self) -> None:
        """Nobody waits for an answer any more: once nothing is held on its way to the callee, it is over."""
        if self._left and not self._up.held:
            self._finish()

    def _finish(self) -> None:
        self.over = True
        for lane in self.lanes.values():
            lane.discard()
        self._edge.gone(self)


class SimulatedEdge:
    """One edge; see ``network.Crossing``."""

    def __init__(self, kernel: Kernel, name: str, *, seed: int, latency_s: float) -> None:
        self.kernel = kernel
        self.latency_s = latency_s
        self._name = name
        self._acting = Acting(name, seed)
        self._links: dict[Link, None] = {}
        self._connections = 0
        self._bytes: dict[Way, int] = dict.fromkeys(WAYS, 0)

    def mode(self) -> Mode:
        """See ``network.Crossing``."""
        return self._acting.mode()

    def open(self, ends: Ends) -> Link:
        """See ``network.Crossing``."""
        self._connections += 1
        link = Link(self, ends, self._connections)
        self._links[link] = None
        self._acting.meet(link, self.kernel.now_s)
        return link

    def add(self, spec: ToxicSpec) -> None:
        """Put a toxic on the edge, on connections that are there and on new ones."""
        self._acting.put(spec)
        self._acting.reach(spec.name, tuple(self._links), self.kernel.now_s)

    def remove(self, name: str) -> bool:
        """Take a toxic off; False if there is none."""
        return self._acting.drop(name, tuple(self._links))

    def gone(self, link: Link) -> None:
        """Forget a connection that is over, but for its bytes."""
        if self._links.pop(link, self) is None:
            for way, lane in link.lanes.items():
                self._bytes[way] += lane.received_bytes

    def state(self) -> EdgeState:
        """The edge as it is now."""
        received = {
            way: self._bytes[way] + sum(link.lanes[way].received_bytes for link in self._links)
            for way in WAYS
        }
        return EdgeState(
            name=self._name,
            listen="",
            upstream="",
            enabled=self.mode() != "refuse",
            toxics=tuple(self._acting),
            generation=self._acting.generation,
            counters=EdgeCounters(
                connections=self._connections,
                open=len(self._links),
                bytes_upstream=received["upstream"],
                bytes_downstream=received["downstream"],
                toxics=self._acting.counters(),
            ),
        )


class SimulatedProxy:
    """All edges of a system by name, as ``ProxyClient`` gives those of a real one.

    ``seed`` decides which connections a share means. There is no lease: nobody can die and leave a toxic.
    """

    def __init__(self, kernel: Kernel, edges: Iterable[str], *, seed: int, latency_s: float) -> None:
        self._edges = {name: SimulatedEdge(kernel, name, seed=seed, latency_s=latency_s) for name in edges}

    @property
    def edges(self) -> Mapping[str, SimulatedEdge]:
        """What lies on each edge."""
        return self._edges

    def proxies(self) -> dict[str, EdgeState]:
        """All edges by name, with toxics, generation and counters."""
        return {name: edge.state() for name, edge in self._edges.items()}

    def add(self, edge: str, toxic: ToxicSpec) -> None:
        """Put a toxic on an edge; ``Refused`` for a taken name."""
        self._edge(edge).add(toxic)

    def remove(self, edge: str, name: str) -> bool:
        """Take a toxic off; False if the edge had none of that name."""
        return self._edge(edge).remove(name)

    def lease(self) -> None:
        """Nothing ends by itself here but by its own time, which whoever added it sees to."""

    def _edge(self, name: str) -> SimulatedEdge:
        if name not in self._edges:
            raise Refused(f"no edge '{name}'; there are: {', '.join(self._edges)}")
        return self._edges[name]
