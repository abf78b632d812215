"""The event loop of one life of a simulated process: asyncio's own tasks and locks run on it unchanged.

Time is the kernel's. What would leave the world (sockets, threads, child processes, signals) raises
``Escape``. Tasks and futures have a hash of their own, the number of their making: sets of them have one
order in every process, so what ``asyncio.wait`` gives and a task group cancels comes in one order, too.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import math
from asyncio import events
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from harness.simulation.kernel import Escape, Handle, Kernel, ProcessDead, State

T = TypeVar("T")


class SimulatedTask(asyncio.Task[T]):
    """A task whose hash is the number of its making."""

    __slots__ = ("_number",)

    def __init__(
        self,
        coroutine: Coroutine[object, None, T],
        *,
        loop: LifeLoop,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        self._number = loop.kernel.number()
        super().__init__(coroutine, loop=loop, name=name or f"task {self._number}", context=context)

    def __hash__(self) -> int:
        return self._number


class SimulatedFuture(asyncio.Future[Any]):
    """A future whose hash is the number of its making."""

    __slots__ = ("_number",)

    def __init__(self, *, loop: LifeLoop) -> None:
        self._number = loop.kernel.number()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


_TASKS_MIN = 64


def _own(context: contextvars.Context | None) -> contextvars.Context:
    """The context of a callback, as asyncio has it; one in which nothing is set is false, and its own."""
    return contextvars.copy_context() if context is None else context


class LifeLoop(asyncio.AbstractEventLoop):
    """The loop of one life: ``key`` is the number of that life, ``state`` and ``parked`` the kernel's.

    ``tasks`` holds every task that is not over, also of a dead life: a coroutine whose last reference goes
    runs its ``finally``, which no killed process does. Those that are over go when there are many: a callback
    at the end of each would be one event in six.
    """

    def __init__(self, kernel: Kernel, name: str) -> None:
        self.kernel = kernel
        self.name = name
        self.key = kernel.number()
        self.state: State = State.RUNNING
        self.parked: deque[Handle] = deque()
        self.tasks: dict[SimulatedTask[Any], None] = {}
        self._tasks_max = _TASKS_MIN

    def let_go(self, generator: AsyncGenerator[object, object]) -> None:
        """End an asynchronous generator that nobody holds, as asyncio does; in a dead life it never ends."""
        if self.state != State.DEAD:
            self.call_soon(self.create_task, generator.aclose())

    def failed(self, error: BaseException) -> None:
        """Keep what a callback raised; the world goes on, as a real process does that logs it."""
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        self.kernel.errors.append((self.kernel.now_s, self.name, repr(error)))

    def check(self) -> None:
        """Raise ``ProcessDead`` where this life is over: every port asks first."""
        if self.state == State.DEAD:
            raise ProcessDead(self.name)

    # What asyncio asks of a loop.

    def time(self) -> float:
        """Seconds of the world."""
        return self.kernel.now_s

    def get_debug(self) -> bool:
        """Never: its checks read the real clock."""
        return False

    def is_running(self) -> bool:
        """Whether code of this life is running."""
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        """Whether this life is over."""
        return self.state == State.DEAD

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: object, context: contextvars.Context | None = None
    ) -> Handle:
        """Queue for this instant."""
        handle = Handle(callback, args, _own(context), self)
        self.kernel.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> Handle:
        """Queue for the instant ``when``."""
        handle = Handle(callback, args, _own(context), self, when_s=when)
        self.kernel.push(when, handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> Handle:
        """Queue for ``delay`` seconds from now."""
        return self.call_at(self.kernel.now_s + delay, callback, *args, context=context)

    def create_future(self) -> SimulatedFuture:
        """Make a future of this life."""
        return SimulatedFuture(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[object, None, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> SimulatedTask[T]:
        """Make a task of this life, held until it is over."""
        if self.state == State.DEAD:
            coro.close()
            raise ProcessDead(self.name)
        task = SimulatedTask(coro, loop=self, name=name, context=context)
        self.tasks[task] = None
        if len(self.tasks) > self._tasks_max:
            self.tasks = {one: None for one in self.tasks if not one.done()}
            self._tasks_max = 2 * len(self.tasks) + _TASKS_MIN
        return task

    def call_exception_handler(self, context: dict[str, object]) -> None:
        """Keep what nobody waited for."""
        error = context.get("exception")
        self.kernel.errors.append((self.kernel.now_s, self.name, f"{context.get('message')}: {error!r}"))

    def default_exception_handler(self, context: dict[str, object]) -> None:
        """See ``call_exception_handler``."""
        self.call_exception_handler(context)

    def _timer_handle_cancelled(self, handle: Handle) -> None:
        """Asked by asyncio's own timers."""

    async def shutdown_asyncgens(self) -> None:
        """Nothing to shut down: a life ends by its death."""

    def dispose(self) -> None:
        """Close what a dead life held; its ports refuse, so that what a ``finally`` does reaches nothing."""
        for task in list(self.tasks):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _close(task.get_coro())
        self.tasks.clear()
        self.parked.clear()


