"""Toxics that move bytes in time: latency, bandwidth, slicer, and two that lose them. Cut is the base.

Comes in: pieces. Goes out: the same bytes in the same order, later (``Drop``, ``ResetAtFirstByte``: none).
Nothing sleeps per chunk: each piece gets its instant on arrival, so that chunks in flight do not add up
their delays and a slow link is not a narrow one.
"""

from __future__ import annotations

from collections import deque

from harness.proxy.toxics.base import NEVER, Dice, Mark, Piece, Stage, Tally, size

# A slice is at most this long on the wire: measured, a whole first chunk leaks 34 % at 0.1 MB/s.
SLICE_S = 0.05
BINDS_S = 0.001  # the least latency that may be asked for: a limit that holds bytes for less limits nothing


class Latency(Stage):
    """Hold every piece for ``latency_s`` plus a uniform draw from +-``jitter_s``, never below 0, in order."""

    def __init__(self, tally: Tally, latency_s: float, jitter_s: float, dice: Dice) -> None:
        super().__init__(tally)
        self._latency_s, self._jitter_s, self._dice = latency_s, jitter_s, dice
        self._dues_s: deque[float] = deque()
        self._last_s = -NEVER

    def push(self, piece: Piece, now_s: float) -> None:
        """Stamp the piece with its instant, not before the one ahead of it."""
        draw = self._jitter_s * (2.0 * self._dice.uniform() - 1.0) if self._jitter_s else 0.0
        self._last_s = max(self._last_s, now_s + max(0.0, self._latency_s + draw))
        self._dues_s.append(self._last_s)
        super().push(piece, now_s)

    def due_s(self) -> float:
        """The instant of the head."""
        return self._dues_s[0] if self.queue else NEVER

    def leave(self, now_s: float) -> Piece:
        """Let the head go with its stamp."""
        self._dues_s.popleft()
        return super().leave(now_s)


class Bucket:
    """The wire that all connections of an edge share in one direction: free from ``free_s`` on."""

    def __init__(self, rate_bytes_s: float) -> None:
        self.rate_bytes_s = rate_bytes_s
        self.free_s = -NEVER

    def slice_bytes(self) -> int:
        """The most that goes onto the wire at once."""
        return max(1, int(self.rate_bytes_s * SLICE_S))

    def reserve(self, count: int, arrived_s: float) -> float:
        """Take the wire for ``count`` bytes, here since ``arrived_s``; gives when they are through."""
        self.free_s = max(self.free_s, arrived_s) + count / self.rate_bytes_s
        return self.free_s


class _Cutting(Stage):
    """A stage whose head leaves in parts: ``_offset`` bytes of it have gone."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self._offset = 0

    def leave(self, now_s: float) -> Piece:
        """Let the rest of the head go."""
        return self._leave_part(size(self.queue[0][0]) - self._offset, now_s)

    def discard(self) -> None:
        """Forget everything, the begun head too."""
        super().discard()
        self._offset = 0

    def _leave_part(self, count: int, now_s: float) -> Piece:
        piece, arrived_s = self.queue[0]
        if not isinstance(piece, bytes):
            self.queue.popleft()
            return piece
        part = piece[self._offset : self._offset + count]
        self._offset += len(part)
        self._hold(-len(part))
        self.tally.delayed(now_s - arrived_s)
        if self._offset == len(piece):
            self.queue.popleft()
            self._offset = 0
        return part


class Bandwidth(_Cutting):
    """Let bytes through at the bucket's rate, one slice at a time; connections take turns by slices."""

    def __init__(self, tally: Tally, bucket: Bucket) -> None:
        super().__init__(tally)
        self._bucket = bucket
        self._slice = 0
        self._through_s = NEVER

    def push(self, piece: Piece, now_s: float) -> None:
        """Queue the piece; reserve the wire if nothing of ours is on it."""
        super().push(piece, now_s)
        if len(self.queue) == 1:
            self._reserve()

    def due_s(self) -> float:
        """When the slice on the wire is through."""
        return self._through_s

    def pull(self, now_s: float) -> list[Piece]:
        """Give the slices that are through."""
        out: list[Piece] = []
        while self._through_s <= now_s:
            out.append(self._leave_part(self._slice, now_s))
            self._reserve()
        return out

    def retire(self, now_s: float) -> list[Piece]:
        """Give the rest at once."""
        self._through_s = NEVER
        return super().retire(now_s)

    def discard(self) -> None:
        """Forget the rest; the slice on the wire was ours."""
        self._through_s = NEVER
        super().discard()

    def _reserve(self) -> None:
        before_s, self._through_s = self._through_s, NEVER
        if self.queue:
            piece, arrived_s = self.queue[0]
            self._slice = min(self._bucket.slice_bytes(), size(piece) - self._offset)
            self._through_s = self._bucket.reserve(self._slice, arrived_s)
            # By what it reserves, not by when it left: a busy machine is late by itself.
            counted = self._offset > 0 and before_s - arrived_s >= BINDS_S
            waits = isinstance(piece, bytes) and self._through_s - arrived_s >= BINDS_S
            if waits and not counted:
                self.tally.changed()


