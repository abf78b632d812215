"""Toxics that change bytes: corruption, and answers replaced by wrong ones.

Comes in: pieces. Goes out: at once, the pieces with a bit flipped, or another answer. What is not HTTP/1.1
has no answers to replace and no heads to spare; a stage that joins in the middle waits for a head.
"""

from __future__ import annotations

from harness.proxy.http1 import Framer, Part, Role, begins
from harness.proxy.toxics.base import NEVER, Dice, Mark, Piece, Stage, Tally

HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n"
BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n"
KEPT_BYTES_MAX = 8 << 20  # of an answer that is to be cut in half; what is longer is cut there
FRAMING = (b"content-length", b"transfer-encoding", b"trailer")


class _Through(Stage):
    """A stage that holds nothing but what it cannot read yet: pieces leave as they come."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self._out: list[Piece] = []

    def due_s(self) -> float:
        """At once."""
        return -NEVER if self._out else NEVER

    def pull(self, now_s: float) -> list[Piece]:  # noqa: ARG002 (the stage's argument)
        """Give what has become ready."""
        out, self._out = self._out, []
        return out


class Corrupt(_Through):
    """Flip one bit of a chunk, drawn with ``toxicity`` for each chunk that has a bit to flip.

    Heads and lines of the chunked coding are spared where the stream is HTTP/1.1, so that what arrives is a
    wrong answer and not a broken connection.
    """

    def __init__(self, tally: Tally, framer: Framer, *, toxicity: float, number: int, dice: Dice) -> None:
        super().__init__(tally)
        self._framer = framer
        self._toxicity, self._number, self._dice = toxicity, number, dice

    def push(self, piece: Piece, now_s: float) -> None:  # noqa: ARG002 (the stage's argument)
        """Take a piece: bytes are framed and perhaps changed, an end lets go what was waiting."""
        if not isinstance(piece, bytes):
            self._out += [part.data for part in self._framer.finish() if part.data]
            self._out.append(piece)
            return
        parts = self._framer.feed(piece)
        whole = b"".join(part.data for part in parts)
        if whole:
            self._out.append(self._perhaps_flipped(whole, parts))

    def retire(self, now_s: float) -> list[Piece]:
        """End: what was waiting passes as it is."""
        waiting = [part.data for part in self._framer.finish() if part.data]
        return [*super().retire(now_s), *self.pull(now_s), *waiting]

    def _perhaps_flipped(self, whole: bytes, parts: list[Part]) -> bytes:
        """Flip one bit of what may be hit, each such bit as likely as the others."""
        targets: list[range] = []
        offset = 0
        for part in parts:
            if part.role in (Role.BODY, Role.OPAQUE):
                targets.append(range(offset, offset + len(part.data)))
            offset += len(part.data)
        total = sum(map(len, targets))
        if not total or self._dice.uniform() >= self._toxicity:
            return whole
        at, bit = divmod(int(self._dice.uniform() * total * 8), 8)
        self.tally.connection(self._number)
        self.tally.touched(len(whole), kept=self.kept)
        for target in targets:
            if at < len(target):
                return _flipped(whole, target[at], bit)
            at -= len(target)
        raise AssertionError("a drawn byte is one of the targets")


def _flipped(data: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


class Watch:
    """What the request side of a connection tells the answer side: whether HEAD was asked."""

    def __init__(self) -> None:
        self.head = False


class WatchRequests(_Through):
    """Let requests pass and note their method. Without pipelining the last one is the one answered."""

    def __init__(self, tally: Tally, watch: Watch) -> None:
        super().__init__(tally)
        self._watch = watch

    def push(self, piece: Piece, now_s: float) -> None:  # noqa: ARG002 (the stage's argument)
        """Take a piece; a chunk that begins with a request line is a request."""
        if isinstance(piece, bytes) and begins("upstream", piece):
            self._watch.head = piece.startswith(b"HEAD ")
        self._out.append(piece)


class WrongBody(_Through):
    """Replace an answer by a wrong one that is valid HTTP, drawn with ``toxicity`` for each answer.

    The replacement leaves when the original has ended, so that it comes when an answer was to come.
    """

    def __init__(self, tally: Tally, framer: Framer, *, toxicity: float, number: int, dice: Dice) -> None:
        super().__init__(tally)
        self._framer = framer
        self._toxicity, self._number, self._dice = toxicity, number, dice
        self._body, self._watch = "html", Watch()
        self._retiring = False
        self._head = b""  # of the answer that is being replaced
        self._content, self._content_bytes = bytearray(), 0

    def replace_by(self, body: str, watch: Watch) -> WrongBody:
        """Say by what answers are replaced, and who knows the requests."""
        self._body, self._watch = body, watch
        return self

    def push(self, piece: Piece, now_s: float) -> None:  # noqa: ARG002 (the stage's argument)
        """Take a piece of the answers."""
        self._framer.answers_head = self._watch.head
        ends = not isinstance(piece, bytes)
        parts = self._framer.finish() if not isinstance(piece, bytes) else self._framer.feed(piece)
        for part in parts:
            self._part(part)
        if ends:
            self._out.append(piece)
        self.retired = self._retiring and self._framer.between

    def retire(self, now_s: float) -> list[Piece]:
        """End, though not in the middle of an answer: one that is being replaced is replaced to its end."""
        self._retiring = True
        self.retired = self._framer.between
        return self.pull(now_s)

    def _part(self, part: Part) -> None:
        if part.role is Role.HEAD and part.status >= 200:
            hit = not self._retiring and not self._framer.answers_head
            self._head = part.data if hit and self._dice.uniform() < self._toxicity else b""
            self._content, self._content_bytes = bytearray(), 0
        if not self._head:
            self._out += [part.data] if part.data else []
        elif part.role is Role.OPAQUE:
            # The original cannot be read to its end: neither it nor its replacement would be an answer.
            self._head = b""
            self._out.append(Mark.RESET)
        elif part.role is Role.BODY:
            self._content_bytes += len(part.data)
            self._content += part.data[: KEPT_BYTES_MAX - len(self._content)]
        elif part.role is Role.DONE:
            self.tally.connection(self._number)
            self.tally.touched(len(self._head) + self._content_bytes, kept=self.kept)
            half = bytes(self._content[: self._content_bytes // 2])
            self._out.append(replacement(self._body, self._head, half))
            self._head = b""


def replacement(body: str, head: bytes, half: bytes) -> bytes:
    """Give the wrong answer of kind ``body``, always valid HTTP/1.1.

    ``truncated`` keeps the original's ``head`` and the first ``half`` of its content, with the half's length.

    >>> replacement("empty", b"", b"")
    b'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: 0\\r\\n\\r\\n'
    """
    if body == "truncated":
        return _cut(head, half)
    status, kind, new = {
        "html": (b"200 OK", b"text/html; charset=utf-8", HTML),
        "empty": (b"200 OK", b"application/json", b""),
        "status": (b"502 Bad Gateway", b"text/html; charset=utf-8", BAD_GATEWAY),
    }[body]
    return _message(b"HTTP/1.1 " + status, [b"Content-Type: " + kind], new)


def _cut(head: bytes, content: bytes) -> bytes:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in FRAMING]
    return _message(first, kept, content)


def _message(first: bytes, lines: list[bytes], content: bytes) -> bytes:
    head = b"\r\n".join([first, *lines, b"Content-Length: %d" % len(content)])
    return head + b"\r\n\r\n" + content