_TRIES = 256


def _close(coroutine: object) -> None:
    """Close a coroutine and what it waits for, from the inside out, each as often as it takes.

    One that waits in its ``finally`` makes closing it an error. Closed from the outside, that error would end
    the outer ones, and the inner one be closed by the collector, in words that nobody asked for.
    """
    last: BaseException | None = None
    for _ in range(_TRIES):
        open_ones = _open_ones(coroutine)
        if not open_ones:
            return
        try:
            open_ones[-1].close()
        except BaseException as error:  # noqa: BLE001 - whatever its finally raises: nobody is left to take it
            last = error
    raise Escape(f"a coroutine of a dead life does not end: {last!r}")


def _open_ones(coroutine: object) -> list[Coroutine[Any, Any, Any]]:
    """The coroutine and what it waits for, the innermost last; those that are over left out."""
    found: list[Coroutine[Any, Any, Any]] = []
    while inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) != inspect.CORO_CLOSED:
        found.append(coroutine)
        coroutine = coroutine.cr_await
    return found


_LEAVING = (
    "sock_",
    "add_",
    "remove_",
    "connect_",
    "subprocess_",
    "create_connection",
    "create_server",
    "create_datagram",
    "create_unix",
    "start_tls",
    "sendfile",
    "getaddrinfo",
    "getnameinfo",
    "run_in_executor",
    "set_default_executor",
    "shutdown_default_executor",
    "run_forever",
    "run_until_complete",
    "stop",
    "close",
)


def _refused(name: str, *, asynchronous: bool) -> Callable[..., object]:
    def refuse(self: LifeLoop, *_: object, **__: object) -> object:
        raise self.kernel.escaped(f"loop.{name}")

    async def refuse_async(self: LifeLoop, *_: object, **__: object) -> object:
        return refuse(self)

    return refuse_async if asynchronous else refuse


def _refuse_what_leaves() -> None:
    for name in dir(asyncio.AbstractEventLoop):
        if name.startswith(_LEAVING):
            waits = inspect.iscoroutinefunction(getattr(asyncio.AbstractEventLoop, name))
            setattr(LifeLoop, name, _refused(name, asynchronous=waits))


_refuse_what_leaves()


_NOWHERE = contextvars.Context()  # of a wait that nobody waits for yet


