"""The listening socket of an edge: open, refusing, or a black hole, changed at once, its port never lost.

Comes in: the wanted mode. Goes out: accepted sockets. *Refusing* takes the socket out of the LISTEN state and
keeps it bound, so nobody can take the port meanwhile and a SYN is answered by RST. *Black hole* leaves it
listening with a full accept queue, so a SYN is not answered at all (Linux).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from harness.errors import Refused
from harness.proxy.acting import Mode

BACKLOG = 1024
FILLERS_MAX = 8
ACCEPTS_A_TURN = 64
AGAIN_S = 0.1  # after an accept that failed (out of file descriptors)
LOOPBACK = "127.0.0.1"
# struct tcp_info: 8 bytes, then rto, ato, snd_mss, rcv_mss; of a listener the next are queue and limit.
QUEUE_OFFSET, TCP_INFO_BYTES = 24, 104


class Listener:
    """One port. ``taken`` gets each accepted socket; ``Refused`` where the port is not free."""

    def __init__(self, port: int, taken: Callable[[socket.socket], None]) -> None:
        self._port, self._taken = port, taken
        self._loop = asyncio.get_running_loop()
        self._fillers: list[socket.socket] = []
        self.mode: Mode = "open"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
            self._socket.listen(BACKLOG)
        except OSError as error:
            self._socket.close()
            raise Refused(f"port {port} of an edge is not free: {error}") from error
        self._read()

    def become(self, mode: Mode) -> None:
        """Change the mode; nothing happens where it is that already."""
        if mode == self.mode:
            return
        # Whoever got in before the change is served, and not lost in a queue that nobody reads.
        self._drain()
        self._leave_mode()
        self.mode = mode
        if mode == "refuse":
            self._loop.remove_reader(self._socket)
            self._socket.shutdown(socket.SHUT_RD)
        elif mode == "blackhole":
            self._loop.remove_reader(self._socket)
            self._fill()

    def close(self) -> None:
        """Close the port."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for filler in self._fillers:
            filler.close()

    def queue(self) -> tuple[int, int]:
        """Give the length of the accept queue and its limit; it is full when it is longer than the limit."""
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        waiting, limit = struct.unpack_from("II", info, QUEUE_OFFSET)
        return int(waiting), int(limit)

    def _leave_mode(self) -> None:
        if self.mode == "open":
            return
        self._socket.listen(BACKLOG)
        self._drain()
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._read()

    def _fill(self) -> None:
        """Make the queue full with connections of our own: with a limit of 0 the first one fills it."""
        self._socket.listen(0)
        for _ in range(FILLERS_MAX):
            waiting, limit = self.queue()
            if waiting > limit:
                return
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex((LOOPBACK, self._port))
            self._fillers.append(filler)

    def _read(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        if not self._drain():
            # Out of descriptors: the socket stays readable, so without a pause the loop would spin.
            self._loop.remove_reader(self._socket)
            self._loop.call_later(AGAIN_S, self._resume)

    def _resume(self) -> None:
        if self.mode == "open":
            self._read()

    def _drain(self) -> bool:
        """Accept what is there; False where the system gives no more descriptors."""
        if self.mode == "refuse":
            return True
        own = {filler.getsockname() for filler in self._fillers}
        for _ in range(ACCEPTS_A_TURN):
            try:
                accepted, caller = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return True
            except OSError:
                return False
            if caller in own:
                accepted.close()
            else:
                accepted.setblocking(False)
                # An answer's second piece would wait for the acknowledgement of its first, up to 40 ms;
                # asyncio sees to that only where a socket names its protocol.
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._taken(accepted)
        return True
