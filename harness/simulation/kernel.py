"""The clock and the queue of a simulated world: what is due next runs, and time is what it is due at.

Comes in: callbacks, each of one life of a process and due at an instant. Goes out: their effects, in an order
that the seed decides, and a digest over every one of them. No callback of a life that is dead runs, and those
of a stopped one wait until it goes on.
"""

from __future__ import annotations

import gc
import hashlib
import heapq
import sys
from asyncio import events
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from enum import IntEnum
from functools import lru_cache
from threading import get_ident
from typing import Protocol
from zlib import crc32

import numpy as np


class Escape(RuntimeError):
    """Code of the simulated world reached for the real one."""


class ProcessDead(BaseException):
    """A port was used by a life that is over; no ``Exception``, so that no handler takes it for a failure."""


_LARGE_BYTES = 1 << 14
_remembered = lru_cache(maxsize=4)(crc32)
"""A model goes over the wire at every look, one and the same object: its checksum is taken once."""


class State(IntEnum):
    """What a life is; only a running one runs."""

    RUNNING = 0
    STOPPED = 1
    DEAD = 2


class Life(Protocol):
    """What the kernel must know of a life: ``key`` is its number among all lives of the world.

    It is an event loop, too; only the world itself, number 0, is none.
    """

    key: int
    state: State
    parked: deque[Handle]

    def failed(self, error: BaseException, /) -> None:
        """Take an error that a callback raised."""
        ...

    def let_go(self, generator: AsyncGenerator[object, object], /) -> None:
        """Take an asynchronous generator of its own that nobody holds any more."""
        ...


