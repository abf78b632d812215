"""Where messages begin and end in a stream of HTTP/1.1 (RFC 9112, section 6), and nothing more.

Comes in: chunks of one direction of a connection, cut anywhere. Goes out: parts in the same order, whose
bytes together are those that came in; only a head or a line of the chunked coding waits until it is whole.
What cannot be read as HTTP/1.1 is *opaque* from there to the end: a proxy that guesses would break by itself.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Literal

from harness.proxy.spec import Way

HEAD_BYTES_MAX = 1 << 16
LINE_BYTES_MAX = 1 << 10
_REQUEST = re.compile(rb"[A-Z]{3,16} [^\r\n]")
_REQUEST_SO_FAR = re.compile(rb"[A-Z]{1,16}(\Z| \Z| [^\r\n])")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d\d\d)")

State = Literal["seek", "head", "length", "line", "data", "data_end", "trailer", "rest", "opaque"]


class Role(enum.Enum):
    """What the bytes of a part are."""

    HEAD = "start line and headers, whole"
    BODY = "content"
    FRAME = "lines of the chunked coding"
    OPAQUE = "not HTTP/1.1"
    UNPLACED = "HTTP/1.1, though nobody knows which part of it"
    DONE = "no bytes: the message is over"


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a message; ``status`` is set for the head of an answer."""

    role: Role
    data: bytes = b""
    status: int = 0


def begins(way: Way, data: bytes) -> bool:
    """Tell whether a stream whose first bytes are ``data`` is HTTP/1.1.

    >>> begins("downstream", b"HTTP/1.1 200 OK"), begins("upstream", b"GET / HTTP/1.1")
    (True, True)
    """
    return data.startswith(b"HTTP/1.") if way == "downstream" else _REQUEST.match(data) is not None


class Framer:
    """One direction of one connection, joined after ``opening`` was the first to pass (empty: nothing has).

    Joined in the middle of HTTP/1.1 it waits for a head, and takes one only at the beginning of a chunk: that
    holds for whoever sends head and start of the body at once. What passes until then is *unplaced*.
    """

    def __init__(self, way: Way, opening: bytes = b"") -> None:
        self._way = way
        self._state: State = "head" if not opening else "seek" if begins(way, opening) else "opaque"
        self._buffer = b""
        self._left = 0
        self.answers_head = False  # the next answer is one to HEAD: it has no body, whatever it says

    @property
    def between(self) -> bool:
        """True where no message is under way here."""
        return (self._state == "head" and not self._buffer) or self._state in ("seek", "opaque")

    def feed(self, data: bytes) -> list[Part]:
        """Take the next chunk; give the parts that it completes."""
        if self._state == "seek":
            if not begins(self._way, data):
                return [Part(Role.UNPLACED, data)]
            self._state = "head"
        self._buffer += data
        parts: list[Part] = []
        while (step := self._step()) is not None:
            parts += step
        return parts

    def finish(self) -> list[Part]:
        """Take the end of the stream: what was waiting, and the end of a body that had no length."""
        parts = [Part(Role.OPAQUE, self._buffer)] if self._buffer else []
        parts += [Part(Role.DONE)] if self._state == "rest" else []
        self._buffer, self._state = b"", "opaque"
        return parts

    def _step(self) -> list[Part] | None:
        """Do one step of the state; None where more bytes are needed."""
        if not self._buffer:
            return None
        match self._state:
            case "head":
                return self._head()
            case "length" | "data" | "rest":
                return self._body()
            case "line" | "data_end" | "trailer":
                return self._line()
            case _:
                return [Part(Role.OPAQUE, self._take(len(self._buffer)))]

    def _head(self) -> list[Part] | None:
        if not _may_begin(self._way, self._buffer):
            return self._give_up()
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return self._give_up() if len(self._buffer) > HEAD_BYTES_MAX else None
        head = self._buffer[: end + 4]
        if not begins(self._way, head):
            return self._give_up()
        status = int(found[1]) if (found := _STATUS.match(head)) else 0
        try:
            over = self._after(head, status)
        except ValueError:
            return self._give_up()
        self._take(len(head))
        return [Part(Role.HEAD, head, status), *([Part(Role.DONE)] if over else [])]

    def _after(self, head: bytes, status: int) -> bool:
        """Set the state that follows a head; True where the message has no body. ValueError: not readable."""
        coding = values(head, b"transfer-encoding")
        lengths = set(values(head, b"content-length"))
        bodiless = self._way == "downstream" and (
            100 <= status < 200 or status in (204, 304) or self.answers_head
        )
        if status == 101 or head.startswith(b"CONNECT "):
            self._state = "opaque"  # another protocol begins behind it
            return True
        if bodiless:
            return True
        if coding:
            if coding[-1].rpartition(b",")[2].strip().lower() != b"chunked":
                raise ValueError(f"transfer coding {coding}")
            self._state = "line"
            return False
        if lengths:
            (length,) = lengths
            return self._expect(length)
        if self._way == "downstream":
            self._state = "rest"
            return False
        return True

    def _expect(self, length: bytes) -> bool:
        if not length.isdigit():
            raise ValueError(f"content length {length!r}")
        self._left = int(length)
        if self._left:
            self._state = "length"
        return not self._left

    def _body(self) -> list[Part]:
        if self._state == "rest":
            return [Part(Role.BODY, self._take(len(self._buffer)))]
        data = self._take(self._left)
        self._left -= len(data)
        if self._left:
            return [Part(Role.BODY, data)]
        if self._state == "data":
            self._state = "data_end"
            return [Part(Role.BODY, data)]
        self._state = "head"
        return [Part(Role.BODY, data), Part(Role.DONE)]

    def _line(self) -> list[Part] | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return self._give_up() if len(self._buffer) > LINE_BYTES_MAX else None
        line = self._buffer[:end]
        if self._state == "line":
            digits = line.partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", digits):
                return self._give_up()
            self._left = int(digits, 16)
            self._state = "data" if self._left else "trailer"
        elif self._state == "data_end":
            if line:
                return self._give_up()
            self._state = "line"
        elif not line:
            self._state = "head"
            return [Part(Role.FRAME, self._take(2)), Part(Role.DONE)]
        return [Part(Role.FRAME, self._take(end + 2))]

    def _give_up(self) -> list[Part]:
        self._state = "opaque"
        return [Part(Role.OPAQUE, self._take(len(self._buffer)))]

    def _take(self, count: int) -> bytes:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data


def _may_begin(way: Way, data: bytes) -> bool:
    if way == "downstream":
        return b"HTTP/1.".startswith(data[:7])
    return _REQUEST_SO_FAR.match(data) is not None


def values(head: bytes, name: bytes) -> list[bytes]:
    """Give the values of a header (name in lower case), one a line of the head.

    >>> values(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n", b"content-length")
    [b'2']
    """
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return [value.strip() for own, _, value in lines if own.strip().lower() == name]
