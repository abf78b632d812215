"""A simulated network, connection by connection: what a caller sees is what a real one would.

A host that is dead answers a new connection with a refusal and an old one with a reset; one that is stopped
still has its connections accepted, by its kernel, and answers late or never; a link that is cut swallows
everything, and a connection whose other end died meanwhile is half open. A connection request that is lost
is sent again after 1, 3 and 7 s, as a kernel does it, so that recovery comes in steps. A connection carries
one call at a time and is kept for the next one.

    kind               sent   the callee may have done it
    refused            no     nobody listens; over an edge with a proxy on it that is a reset
    connect_timeout    no     the request for a connection got no answer
    reset              yes    the connection broke while the call was under way
    timeout            yes    no answer within the deadline

Not modelled: retransmission inside a connection, windows, TLS, connections that idle too long.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from harness.simulation.kernel import Kernel, State
from harness.simulation.loop import Coming, Sleep
from harness.simulation.processes import Life

Kind = Literal["refused", "reset", "timeout", "connect_timeout"]
AGAIN_S = (0.0, 1.0, 3.0, 7.0)
"""When a connection request is sent, after the first time."""


class Answer(NamedTuple):
    """What a server gave: an HTTP status, its body and headers."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class NetworkError(ConnectionError):
    """A call without an answer; ``sent``: the callee may have done what it was asked."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sent = kind in ("reset", "timeout")


class Ends(Protocol):
    """The two ends of a connection, as what lies between them reaches them."""

    def arrive(self, route: str, body: bytes, /) -> None:
        """A request is with the callee."""
        ...

    def give(self, answer: Answer, /) -> None:
        """An answer is with the caller."""
        ...

    def break_off(self) -> None:
        """Both ends see a reset."""
        ...


class Passage(Protocol):
    """What one connection meets on its edge."""

    def request(self, route: str, body: bytes, /) -> bool:
        """Take a request on its way; False: it passes as it is, at once."""
        ...

    def answer(self, answer: Answer, /) -> bool:
        """Take an answer on its way; False: it passes as it is, at once."""
        ...

    def close(self) -> None:
        """The caller has let go, or the connection is broken: no answer comes out any more."""
        ...


class Crossing(Protocol):
    """What lies on an edge."""

    def mode(self) -> Literal["open", "refuse", "blackhole"]:
        """How a request for a new connection is met."""
        ...

    def open(self, ends: Ends, /) -> Passage:
        """A connection is made."""
        ...


Handler = Callable[[str, bytes], Awaitable[Answer]]
Costs = Callable[[str, int], float]
"""Seconds of processor for a request of a route ("POST /decide") with so many bytes."""
Place = tuple[Life, str, str]
"""Whose connection, to which host, over which edge."""


class Call(NamedTuple):
    """One request. ``edge`` "": over no edge that could be harmed."""

    route: str
    body: bytes = b""
    edge: str = ""


class _Asked(NamedTuple):
    """A request with the callee, which begins once its processor has ``worked_s``."""

    route: str
    body: bytes
    worked_s: float


class _Connection:
    """Between two lives. ``answered`` is the call under way, ``open`` until an end has died or let go.

    The callee has a task for each, as a real server has, that waits for ``asked``; None: there is none.
    """

    __slots__ = ("_network", "answered", "asked", "callee", "caller", "died", "open", "passage", "place")

    def __init__(self, network: Network, place: Place, callee: Life) -> None:
        self._network = network
        self.place = place
        self.caller, self.callee = place[0], callee
        self.open = True
        self.answered: Coming[Answer] | None = None
        self.asked: Coming[_Asked | None] | None = None
        self.passage: Passage | None = None
        self.died: Callable[[], None] = lambda: network.end_died(self)

    def arrive(self, route: str, body: bytes) -> None:
        """See ``Ends``."""
        if self.callee.state == State.DEAD:
            self.break_off()
        else:
            self.ask(route, body, self._network.kernel.now_s)

    def ask(self, route: str, body: bytes, arrives_s: float) -> None:
        """Let the callee begin once its processor is free; one that is stopped begins when it goes on."""
        callee, network = self.callee, self._network
        if self.asked is None:
            self.asked = Coming(callee)
            _ = callee.create_task(network.answer(self, self.asked))
        worked_s = callee.claim(arrives_s, network.cost_s(callee, route, body))
        self.asked.come(max(arrives_s, worked_s + callee.paused_s), _Asked(route, body, worked_s))

    def hang_up(self) -> None:
        """Nothing comes any more but what is on its way."""
        if self.asked is not None and not self.asked.sent:
            self.asked.come(self._network.kernel.now_s, None)
            self.asked = None

    def give(self, answer: Answer) -> None:
        """See ``Ends``."""
        if self.answered is not None:
            self.answered.come(self._network.kernel.now_s, answer)

    def fail(self, kind: Kind) -> None:
        """End the call under way without an answer, and the connection with it."""
        self._network.forget(self)
        if self.answered is not None:
            self.answered.come(self._network.kernel.now_s, None, NetworkError(kind))

    def break_off(self) -> None:
        """See ``Ends``."""
        self.fail("reset")


class Network:
    """Hosts by the names of their processes, and the edges between them; ``latency_s`` one way.

    ``crossings``: what lies on an edge; what crosses no such edge is only late. ``served``: how many requests
    have come to each host, and of how many bytes.
    """

    def __init__(self, kernel: Kernel, *, latency_s: float = 0.0002) -> None:
        self.kernel = kernel
        self._latency_s = latency_s
        self._served: dict[str, tuple[Life, Handler, Costs | None]] = {}
        self._idle: dict[Place, list[_Connection]] = {}
        self._cut: set[tuple[str, str]] = set()
        self._dark: set[str] = set()
        self.crossings: dict[str, Crossing] = {}
        self.served: dict[str, tuple[int, int]] = {}

    # What is done to it.

    def serve(self, life: Life, handler: Handler, costs: Costs | None = None) -> None:
        """Let ``life`` answer under its name from now on, until it dies; a request takes ``costs`` first."""
        self._served[life.name] = life, handler, costs

    def cut(self, one: str, other: str) -> None:
        """Lose all that goes from one host to the other one; the way back is another cut."""
        self._cut.add((one, other))

    def heal(self, one: str, other: str) -> None:
        """Undo a cut; twice is once."""
        self._cut.discard((one, other))

    def darken(self, host: str) -> None:
        """A host without power: it sends nothing, not even a reset."""
        self._dark.add(host)

    def light(self, host: str) -> None:
        """Undo ``darken``."""
        self._dark.discard(host)

    def hang_up(self, life: Life) -> None:
        """Let go of the connections that ``life`` keeps: its next calls make new ones."""
        for place in [place for place in self._idle if place[0] is life]:
            for connection in list(self._idle[place]):
                self._let_go(connection)

    # What its users do.

    async def call(self, life: Life, callee: str, call: Call, deadline_s: float) -> Answer:
        """Call a host within ``deadline_s`` seconds, one attempt.

        Raises:
            NetworkError: there is no answer.
        """
        life.check()
        kernel = self.kernel
        late_s = kernel.now_s + deadline_s
        place = (life, callee, call.edge)
        kept = self._idle.get(place)
        connection = kept.pop() if kept else await self._connect(place, late_s)
        answered = connection.answered = Coming(life)
        timer = kernel.at(late_s, connection.fail, "timeout")
        try:
            self._send(connection, call)
            answer = await answered
        except BaseException:
            self._let_go(connection)  # nobody knows what is still on its way over it
            raise
        finally:
            timer.cancel()
        connection.answered = None
        if connection.open:
            self._idle.setdefault(place, []).append(connection)
        return answer

    async def _connect(self, place: Place, late_s: float) -> _Connection:
        life, callee, edge = place
        kernel, begun_s = self.kernel, self.kernel.now_s
        crossing = self.crossings.get(edge)
        for after_s in AGAIN_S:
            if begun_s + after_s >= late_s:
                break
            if begun_s + after_s > kernel.now_s:
                await Sleep(life, begun_s + after_s)
            mode = "open" if crossing is None else crossing.mode()
            if mode == "blackhole" or not self._reaches_both(life.name, callee):
                continue
            await Sleep(life, kernel.now_s + 2 * self._latency_s)
            served, *_ = self._served.get(callee, (None,))
            if mode == "refuse":
                raise NetworkError("refused")
            if served is None or served.state == State.DEAD:
                # What lies on the edge has taken the connection, and drops it where nobody listens behind it.
                raise NetworkError("refused" if crossing is None else "reset")
            return self._connected(place, served)
        await Sleep(life, late_s)
        raise NetworkError("connect_timeout")

    def _connected(self, place: Place, served: Life) -> _Connection:
        connection = _Connection(self, place, served)
        for end in (connection.caller, served):
            end.on_death[connection.died] = None
        crossing = self.crossings.get(place[2])
        if crossing is not None:
            connection.passage = crossing.open(connection)
        return connection

    def _reaches_both(self, one: str, other: str) -> bool:
        return self._reaches(one, other) and self._reaches(other, one)

    def _reaches(self, sender: str, receiver: str) -> bool:
        if not self._cut and not self._dark:
            return True
        return (sender, receiver) not in self._cut and not self._dark & {sender, receiver}

    def _send(self, connection: _Connection, call: Call) -> None:
        if not self._reaches(connection.caller.name, connection.callee.name):
            return
        kernel, passage = self.kernel, connection.passage
        kernel.mix(call.body)
        if not connection.open:
            kernel.at(kernel.now_s + 2 * self._latency_s, connection.fail, "reset")
        elif passage is None or not passage.request(call.route, call.body):
            connection.ask(call.route, call.body, kernel.now_s + self._latency_s)

    def cost_s(self, callee: Life, route: str, body: bytes) -> float:
        """Seconds of processor that a request takes before anything is done about it."""
        _, _, costs = self._served[callee.name]
        return 0.0 if costs is None else costs(route, len(body))

    async def answer(self, connection: _Connection, asked: Coming[_Asked | None]) -> None:
        """Answer what comes over one connection, one request after the other, in a task of the callee."""
        callee, last = connection.callee, False
        while not last and (request := await asked) is not None:
            # Of what comes over one that is closed nobody hears any more: a proxy may have held it.
            last = not connection.open
            connection.asked = None if last else Coming(callee)
            asked = connection.asked or asked
            route, body, worked_s = request
            if worked_s + callee.paused_s > callee.time():  # it was stopped, and has that work before it
                await callee.until_worked(worked_s)
            _, handler, _ = self._served[callee.name]
            calls, size = self.served.get(callee.name, (0, 0))
            self.served[callee.name] = calls + 1, size + len(body)
            self._give(connection, await handler(route, body))

    def _give(self, connection: _Connection, given: Answer) -> None:
        if not self._reaches(connection.callee.name, connection.caller.name):
            return
        self.kernel.mix(given.body)
        passage, answered = connection.passage, connection.answered
        if (passage is None or not passage.answer(given)) and answered is not None:
            answered.come(self.kernel.now_s + self._latency_s, given)

    def end_died(self, connection: _Connection) -> None:
        """Let the kernel of the dead end tell the other one, if its host has power and the link passes."""
        connection.open = False
        for dead, left in (
            (connection.caller, connection.callee),
            (connection.callee, connection.caller),
        ):
            if dead.state == State.DEAD and left.state != State.DEAD and self._reaches(dead.name, left.name):
                self.kernel.at(self.kernel.now_s + self._latency_s, connection.fail, "reset")

    def _let_go(self, connection: _Connection) -> None:
        """The caller is done with it; what is on its way still arrives, its answer nowhere."""
        self.forget(connection)
        connection.answered = None

    def forget(self, connection: _Connection) -> None:
        """Take a connection out of what is kept."""
        connection.open = False
        connection.hang_up()
        if connection.passage is not None:
            connection.passage.close()
        for end in (connection.caller, connection.callee):
            if end.state != State.DEAD:
                end.on_death.pop(connection.died, None)
        kept = self._idle.get(connection.place)
        if kept is not None:
            if connection in kept:
                kept.remove(connection)
            if not kept:
                del self._idle[connection.place]
