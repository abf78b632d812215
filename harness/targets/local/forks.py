"""The supervisor's side of the zygote: asks for processes, hears how they end.

Comes in: ``Spawn`` orders. Goes out: one ``Child`` an order, whose ``exited`` future is set when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from harness.errors import Refused
from harness.targets.local.zygote import PACKET_BYTES_MAX, Exited, Preloaded, Report, Signal, Spawn, Spawned


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process; ``exited`` gives its end. Instants are monotonic seconds."""

    pid: int
    start_ticks: int
    started_at_s: float
    exited: asyncio.Future[Exited]


class Forks:
    """A running zygote. ``broken`` is set when it is gone: no service is alive then."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self._process = process
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._orders: dict[int, asyncio.Future[Child]] = {}
        self._children: dict[int, Child] = {}
        self._last_order = 0
        self._preloaded: asyncio.Future[str] = self._loop.create_future()
        self.broken: asyncio.Future[None] = self._loop.create_future()
        channel.setblocking(False)
        self._loop.add_reader(channel, self._hear)

    @classmethod
    async def open(cls, preload: Sequence[str]) -> Forks:
        """Start the zygote and wait until it has imported ``preload``; ``Refused`` if it cannot."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            forks = cls(_run_zygote(theirs, preload), ours)
        error = await forks._preloaded
        if error:
            forks.close()
            raise Refused(error)
        return forks

    async def spawn(self, order: Spawn) -> Child:
        """Start a process; the order's number is set here."""
        self._last_order += 1
        number = self._last_order
        self._orders[number] = self._loop.create_future()
        self._send(msgspec.structs.replace(order, order=number))
        return await self._orders[number]

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a child; nothing happens if it has ended."""
        self._send(Signal(pid=pid, number=number))

    def close(self, within_s: float = 1.0) -> None:
        """Close the socket, so that the zygote kills all it started and ends; wait for that."""
        self._loop.remove_reader(self._channel)
        self._channel.close()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, order: Spawn | Signal) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.send(msgspec.json.encode(order))

    def _hear(self) -> None:
        try:
            packet = self._channel.recv(PACKET_BYTES_MAX)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        if packet:
            self._note(msgspec.json.decode(packet, type=Report))
            return
        self._loop.remove_reader(self._channel)
        if not self._preloaded.done():
            self._preloaded.set_result("the zygote ended before it was ready")
        elif not self.broken.done():
            self.broken.set_result(None)

    def _note(self, report: Report) -> None:
        match report:
            case Preloaded(error=error):
                self._preloaded.set_result(error)
            case Spawned(order=order, pid=pid, start_ticks=ticks, at_s=at_s):
                exited: asyncio.Future[Exited] = self._loop.create_future()
                child = Child(pid=pid, start_ticks=ticks, started_at_s=at_s, exited=exited)
                self._children[pid] = child
                self._orders.pop(order).set_result(child)
            case Exited(pid=pid):
                self._children.pop(pid).exited.set_result(report)


def _run_zygote(channel: socket.socket, preload: Sequence[str]) -> subprocess.Popen[bytes]:
    me = [sys.executable, "-P", "-m", "harness.targets.local.zygote"]
    return subprocess.Popen(
        [*me, str(channel.fileno()), str(os.getpid()), *preload],
        pass_fds=[channel.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # standard output is for the supervisor's one line
        process_group=0,
    )