class Handle:
    """A callback of ``life`` that is due; has what asyncio asks of its own handles."""

    __slots__ = ("_cancelled", "_when_s", "arguments", "context", "function", "life")

    def __init__(
        self,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        context: Context,
        life: Life,
        *,
        when_s: float = 0.0,
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.context = context
        self.life = life
        self._when_s = when_s
        self._cancelled = False

    def cancel(self) -> None:
        """Never run it, and let go of what it holds."""
        self._cancelled = True
        self.function, self.arguments = _nothing, ()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def when(self) -> float:
        """The instant it is due at, in seconds of the world."""
        return self._when_s


RUNNING: dict[int, Kernel] = {}
"""By thread, the world whose code runs there just now: what ``guards`` ask before they refuse anything."""
ESCAPES_MAX = 100
"""One is enough to void a run; a service that tries at each request must not fill the memory with them."""


class Kernel:
    """One simulated world. ``now_s`` begins at 0; ``events`` counts what has run.

    ``escapes``: what was refused because it reaches for the real world: when, by which process, what.

    >>> kernel = Kernel(seed=7)
    >>> kernel.run(until_s=60.0)
    >>> kernel.now_s, kernel.events
    (60.0, 0)
    """

    def __init__(self, seed: int) -> None:
        self.now_s = 0.0
        self.events = 0
        self.errors: list[tuple[float, str, str]] = []
        self.escapes: list[tuple[float, str, str]] = []
        self.ready: deque[Handle] = deque()
        self.seed = seed
        self._heap: list[tuple[float, int, Handle]] = []
        self._order = 0
        self._numbers = 0
        self._mixed = 0
        self._told = hashlib.blake2b(digest_size=16)
        self._world = _World()
        self._context = Context()
        self._generators: dict[int, Life] = {}

    def number(self) -> int:
        """The next of the numbers by which tasks, futures and lives are told apart and ordered."""
        self._numbers += 1
        return self._numbers

    def stream(self, name: str) -> np.random.Generator:
        """Dice of their own for ``name``: who throws them more often shifts nobody else's."""
        words = hashlib.blake2b(name.encode(), digest_size=16).digest()
        return np.random.Generator(np.random.PCG64([self.seed, int.from_bytes(words, "little")]))

    def tell(self, *what: object) -> None:
        """Put something that happened into the digest, with its instant."""
        self._told.update(f"{self.now_s!r} {what!r}\n".encode())

    def mix(self, content: bytes) -> None:
        """Put content into the digest that goes over a wire or to a disk: instants alone do not show it."""
        is_large = len(content) >= _LARGE_BYTES and type(content) is bytes  # others cannot be remembered
        checksum = _remembered(content) if is_large else crc32(content)
        self._mixed = hash((self._mixed, checksum))

    def escaped(self, what: str) -> Escape:
        """Keep that code of this world reached for the real one; gives the error to raise.

        It is kept besides, because the code that meets it may well handle it.
        """
        name = getattr(events._get_running_loop(), "name", "the world")
        if len(self.escapes) < ESCAPES_MAX:
            self.escapes.append((self.now_s, name, what))
        return Escape(f"{what} leaves the simulated world; use a port")

    def digest(self) -> str:
        """Give 32 hex digits over all that ran, was told and was carried so far."""
        whole = self._told.copy()
        whole.update(f"{self.events} {self._mixed}".encode())
        return whole.hexdigest()

    def push(self, when_s: float, handle: Handle) -> None:
        """Queue ``handle`` for ``when_s``; those of one instant run in the order of their queueing."""
        self._order += 1
        heapq.heappush(self._heap, (when_s, self._order, handle))

    def at(self, when_s: float, function: Callable[..., object], *arguments: object) -> Handle:
        """Queue something that the world itself does, whichever process is dead."""
        handle = Handle(function, arguments, self._context, self._world, when_s=when_s)
        self.push(when_s, handle)
        return handle

    def run(self, until_s: float) -> None:
        """Run all that is due up to ``until_s``, that instant included; errors of callbacks are kept."""
        collecting, hooks = gc.isenabled(), sys.get_asyncgen_hooks()
        thread, outer = get_ident(), RUNNING.get(get_ident())
        gc.disable()  # a finalizer that runs at an instant of its own choice is an event without a cause
        RUNNING[thread] = self
        sys.set_asyncgen_hooks(firstiter=self._begun, finalizer=self._left)
        try:
            self._run(until_s)
        finally:
            del RUNNING[thread]
            if outer is not None:
                RUNNING[thread] = outer
            events._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
            if collecting:
                gc.enable()
        self.now_s = max(self.now_s, until_s)

    def _run(self, until_s: float) -> None:
        heap, ready, pop = self._heap, self.ready, heapq.heappop
        current: Life | None = None
        while True:
            if ready:
                handle = ready.popleft()
            elif heap and heap[0][0] <= until_s:
                when_s, _, handle = pop(heap)
                if when_s > self.now_s and not handle._cancelled:
                    self.now_s = when_s
            else:
                return
            life = handle.life
            if handle._cancelled or life.state:
                _put_off(handle)
                continue
            if life is not current:
                current = life
                events._set_running_loop(life if life.key else None)  # type: ignore[arg-type]  # see Life
            self.events += 1
            # Tuples of numbers hash alike in every process and on every version since 3.8.
            self._mixed = hash((self._mixed, self.now_s, life.key))
            try:
                handle.context.run(handle.function, *handle.arguments)
            except BaseException as error:  # noqa: BLE001 - a callback may raise anything; its life says what then
                life.failed(error)

    # One pair of hooks for all lives, and a note of whose generator it is: to set them at each change of
    # life took a twentieth of all time.

    def _begun(self, generator: AsyncGenerator[object, object]) -> None:
        life = events._get_running_loop()
        if life is not None:
            self._generators[id(generator)] = life  # type: ignore[assignment]  # see Life

    def _left(self, generator: AsyncGenerator[object, object]) -> None:
        life = self._generators.pop(id(generator), None)
        if life is not None:
            life.let_go(generator)

    def close(self) -> None:
        """Let go of all that is queued: the world ends here."""
        self._heap.clear()
        self.ready.clear()
        self._generators.clear()


@contextmanager
def seldom_collected() -> Iterator[None]:
    """For the length of a run, let the collector look less often between the kernel's steps.

    By its own thresholds it would look after every step, at what hardly ever holds a cycle: a fifth of all
    time. What a run leaves meanwhile are some ten megabytes.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _put_off(handle: Handle) -> None:
    """Keep what is due to a stopped life until it goes on; what is due to a dead one never runs."""
    if not handle._cancelled and handle.life.state == State.STOPPED:
        handle.life.parked.append(handle)


def _nothing(*_: object) -> None:
    """What a cancelled handle would do."""


class _World:
    """Who does what no process does: frames that arrive, disks, the harness's own hand."""

    key = 0

    def __init__(self) -> None:
        self.state: State = State.RUNNING
        self.parked: deque[Handle] = deque()

    def failed(self, error: BaseException) -> None:
        """Nobody but the harness does things here: its errors are its own."""
        raise error

    def let_go(self, generator: AsyncGenerator[object, object]) -> None:
        """Never asked: what the world does is no coroutine."""
