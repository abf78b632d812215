"""Stages in a chain: what every toxic is made of.

Comes in: pieces with the instant of their arrival. Goes out: pieces in the same order, each at the first
``pull`` at or after its instant. A stage knows no clock: the instant is an argument, so it can be tested
without one.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections import deque
from collections.abc import Iterable

from harness.proxy.spec import DelayStats, ToxicCounters

NEVER = math.inf


class Mark(enum.Enum):
    """What is not bytes and yet keeps its place among them."""

    END = "the peer has finished sending (FIN)"
    RESET = "the connection was reset (RST)"
    CLOSE = "the toxic closes the connection, both ways"


Piece = bytes | Mark


def size(piece: Piece) -> int:
    """Bytes of a piece; a mark has none."""
    return len(piece) if isinstance(piece, bytes) else 0


class Dice:
    """Uniform draws that depend on nothing but their name and their number.

    Hashed and not from a generator: a draw costs one microsecond and no state is set up per connection.

    >>> Dice("7", "edge", 3).uniform() == Dice("7", "edge", 3).uniform()
    True
    """

    def __init__(self, *name: object) -> None:
        self._key = hashlib.blake2b("|".join(map(str, name)).encode(), digest_size=32).digest()
        self._drawn = 0

    def uniform(self) -> float:
        """Draw from [0, 1), 53 bits."""
        self._drawn += 1
        raw = hashlib.blake2b(self._drawn.to_bytes(8, "little"), key=self._key, digest_size=8).digest()
        return (int.from_bytes(raw, "little") >> 11) * 2.0**-53


class Tally:
    """What one toxic has touched on one edge, over all connections."""

    def __init__(self) -> None:
        self._connections: set[int] = set()
        self._kept: set[int] = set()
        self._kept_bytes = 0
        self._chunks = self._bytes = self._held = self._changed = 0
        self._count, self._sum_s, self._min_s, self._max_s = 0, 0.0, math.inf, 0.0

    def connection(self, number: int) -> None:
        """Note that it touched this connection; again is once."""
        self._connections.add(number)

    def kept(self, number: int) -> None:
        """Note that this connection was there before the toxic."""
        self._kept.add(number)

    def touched(self, count: int, *, kept: bool = False) -> None:
        """Note one chunk of ``count`` bytes; ``kept``: on a connection that was there before."""
        self._chunks += 1
        self._bytes += count
        self._kept_bytes += count if kept else 0

    def changed(self) -> None:
        """Note one chunk to which the toxic did what it is for; only where passing it need not be that."""
        self._changed += 1

    def held(self, change: int) -> None:
        """Note that bytes are held (positive) or have left (negative)."""
        self._held += change

    def delayed(self, length_s: float) -> None:
        """Note the measured delay of one piece that has left."""
        self._count += 1
        self._sum_s += length_s
        self._min_s = min(self._min_s, length_s)
        self._max_s = max(self._max_s, length_s)

    def counters(self) -> ToxicCounters:
        """Give what was noted, delays in milliseconds."""
        delay = DelayStats()
        if self._count:
            delay = DelayStats(
                count=self._count,
                min=self._min_s * 1e3,
                mean=self._sum_s / self._count * 1e3,
                max=self._max_s * 1e3,
            )
        return ToxicCounters(
            connections=len(self._connections),
            kept=len(self._connections & self._kept),
            kept_bytes=self._kept_bytes,
            chunks=self._chunks,
            changed=self._changed,
            bytes=self._bytes,
            held_bytes=self._held,
            delay_ms=delay,
        )


class Stage:
    """One toxic on one direction of one connection: a queue that gives each piece at its instant.

    The base holds everything for ever (that is ``cut``); a subclass says when its head may leave.
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.retired = False
        self.kept = False  # the connection was there before the toxic
        self.held = 0  # bytes that are here now
        self.queue: deque[tuple[Piece, float]] = deque()  # piece, instant of arrival

    def push(self, piece: Piece, now_s: float) -> None:
        """Take a piece that arrives now."""
        self.queue.append((piece, now_s))
        if isinstance(piece, bytes):
            self.tally.touched(len(piece), kept=self.kept)
            self._hold(len(piece))

    def due_s(self) -> float:
        """Give the instant at which something may leave; ``NEVER`` while nothing will."""
        return NEVER

    def pull(self, now_s: float) -> list[Piece]:
        """Give what may leave now, in order."""
        out: list[Piece] = []
        while self.due_s() <= now_s:
            out.append(self.leave(now_s))
        return out

    def leave(self, now_s: float) -> Piece:
        """Let the head of the queue go, and measure how long it was here."""
        piece, arrived_s = self.queue.popleft()
        if isinstance(piece, bytes):
            self._hold(-len(piece))
            self.tally.delayed(now_s - arrived_s)
        return piece

    def retire(self, now_s: float) -> list[Piece]:
        """End the toxic: give everything that is here, in order."""
        self.retired = True
        return [self.leave(now_s) for _ in range(len(self.queue))]

    def discard(self) -> None:
        """Forget everything: the connection is gone."""
        self._hold(-self.held)
        self.queue.clear()

    def _hold(self, change: int) -> None:
        self.held += change
        self.tally.held(change)


class Chain:
    """The toxics on one direction of one connection, in the order in which they were added."""

    def __init__(self) -> None:
        self._stages: list[tuple[str, Stage]] = []
        self.held = 0

    def __bool__(self) -> bool:
        return bool(self._stages)

    def add(self, name: str, stage: Stage) -> None:
        """Put a toxic behind those that are there; it sees bytes that leave them from now on."""
        self._stages.append((name, stage))

    def push(self, piece: Piece, now_s: float) -> list[Piece]:
        """Take one piece; give what leaves the chain now."""
        if not self._stages:
            return [piece]
        self._stages[0][1].push(piece, now_s)
        return self.pull(now_s)

    def pull(self, now_s: float) -> list[Piece]:
        """Give what leaves the chain now, in order."""
        out: list[Piece] = []
        for index in range(len(self._stages)):
            out = self._onward(index, self._stages[index][1].pull(now_s), now_s)
        self._stages = [(name, stage) for name, stage in self._stages if not stage.retired]
        self.held = sum(stage.held for _, stage in self._stages)
        return out

    def remove(self, name: str, now_s: float) -> list[Piece]:
        """End the toxic of that name; what it held goes on to the next, or leaves."""
        out: list[Piece] = []
        for index, (own, stage) in enumerate(self._stages):
            if own == name:
                out += self._onward(index, stage.retire(now_s), now_s)
        return out + self.pull(now_s)

    def due_s(self) -> float:
        """Give the instant at which ``pull`` will have something to do."""
        return min((stage.due_s() for _, stage in self._stages), default=NEVER)

    def discard(self) -> None:
        """Forget everything that is held."""
        for _, stage in self._stages:
            stage.discard()
        self._stages.clear()
        self.held = 0

    def _onward(self, index: int, pieces: Iterable[Piece], now_s: float) -> list[Piece]:
        """Move pieces behind stage ``index``; give them if it was the last."""
        if index + 1 == len(self._stages):
            return list(pieces)
        for piece in pieces:
            self._stages[index + 1][1].push(piece, now_s)
        return []
