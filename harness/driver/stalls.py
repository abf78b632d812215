"""Did the witness itself stand still? What it did not see then is no evidence about the system.

Two signs, both from inside the driver: a heartbeat to a null server of its own (the same loop and
the same kind of socket as the units) that comes late, and slots that are sent late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

BEAT_S = 0.01
STALL_S = 0.05
"""Shorter gaps are scheduling noise of a busy machine and show in the send lag."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The witness stood still from ``since_s`` (monotonic) for ``lasted_s``."""

    since_s: float
    lasted_s: float


class StallDetector:
    """Turns beats and send lags into stalls; the same gap seen twice is told once."""

    def __init__(self, threshold_s: float = STALL_S) -> None:
        self._threshold_s = threshold_s
        self._last_beat_s: float | None = None
        self._told_until_s = float("-inf")

    def beat(self, at_s: float) -> Stall | None:
        """Take a heartbeat that came back at ``at_s``."""
        previous, self._last_beat_s = self._last_beat_s, at_s
        return None if previous is None else self._gap(previous, at_s)

    def sent(self, due_s: float, at_s: float) -> Stall | None:
        """Take a slot that was due at ``due_s`` and sent at ``at_s``."""
        return self._gap(due_s, at_s)

    def _gap(self, since_s: float, until_s: float) -> Stall | None:
        if until_s - since_s <= self._threshold_s or until_s - self._told_until_s <= self._threshold_s:
            return None
        self._told_until_s = until_s
        return Stall(since_s, until_s - since_s)


async def heartbeat(detector: StallDetector, tell: Callable[[Stall], None]) -> None:
    """Send a byte to our own null server every ``BEAT_S``, until cancelled."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    loop = asyncio.get_running_loop()
    try:
        while True:
            writer.write(b".")
            await reader.readexactly(1)
            if (stall := detector.beat(loop.time())) is not None:
                tell(stall)
            await asyncio.sleep(BEAT_S)
    finally:
        writer.close()
        server.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Ended between a byte and its echo, our own end resets the connection: the normal end of a run.
    with suppress(ConnectionResetError):
        while data := await reader.read(1):
            writer.write(data)
    writer.close()