class Sleep(Handle):
    """A wait until ``when_s`` that is its own timer: one event, where ``asyncio.sleep`` is two."""

    __slots__ = ("_asyncio_future_blocking", "_loop", "_over")

    def __init__(self, loop: LifeLoop, when_s: float) -> None:
        super().__init__(_nobody, (), _NOWHERE, loop, when_s=when_s)
        self._loop = loop
        self._over = False
        self._asyncio_future_blocking = False

    def get_loop(self) -> LifeLoop:
        """Whose wait it is: a task of another life is told so."""
        return self._loop

    def add_done_callback(
        self, callback: Callable[..., object], *, context: contextvars.Context | None = None
    ) -> None:
        """Called by the task that waits: from here on it is due."""
        self.function, self.arguments = callback, (self,)
        self.context = _own(context)
        self._loop.kernel.push(self._when_s, self)

    def remove_done_callback(self, _: Callable[..., object]) -> int:
        """Never asked of a wait that has one waiter."""
        return 0

    def cancel(self, msg: object = None) -> bool:  # type: ignore[override]  # noqa: ARG002 (a future's own)
        """Called by ``Task.cancel``: wake the task at once with ``CancelledError``."""
        if self._over or self._cancelled:
            return False
        callback, context = self.function, self.context
        super().cancel()
        self._loop.call_soon(callback, self, context=context)
        return True

    def done(self) -> bool:
        """Whether it is over."""
        return self._over or self._cancelled or self._loop.kernel.now_s >= self._when_s

    def result(self) -> None:
        """Raise ``CancelledError`` where it was cancelled."""
        if self._cancelled:
            raise asyncio.CancelledError

    exception = result

    def __await__(self) -> Generator[Sleep, None, None]:
        self._asyncio_future_blocking = True
        try:
            yield self
            self.result()
        finally:
            # It holds itself by its arguments: let go, or the collector has every wait to find.
            self.function, self.arguments = _nobody, ()
        self._over = True

    __iter__ = __await__


class Coming(Generic[T]):
    """What another process sends to a task of ``loop``: it is due at the instant it arrives, one event.

    A future would be two, one in which it is given and one in which the task goes on. Of what is sent twice
    only what arrives first counts.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_context",
        "_error",
        "_loop",
        "_step",
        "_value",
        "_wake",
        "due_s",
    )

    def __init__(self, loop: LifeLoop) -> None:
        self._loop = loop
        self._step: Callable[..., object] | None = None
        self._context: contextvars.Context | None = None
        self._wake: Handle | None = None
        self._value: T | None = None
        self._error: BaseException | None = None
        self._asyncio_future_blocking = False
        self.due_s = math.inf

    @property
    def sent(self) -> bool:
        """Whether it is on its way, or there."""
        return self.due_s < math.inf

    def come(self, when_s: float, value: T | None, error: BaseException | None = None) -> None:
        """Arrive at ``when_s``: a value, or an error to raise."""
        if when_s >= self.due_s:
            return
        self.due_s, self._value, self._error = when_s, value, error
        if self._wake is not None:
            self._wake.cancel()
        self._push()

    def _push(self) -> None:
        step, context, due_s = self._step, self._context, self.due_s
        if step is None or context is None or due_s == math.inf:  # nobody waits, or nothing is sent
            return
        loop, kernel = self._loop, self._loop.kernel
        self._wake = wake = Handle(step, (self,), context, loop, when_s=due_s)
        if due_s > kernel.now_s:
            kernel.push(due_s, wake)
        else:
            kernel.ready.append(wake)

    def get_loop(self) -> LifeLoop:
        """Whose wait it is: a task of another life is told so."""
        return self._loop

    def add_done_callback(
        self, callback: Callable[..., object], *, context: contextvars.Context | None = None
    ) -> None:
        """Called by the task that waits."""
        self._step, self._context = callback, _own(context)
        self._push()

    def remove_done_callback(self, _: Callable[..., object]) -> int:
        """Never asked of a wait that has one waiter."""
        return 0

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 (a future's own)
        """Called by ``Task.cancel``: wake the task at once with ``CancelledError``."""
        if self.done() or self._step is None:
            return False
        now_s = self._loop.kernel.now_s
        self.due_s = math.inf  # what was on its way does not count any more, even if it arrives now
        self.come(now_s, None, asyncio.CancelledError())
        return True

    def done(self) -> bool:
        """Whether it is there."""
        return self._loop.kernel.now_s >= self.due_s

    def result(self) -> T:
        """Give what came, or raise it."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # asked once it is there

    def __await__(self) -> Generator[Coming[T], None, T]:
        self._asyncio_future_blocking = True
        try:
            yield self
        finally:
            self._step = self._wake = None  # they hold this one: let go, or the collector has it to find
        return self.result()

    __iter__ = __await__


def _nobody(*_: object) -> None:
    """Stands where no task waits yet."""
