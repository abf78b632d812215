"""The zygote: one small preloaded process that forks every service and reports how each ends.

``python -m harness.targets.local.zygote FD SUPERVISOR_PID MODULE...`` with one end of a SEQPACKET socket
pair as FD; each packet is one JSON message. In: ``Spawn``, ``Signal``. Out: ``Preloaded``, ``Spawned``,
``Exited``. It has one thread and no event loop, so that a fork copies nothing half done; a fork from
preloaded modules answers in about 10 ms where a fresh interpreter with its imports takes 0.1 to 1.7 s.

Nothing outlives it: services get SIGKILL when it dies, and when the socket closes (the supervisor died, or
asks for the end) it kills all its descendants. When a service's first process ends, the rest of its process
group is killed too, as a container's are: an orphan would keep the port and answer for the dead.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable

import msgspec

from harness.shell import monotonic_s
from harness.targets.local.kernel import adopt_orphans, die_with, kill_descendants, outlive_parent
from harness.targets.local.procfs import start_ticks

PACKET_BYTES_MAX = 1 << 18


class Spawn(msgspec.Struct, frozen=True, kw_only=True, tag="spawn"):
    """Start a process: ``entry`` (``module:function``, called in the fork) or ``command`` (exec'ed)."""

    order: int
    entry: str
    command: tuple[str, ...]
    env: dict[str, str]
    folder: str
    log: str


class Signal(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """Send a signal to a child that has not been reaped; silently too late if it has."""

    pid: int
    number: int


class Preloaded(msgspec.Struct, frozen=True, kw_only=True, tag="preloaded"):
    """Ready to fork; ``error`` is empty, or says which module did not import."""

    error: str = ""


class Spawned(msgspec.Struct, frozen=True, kw_only=True, tag="spawned"):
    """The process of ``order`` exists since ``at_s``."""

    order: int
    pid: int
    start_ticks: int
    at_s: float


class Exited(msgspec.Struct, frozen=True, kw_only=True, tag="exited"):
    """A child was seen ended at ``at_s``: ``code`` >= 0, or ``-signal``."""

    pid: int
    code: int
    at_s: float


Order = Spawn | Signal
Report = Preloaded | Spawned | Exited


class Zygote:
    """The fork server's loop over its socket and one pidfd a child."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._pid_of: dict[int, int] = {}

    def serve(self) -> Spawn | None:
        """Serve until the socket closes: None. In a forked child it returns what the child is to be."""
        while True:
            for handle, _ in self._poll.poll():
                if handle in self._pid_of:
                    self._bury(handle)
                    continue
                packet = self._hear()
                if not packet:
                    return None
                mine = self._obey(msgspec.json.decode(packet, type=Order))
                if mine is not None:
                    return mine

    def _hear(self) -> bytes:
        """One packet, b"" once the supervisor's end is closed."""
        try:
            return self._channel.recv(PACKET_BYTES_MAX)
        except ConnectionResetError:  # closed with our reports unread
            return b""

    def _obey(self, order: Order) -> Spawn | None:
        if isinstance(order, Signal):
            self._signal(order)
            return None
        zygote_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._leave(zygote_pid)
            return order
        handle = os.pidfd_open(pid)
        self._pid_of[handle] = pid
        self._poll.register(handle, select.POLLIN)
        spawned = Spawned(order=order.order, pid=pid, start_ticks=start_ticks(pid), at_s=monotonic_s())
        self._report(spawned)
        return None

    def _leave(self, zygote_pid: int) -> None:
        """In the child: own session, die with the zygote, drop its sockets and handles."""
        os.setsid()
        die_with(zygote_pid)
        self._channel.close()
        for handle in self._pid_of:
            os.close(handle)

    def _signal(self, order: Signal) -> None:
        for handle, pid in self._pid_of.items():
            if pid == order.pid:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, order.number)

    def _bury(self, handle: int) -> None:
        at_s = monotonic_s()
        pid = self._pid_of.pop(handle)
        # Before it is reaped: until then its number cannot be reused as another's group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        self._poll.unregister(handle)
        os.close(handle)
        self._report(Exited(pid=pid, code=os.waitstatus_to_exitcode(status), at_s=at_s))

    def _report(self, report: Report) -> None:
        # The supervisor's end may be gone; the next read sees that and ends the loop.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.send(msgspec.json.encode(report))


def main(arguments: list[str]) -> int:
    """Run the zygote, or, in a fork of it, the service; returns the exit code of whichever this is."""
    handle, supervisor_pid, *preload = arguments
    die_with(int(supervisor_pid))
    channel = socket.socket(fileno=int(handle))
    try:
        for name in preload:
            importlib.import_module(name)
    except BaseException as error:
        channel.send(msgspec.json.encode(Preloaded(error=f"preload: {type(error).__name__}: {error}"[:1000])))
        raise
    gc.collect()
    gc.freeze()
    # From here on the socket's end is the notice, which leaves time to kill the whole tree.
    outlive_parent()
    adopt_orphans()
    channel.send(msgspec.json.encode(Preloaded()))
    order = Zygote(channel).serve()
    if order is not None:
        return _become(order)
    return 1 if kill_descendants(os.getpid(), within_s=5.0) else 0


def _become(order: Spawn) -> int:
    """Turn this fork into the service; an exception ends it as any program, with a traceback in its log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, goal in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, goal)
    os.closerange(3, max(nothing, log) + 1)
    os.chdir(order.folder)
    if order.command:
        # Python ignores these two, and what is ignored stays so in the program.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvpe(order.command[0], order.command, order.env)
    _fresh_environment(order.env)
    _fresh_dice()
    module, _, function = order.entry.partition(":")
    sys.argv = [order.entry]
    start: Callable[[], int | None] = getattr(importlib.import_module(module), function or "main")
    return start() or 0


def _fresh_environment(env: dict[str, str]) -> None:
    for name in tuple(os.environb):
        os.unsetenv(name)
    os.environb.clear()
    os.environb.update({os.fsencode(name): os.fsencode(value) for name, value in env.items()})


def _fresh_dice() -> None:
    """Give numpy's global dice new entropy: a fork inherits them, and ``random`` alone reseeds itself."""
    dice = sys.modules.get("numpy.random")
    if dice is not None:
        dice.__dict__["seed"]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
