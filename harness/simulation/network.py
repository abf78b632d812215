"""A simulated network, connection by connection: what a caller sees is what a real one would.

A host that is dead answers a new connection with a refusal and an old one with a reset; one that is stopped
still has its connections accepted, by its kernel, and answers late or never; a link that is cut swallows
everything, and a connection whose other end died meanwhile is half open. A connection request that is lost
is sent again after 1, 3 and 7 s, as a kernel does it, so that recovery comes in steps.

    kind               sent   the callee may have done it
    refused            no     nobody listens
    connect_timeout    no     the request for a connection got no answer
    reset              yes    the connection broke while the call was under way
    timeout            yes    no answer within the deadline

Not modelled: retransmission inside a connection, windows, TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from harness.simulation.kernel import Kernel, State
from harness.simulation.loop import Sleep
from harness.simulation.processes import Life

Kind = Literal["refused", "reset", "timeout", "connect_timeout"]
Way = Literal["request", "answer"]
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


class Passage(NamedTuple):
    """What becomes of a message on its way: later by ``delay_s``, lost, or its connection reset."""

    delay_s: float = 0.0
    fate: Literal["arrives", "lost", "reset"] = "arrives"
    body: bytes | None = None  # what arrives in its place


class Condition(Protocol):
    """Something that is wrong with an edge while it is there."""

    def accepts(self) -> bool:
        """Whether a connection over the edge can be made at all."""
        ...

    def passes(self, way: Way, body: bytes, /) -> Passage:
        """What becomes of one message."""
        ...


Handler = Callable[[str, bytes], Awaitable[Answer]]


@dataclass(slots=True, eq=False)
class _Connection:
    """Between two lives; ``open`` until an end of it has died or forgotten it."""

    caller: Life
    callee: Life
    open: bool = True
    calls: dict[asyncio.Future[Answer], None] = field(default_factory=dict)
    died: Callable[[], None] | None = None


class Network:
    """Hosts by the names of their processes, and the edges between them; ``latency_s`` one way."""

    def __init__(self, kernel: Kernel, *, latency_s: float = 0.0002) -> None:
        self._kernel = kernel
        self._latency_s = latency_s
        self._served: dict[str, tuple[Life, Handler]] = {}
        self._pool: dict[tuple[Life, str], _Connection] = {}
        self._cut: set[tuple[str, str]] = set()
        self._dark: set[str] = set()
        self.conditions: dict[str, list[Condition]] = {}

    # What is done to it.

    def serve(self, life: Life, handler: Handler) -> None:
        """Let ``life`` answer under its name from now on, until it dies."""
        self._served[life.name] = life, handler

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

    # What its users do.

    async def call(
        self, life: Life, callee: str, route: str, body: bytes, deadline_s: float, *, edge: str = ""
    ) -> Answer:
        """Call ``route`` of ``callee`` within ``deadline_s`` seconds, one attempt, over ``edge``.

        Raises:
            NetworkError: there is no answer.
        """
        life.check()
        late_s = self._kernel.now_s + deadline_s
        connection = self._pool.get((life, callee)) or await self._connect(life, callee, late_s, edge)
        answered: asyncio.Future[Answer] = life.create_future()
        connection.calls[answered] = None
        self._send(connection, route, body, answered, edge)
        timer = self._kernel.at(late_s, self._too_late, connection, answered)
        try:
            return await answered
        finally:
            timer.cancel()
            connection.calls.pop(answered, None)

    async def _connect(self, life: Life, callee: str, late_s: float, edge: str) -> _Connection:
        kernel, begun_s = self._kernel, self._kernel.now_s
        for after_s in AGAIN_S:
            if begun_s + after_s >= late_s:
                break
            if begun_s + after_s > kernel.now_s:
                await Sleep(life, begun_s + after_s)
            if not (self._reaches(life.name, callee) and self._reaches(callee, life.name)):
                continue
            await Sleep(life, kernel.now_s + 2 * self._latency_s)
            served, _ = self._served.get(callee, (None, None))
            refused = not all(one.accepts() for one in self.conditions.get(edge, ()))
            if refused or served is None or served.state == State.DEAD:
                raise NetworkError("refused")
            return self._connected(life, served)
        await Sleep(life, late_s)
        raise NetworkError("connect_timeout")

    def _connected(self, life: Life, served: Life) -> _Connection:
        connection = self._pool[life, served.name] = _Connection(life, served)
        connection.died = died = lambda: self._end_died(connection)
        for end in (life, served):
            end.on_death[died] = None
        return connection

    def _reaches(self, sender: str, receiver: str) -> bool:
        return (sender, receiver) not in self._cut and not self._dark & {sender, receiver}

    def _send(
        self, connection: _Connection, route: str, body: bytes, answered: asyncio.Future[Answer], edge: str
    ) -> None:
        if not self._reaches(connection.caller.name, connection.callee.name):
            return
        kernel, passage = self._kernel, self._passage(edge, "request", body)
        arrives_s = kernel.now_s + self._latency_s + passage.delay_s
        if passage.fate == "reset" or not connection.open:
            kernel.at(arrives_s + self._latency_s, self._reset, connection)
        elif passage.fate == "arrives":
            given = body if passage.body is None else passage.body
            kernel.at(arrives_s, self._arrive, connection, route, given, answered, edge)

    def _passage(self, edge: str, way: Way, body: bytes) -> Passage:
        """All conditions of an edge, one after the other."""
        delay_s, changed = 0.0, None
        for one in self.conditions.get(edge, ()):
            passage = one.passes(way, body if changed is None else changed)
            if passage.fate != "arrives":
                return passage
            delay_s += passage.delay_s
            changed = passage.body if passage.body is not None else changed
        return Passage(delay_s, "arrives", changed)

    def _arrive(
        self, connection: _Connection, route: str, body: bytes, answered: asyncio.Future[Answer], edge: str
    ) -> None:
        callee = connection.callee
        if callee.state == State.DEAD:
            self._reset(connection)
            return
        # Queued with the callee: one that is stopped answers when it goes on.
        callee.call_soon(lambda: callee.create_task(self._serve(connection, route, body, answered, edge)))

    async def _serve(
        self, connection: _Connection, route: str, body: bytes, answered: asyncio.Future[Answer], edge: str
    ) -> None:
        _, handler = self._served[connection.callee.name]
        given = await handler(route, body)
        passage = self._passage(edge, "answer", given.body)
        if not self._reaches(connection.callee.name, connection.caller.name) or passage.fate == "lost":
            return
        back_s = self._kernel.now_s + self._latency_s + passage.delay_s
        if passage.fate == "reset":
            self._kernel.at(back_s, self._reset, connection)
        else:
            given = given if passage.body is None else given._replace(body=passage.body)
            self._kernel.at(back_s, self._answer, answered, given)

    @staticmethod
    def _answer(answered: asyncio.Future[Answer], given: Answer) -> None:
        if not answered.done():
            answered.set_result(given)

    def _end_died(self, connection: _Connection) -> None:
        """The kernel of the dead end tells the other one, if its host has power and the link passes."""
        connection.open = False
        for dead, left in (
            (connection.caller, connection.callee),
            (connection.callee, connection.caller),
        ):
            if dead.state == State.DEAD and left.state != State.DEAD and self._reaches(dead.name, left.name):
                self._kernel.at(self._kernel.now_s + self._latency_s, self._reset, connection)

    def _reset(self, connection: _Connection) -> None:
        self._forget(connection)
        for answered in list(connection.calls):
            if not answered.done():
                answered.set_exception(NetworkError("reset"))

    def _too_late(self, connection: _Connection, answered: asyncio.Future[Answer]) -> None:
        if not answered.done():
            self._forget(connection)  # nobody knows what is still on its way over it
            answered.set_exception(NetworkError("timeout"))

    def _forget(self, connection: _Connection) -> None:
        connection.open = False
        for end in (connection.caller, connection.callee):
            if connection.died is not None and end.state != State.DEAD:
                end.on_death.pop(connection.died, None)
        if self._pool.get((connection.caller, connection.callee.name)) is connection:
            del self._pool[connection.caller, connection.callee.name]
