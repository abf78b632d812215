"""One request on a fresh connection, and everything that a fault on its way may do to it.

Comes in: a loopback port and a route. Goes out: a ``Passage``: how it ended, when, and the answer.
Nothing is interpreted here; ``evidence`` says what a passage shows.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Literal

from harness.shell import monotonic_s

ANSWER_BYTES_MAX = 1 << 18
LINE_BYTES = 500  # servers limit single lines of a head, at 8 KiB or so

End = Literal["answered", "partial", "silent", "closed", "reset", "refused", "no handshake", "broken"]
"""answered: whole; partial: begun, not whole in time; silent: accepted, no byte; no handshake: no SYN-ACK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What one request met. ``took_s`` counts from before the connection to its end or to giving up."""

    end: End
    took_s: float
    sent_bytes: int = 0
    answer: bytes = b""

    @property
    def status(self) -> int:
        """The HTTP status; 0 where there is none."""
        words = self.answer[:32].split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    @property
    def body(self) -> bytes:
        """The bytes behind the head, as they came."""
        return self.answer.partition(b"\r\n\r\n")[2]


def pass_through(
    port: int, route: str, *, within_s: float, padding_bytes: int = 0, body_bytes: int = 0
) -> Passage:
    """GET ``route`` on loopback ``port``, for at most ``within_s``; raises nothing that a fault can cause.

    ``padding_bytes`` lengthen the head, which a server reads whole before it answers; ``body_bytes`` are a
    body, which a GET gives no meaning: both are there to be harmed.
    """
    asked_s = monotonic_s()
    until_s = asked_s + within_s
    body = b"x" * body_bytes
    length = f"Content-Length: {body_bytes}\r\n" if body_bytes else ""
    padding = "".join(f"X-Padding: {'p' * (LINE_BYTES - 13)}\r\n" for _ in range(padding_bytes // LINE_BYTES))
    head = (f"GET {route} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}{padding}Connection: close\r\n\r\n").encode()
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=within_s)
    except OSError as error:
        return Passage(end=_without_connection(error), took_s=monotonic_s() - asked_s)
    with connection:
        try:
            connection.sendall(head + body)
        except OSError as error:
            return Passage(end=_broken(error, b""), took_s=monotonic_s() - asked_s)
        end, answer = _read(connection, until_s)
    sent_bytes = len(head) + body_bytes
    return Passage(end=end, took_s=monotonic_s() - asked_s, sent_bytes=sent_bytes, answer=answer)


def _read(connection: socket.socket, until_s: float) -> tuple[End, bytes]:
    answer = b""
    while not _is_whole(answer):
        try:
            connection.settimeout(max(0.001, until_s - monotonic_s()))
            piece = connection.recv(65536)
        except OSError as error:
            return _broken(error, answer), answer
        if not piece:
            return _closed(answer), answer
        answer += piece
    return "answered", answer


def _is_whole(answer: bytes) -> bool:
    """True once head and announced length are here; an answer without a length ends with its connection."""
    length = _length(answer)
    if length is not None:
        return len(answer.partition(b"\r\n\r\n")[2]) >= length
    return len(answer) > ANSWER_BYTES_MAX


def _length(answer: bytes) -> int | None:
    head, found, _ = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _closed(answer: bytes) -> End:
    if not answer:
        return "closed"
    return "answered" if _length(answer) is None else "partial"


def _broken(error: OSError, answer: bytes) -> End:
    if isinstance(error, TimeoutError):
        return "partial" if answer else "silent"
    return "reset" if isinstance(error, ConnectionResetError | BrokenPipeError) else "broken"


def _without_connection(error: OSError) -> End:
    if isinstance(error, TimeoutError):
        return "no handshake"
    return "refused" if isinstance(error, ConnectionRefusedError) else "broken"
