"""What a keeper needs of the machine its service runs on, and this machine as one.

Comes in: a ``ServiceSpec``. Goes out: a process, its end, what it answers and what it said last. A keeper
reaches nothing else, so the same one keeps a real process here and a simulated one on a virtual clock.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import Refused
from harness.experiment.model import RUNNING, TCP
from harness.shell import monotonic_s
from harness.targets.local.child import tail
from harness.targets.local.forks import Child, Forks
from harness.targets.local.looks import Answer
from harness.targets.local.orphans import end_processes, orphans_on
from harness.targets.local.probes import Prober
from harness.targets.local.procfs import start_ticks
from harness.targets.local.sockets import command_line, has_own_command, port_holder
from harness.targets.local.spec import RUN_VARIABLE, ServiceSpec
from harness.targets.local.zygote import Spawn

__all__ = ["Child", "LocalMachine", "Machine"]

GONE_WITHIN_S = 1.0
_EXECUTED_EVERY_S = 0.001


class Machine(Protocol):
    """Where services run."""

    async def spawn(self, spec: ServiceSpec, /) -> Child:
        """Start a process of the service."""
        ...

    def signal(self, pid: int, number: int, /) -> None:
        """Send a signal to a child; nothing happens if it has ended."""
        ...

    def has(self, child: Child, /) -> bool:
        """Whether that very process is there."""
        ...

    def check_port(self, spec: ServiceSpec, /) -> None:
        """``Refused``, naming who holds it, where the service's port is not free."""
        ...

    def orphans(self, spec: ServiceSpec, root: int = 0, /) -> tuple[int, ...]:
        """Processes of ours, of a former life, that keep the port from ``root`` and all below it."""
        ...

    def end_orphans(self, spec: ServiceSpec, /) -> tuple[int, ...]:
        """End them, while nobody of now lives; gives their pids. A stranger on the port is left alone."""
        ...

    def look(self, port: int, route: str, timeout_s: float, /) -> Awaitable[Answer]:
        """GET ``route`` on a fresh connection, or only connect (``TCP``); never raises for what is there.

        ``RUNNING`` asks nothing: whoever asks has the process.
        """
        ...

    def last_words(self, name: str, /) -> str:
        """The end of what the service wrote last, "" for nothing."""
        ...


@dataclass(frozen=True, slots=True)
class LocalMachine:
    """This machine: processes of a zygote, ports on loopback, logs in ``state_dir``."""

    forks: Forks
    prober: Prober
    state_dir: Path

    async def spawn(self, spec: ServiceSpec, /) -> Child:
        """See ``Machine``."""
        log = self._log(spec.name)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        order = Spawn(
            order=0,
            entry=spec.entry,
            command=spec.command,
            env=spec.env,
            folder=str(log.parent),
            log=str(log),
        )
        child = await self.forks.spawn(order)
        if spec.command:
            await _executed(child, spec.start_timeout_s)
        return child

    def signal(self, pid: int, number: int, /) -> None:
        """See ``Machine``."""
        self.forks.signal(pid, number)

    def has(self, child: Child, /) -> bool:
        """See ``Machine``."""
        return start_ticks(child.pid) == child.start_ticks

    def check_port(self, spec: ServiceSpec, /) -> None:
        """Bind the port for a moment.

        SO_REUSEADDR as servers set it: closed connections in TIME_WAIT do not count, a listener does.
        """
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", spec.port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                holder, ours = port_holder(spec.port), self.orphans(spec)
                who = f"held by pid {holder}" if holder else f"not free: {error.strerror}"
                who = f"kept by an orphan of a former life, pid {ours[0]}" if ours else who
                raise Refused(f"port {spec.port} of {spec.name} is {who}") from error

    def orphans(self, spec: ServiceSpec, root: int = 0, /) -> tuple[int, ...]:
        """See ``Machine``."""
        token = spec.env.get(RUN_VARIABLE, "")
        return orphans_on(spec.port, (RUN_VARIABLE, token), root) if token else ()

    def end_orphans(self, spec: ServiceSpec, /) -> tuple[int, ...]:
        """See ``Machine``."""
        mark = RUN_VARIABLE, spec.env.get(RUN_VARIABLE, "")
        return end_processes(self.orphans(spec), mark, GONE_WITHIN_S)

    def look(self, port: int, route: str, timeout_s: float, /) -> Awaitable[Answer]:
        """See ``Machine``."""
        if route == RUNNING:
            return _there()
        return _accepted(port, timeout_s) if route == TCP else self.prober.look(port, route, timeout_s)

    def last_words(self, name: str, /) -> str:
        """See ``Machine``."""
        return tail(self._log(name))

    def _log(self, name: str) -> Path:
        return self.state_dir / name / "log.txt"


async def _there() -> Answer:
    return Answer(status=200)


async def _accepted(port: int, timeout_s: float) -> Answer:
    with socket.socket() as probe:
        probe.setblocking(False)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(probe, ("127.0.0.1", port))
        except TimeoutError:
            return Answer(status=0, why=f"not accepted within {timeout_s:g} s")
        except OSError as error:
            return Answer(status=0, why=f"{type(error).__name__}: {error}")
    return Answer(status=200)


async def _executed(child: Child, within_s: float) -> None:
    """Wait until a fork is the command that it was started for; one that ends before is told by its end.

    Before that it is a copy of the zygote: whoever hit it would hit no service, and a job without a port has
    nothing else by which it could be seen that it is not there yet.
    """
    until_s = child.started_at_s + within_s
    # A program has no words for an instant, while the kernel puts it together.
    while not (has_own_command(child.pid) and command_line(child.pid)) and monotonic_s() < until_s:
        ended, _ = await asyncio.wait([child.exited], timeout=_EXECUTED_EVERY_S)
        if ended:
            return
