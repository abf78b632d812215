"""What a service asks of its outside, as small protocols: the same class runs on any target.

A service gets :class:`Ports` and answers ``handle(route, body) -> Reply``. ``deploy`` plugs in
sockets and disks; no service module imports sqlite3, uvicorn or aiohttp.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from reference_pipeline.errors import PipelineError

T = TypeVar("T")
JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}


class CallFailed(PipelineError):
    """A call had no usable answer: refused, cut, timed out, or not status 200. The one call error."""


class CallRefused(CallFailed):
    """The connection was refused or reset before an answer: asking again may well help."""


class CallRejected(CallFailed):
    """The other side is well and says that the question is wrong: ``status`` 400, 409, 413 or 422."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class StoreFailed(PipelineError):
    """Nothing of this commit is durable (disk full, I/O error); the store itself stays usable."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer. The target that carries it adds ``x-boot-id``, also to its own errors."""

    status: int
    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=lambda: JSON_HEADERS)


class Row(NamedTuple):
    """One entry of a log; ``seq`` counts from 1 in order of commit."""

    seq: int
    key: str
    value: bytes


class Append(NamedTuple):
    """One entry to append to ``log``, unless that log already has ``key``."""

    log: str
    key: str
    value: bytes


class Store(Protocol):
    """Append-only logs with unique keys, and named values; owned by one process."""

    def commit(self, appends: Sequence[Append], values: Mapping[str, bytes] | None = None, /) -> list[int]:
        """Make all of it durable in one step; give the new seq of each append, 0 if its key was there.

        Raises:
            StoreFailed: nothing was written.
        """
        ...

    def read(self, log: str, after: int, limit: int, /) -> list[Row]:
        """At most ``limit`` entries with a seq above ``after``, in order."""
        ...

    def find(self, log: str, key: str, /) -> bytes | None:
        """The value under ``key``; named values are in the log ``values``."""
        ...


class Call(Protocol):
    """A call to another service over a named edge."""

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """Call ``route`` ("POST /score") within ``deadline_s`` seconds; one attempt.

        Raises:
            CallFailed: whatever went wrong, any status but 200 included.
        """
        ...


class Clock(Protocol):
    """Monotonic time in seconds."""

    def now_s(self) -> float:
        """The present instant."""
        ...

    async def sleep_s(self, seconds: float, /) -> None:
        """Let others run for that long."""
        ...

    async def rest_s(self, seconds: float, /) -> float:
        """Wait for the next of many looks, so long or, at a slower pace, longer; gives how long."""
        ...


class Beside(Protocol):
    """A place for work that computes and does nothing else, beside the loop that serves."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Run ``work`` there and give what it gives."""
        ...


Spawn = Callable[[Callable[[], Coroutine[None, None, None]]], None]
Handler = Callable[["Request"], Awaitable[Reply]]


class Request(msgspec.Struct, frozen=True, gc=False):
    """A routed request: path, its last part below the route's prefix, query and body."""

    path: str
    rest: str
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that a service can reach. ``spawn`` runs a loop for ever: if it raises, the process ends."""

    service: str
    boot_id: str
    call: Call
    store: Store
    clock: Clock
    spawn: Spawn


class Service(Protocol):
    """One process of the pipeline."""

    async def start(self) -> None:
        """Get ready: recover state, start loops. Called once, before the port listens."""
        ...

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """Answer one request; ``route`` is method, space, target ("GET /audit/sink?after=3")."""
        ...