class Slicer(_Cutting):
    """Pass bytes in pieces of at most ``slice_bytes``, ``pause_s`` apart; the first one goes at once."""

    def __init__(self, tally: Tally, slice_bytes: int, pause_s: float) -> None:
        super().__init__(tally)
        self._slice_bytes, self._pause_s = slice_bytes, pause_s
        self._next_s = -NEVER

    def due_s(self) -> float:
        """A pause after the last piece, if there is something to send."""
        return self._next_s if self.queue else NEVER

    def pull(self, now_s: float) -> list[Piece]:
        """Give one piece, or all pieces where the pause is zero."""
        out: list[Piece] = []
        while self.due_s() <= now_s:
            piece, _ = self.queue[0]
            if not isinstance(piece, Mark):
                self._next_s = now_s + self._pause_s
                if self._offset == 0 and len(piece) > self._slice_bytes:
                    self.tally.changed()
            out.append(self._leave_part(self._slice_bytes, now_s))
        return out


class Drop(Stage):
    """Lose all bytes, and close the connection after ``timeout_s`` (0 = never). Toxiproxy's ``timeout``."""

    def __init__(self, tally: Tally, timeout_s: float, now_s: float) -> None:
        super().__init__(tally)
        self._close_s = now_s + timeout_s if timeout_s > 0 else NEVER
        self._marks: list[Piece] = []

    def push(self, piece: Piece, now_s: float) -> None:  # noqa: ARG002 (the stage's argument)
        """Count and lose bytes; an end is told."""
        if isinstance(piece, bytes):
            self.tally.touched(len(piece), kept=self.kept)
        else:
            self._marks.append(piece)

    def due_s(self) -> float:
        """When the connection is closed, or now if there is an end to tell."""
        return -NEVER if self._marks else self._close_s

    def pull(self, now_s: float) -> list[Piece]:
        """Give ends, and the closing when it is time."""
        out, self._marks = self._marks, []
        if self._close_s <= now_s:
            self._close_s = NEVER
            out.append(Mark.CLOSE)
        return out

    def retire(self, now_s: float) -> list[Piece]:
        """End: later bytes pass again."""
        self._close_s = NEVER
        return [*super().retire(now_s), *self.pull(now_s)]


class ResetAtFirstByte(Stage):
    """Turn the first bytes that come into a reset of connection ``number``."""

    def __init__(self, tally: Tally, number: int) -> None:
        super().__init__(tally)
        self._number = number

    def due_s(self) -> float:
        """At once."""
        return -NEVER if self.queue else NEVER

    def leave(self, now_s: float) -> Piece:
        """Give the reset instead of bytes; a mark stays itself."""
        piece = super().leave(now_s)
        if not isinstance(piece, bytes):
            return piece
        self.tally.connection(self._number)
        return Mark.RESET
