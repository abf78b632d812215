"""One connection through the proxy: two sockets, two lanes, and nothing lost between them.

Comes in: bytes and ends from either side. Goes out: the same through the lane's chain of toxics, with back
pressure, half-close and reset kept. ``asyncio.Protocol`` and not streams: three times the throughput.
What arrives before the upstream is connected waits; ``pause_reading`` in ``connection_made`` alone loses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Protocol, cast

from harness.proxy.spec import Way
from harness.proxy.toxics.base import NEVER, Chain, Mark, Piece, Stage, size

# Above this a lane stops reading. Not less: a delay of 20 ms holds 8 MiB at 400 MB/s.
HELD_BYTES_MAX = 8 << 20
OPENING_BYTES = 16
LINGER_NONE = struct.pack("ii", 1, 0)
LOOPBACK = "127.0.0.1"


class Owner(Protocol):
    """The edge, as a connection sees it."""

    def gone(self, link: Link, /) -> None:
        """The connection is over."""
        ...


class Lane:
    """One direction of one connection: from ``source`` through the chain to ``sink``."""

    def __init__(self, link: Link, way: Way) -> None:
        self.way = way
        self.opening = b""
        self.received_bytes = 0
        self.ended = False
        self.blocked = False
        self._link = link
        self._chain = Chain()
        self._loop = asyncio.get_running_loop()
        self._source: asyncio.Transport | None = None
        self._sink: asyncio.Transport | None = None
        self._sink_lost = False
        self._waiting: list[Piece] = []
        self._timer: asyncio.TimerHandle | None = None
        self._source_open = True
        self._paused = False

    def take(self, piece: Piece) -> None:
        """Bring a piece in from the source."""
        if isinstance(piece, bytes):
            self.received_bytes += len(piece)
            if self._sink is not None and not self._chain and self.opening:
                self._sink.write(piece)
                return
            self.opening = self.opening or piece[:OPENING_BYTES]
        else:
            self._source_open = False
        self._deliver(self._chain.push(piece, self._loop.time()))

    def add(self, name: str, stage: Stage) -> None:
        """Put a toxic on this direction."""
        self._chain.add(name, stage)
        self._settle()

    def remove(self, name: str) -> None:
        """Take a toxic off; what it held goes on."""
        self._deliver(self._chain.remove(name, self._loop.time()))

    def reads(self, source: asyncio.Transport) -> None:
        """Say where bytes come from."""
        self._source = source
        self._flow()

    def writes(self, sink: asyncio.Transport) -> None:
        """Say where bytes go, and let go what was waiting for that."""
        self._sink = sink
        waiting, self._waiting = self._waiting, []
        self._deliver(waiting)

    def lose_sink(self) -> None:
        """The receiver is gone: what comes out is lost, as in a network whose far end died."""
        self._sink, self._sink_lost = None, True

    def block(self, blocked: bool) -> None:
        """The sink's buffer is full, or has room again."""
        self.blocked = blocked
        self._flow()

    def end(self) -> None:
        """Write the end to the sink."""
        self.ended = True
        if self._sink is not None and not self._sink.is_closing():
            # A peer that has reset meanwhile is told by connection_lost; here it is "not connected".
            with contextlib.suppress(OSError):
                self._sink.write_eof()

    def discard(self) -> None:
        """Forget everything: the connection is over."""
        self._chain.discard()
        self._waiting.clear()
        self._source = self._sink = None
        if self._timer is not None:
            self._timer.cancel()

    def _deliver(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if not isinstance(piece, bytes):
                self._mark(piece)
            elif self._sink is not None:
                self._sink.write(piece)
            elif not self._sink_lost:
                self._waiting.append(piece)
        self._settle()

    def _mark(self, mark: Mark) -> None:
        # An end must not overtake bytes that wait for the upstream; a reset may.
        if mark is Mark.END and self._sink is None and not self._sink_lost:
            self._waiting.append(mark)
        else:
            self._link.marked(self, mark)

    def _settle(self) -> None:
        """Set the timer to the chain's next instant, and reading to what is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._link.over:
            return
        due_s = self._chain.due_s()
        if due_s != NEVER:
            self._timer = self._loop.call_at(due_s, self._on_time)
        self._flow()

    def _on_time(self) -> None:
        # A timer may fire early by the clock's resolution: then nothing is due and it is set again.
        self._timer = None
        self._deliver(self._chain.pull(self._loop.time()))

    def _flow(self) -> None:
        waiting = sum(map(size, self._waiting)) if self._waiting else 0
        wanted = self.blocked or self._chain.held + waiting > HELD_BYTES_MAX
        # After its end a source is not touched: resuming would read the end again.
        if self._source is None or not self._source_open or wanted == self._paused:
            return
        self._paused = wanted
        if wanted:
            self._source.pause_reading()
        else:
            self._source.resume_reading()


class Side(asyncio.Protocol):
    """One of the two sockets: what it reads goes into ``outward``, what ``inward`` lets go is written."""

    def __init__(self, link: Link, outward: Lane, inward: Lane) -> None:
        self._link, self._outward, self._inward = link, outward, inward
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the lanes to this socket."""
        self.transport = cast(asyncio.Transport, transport)
        if self._link.over:
            reset(self.transport)
            return
        self._outward.reads(self.transport)
        self._inward.writes(self.transport)

    def data_received(self, data: bytes) -> None:
        """Bring bytes in."""
        self._outward.take(data)

    def eof_received(self) -> bool:
        """Bring the end in; the other direction stays open."""
        if not self._link.over:
            self._outward.take(Mark.END)
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's argument)
        """Lost before the link was over means reset by the peer."""
        self.transport = None
        if not self._link.over:
            self._inward.lose_sink()
            self._outward.take(Mark.RESET)

    def pause_writing(self) -> None:
        """The buffer to the peer is full."""
        self._inward.block(True)

    def resume_writing(self) -> None:
        """There is room again."""
        self._inward.block(False)


class Link:
    """One connection of a caller, number ``number`` of its edge, joined to one to the callee."""

    def __init__(self, owner: Owner, number: int) -> None:
        self.number = number
        self.over = False
        self._owner = owner
        self.lanes: dict[Way, Lane] = {
            "upstream": Lane(self, "upstream"),
            "downstream": Lane(self, "downstream"),
        }
        up, down = self.lanes["upstream"], self.lanes["downstream"]
        self._caller, self._callee = Side(self, up, down), Side(self, down, up)

    async def start(self, accepted: socket.socket, upstream: int) -> None:
        """Take the accepted socket, then connect to ``upstream``; a callee that refuses resets the caller."""
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: self._caller, accepted)
            await loop.create_connection(lambda: self._callee, LOOPBACK, upstream)
        except OSError:
            if not self.over:
                self.lanes["upstream"].lose_sink()
                self.lanes["downstream"].take(Mark.RESET)

    def marked(self, lane: Lane, mark: Mark) -> None:
        """Do what a mark says that has come through ``lane``."""
        if mark is Mark.RESET:
            self.reset()
        elif mark is Mark.CLOSE:
            self.close()
        else:
            lane.end()
            if all(one.ended for one in self.lanes.values()):
                self.close()

    def reset(self) -> None:
        """End both sides with RST."""
        for transport in self._finish():
            reset(transport)

    def close(self) -> None:
        """End both sides with FIN, after what is buffered."""
        for transport in self._finish():
            transport.close()

    def _finish(self) -> list[asyncio.Transport]:
        if self.over:
            return []
        self.over = True
        for lane in self.lanes.values():
            lane.discard()
        self._owner.gone(self)
        sides = (self._caller.transport, self._callee.transport)
        return [transport for transport in sides if transport is not None]


def reset(transport: asyncio.Transport) -> None:
    """Close with RST: no lingering, nothing flushed."""
    sock = cast(socket.socket, transport.get_extra_info("socket"))
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
    transport.abort()
