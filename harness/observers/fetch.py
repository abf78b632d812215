"""One look at a route, with a deadline for all of it: a service that drips cannot hold the looker.

Comes in: an address and a route. Goes out: status, boot id, body; ``Unseen`` says why there was no answer.
"""

from __future__ import annotations

import http.client
import io
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import HormesisError
from harness.shell import monotonic_s

BODY_BYTES_MAX = 1 << 22
PIECE_BYTES = 1 << 16


class Unseen(HormesisError):
    """A look failed; nothing is known of that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, and when it was here whole (monotonic seconds). ``boot_id`` "" where none was sent."""

    status: int
    boot_id: str
    body: bytes
    received_s: float


def fetch(url: str, route: str, within_s: float) -> Reply:
    """GET ``route`` at ``url`` on a fresh connection; ``Unseen`` if it is not here whole ``within_s``."""
    until_s = monotonic_s() + within_s
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=within_s)
    try:
        connection.request("GET", route, headers={"Connection": "close"})
        reply = _begun(connection.sock, until_s)
        body = _read(reply)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unseen(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    boot_id = reply.headers.get("x-boot-id", "")
    return Reply(status=reply.status, boot_id=boot_id, body=body, received_s=monotonic_s())


class _Timed(io.RawIOBase):
    """What a socket receives, up to an instant: a time-out of its own would begin anew with every byte."""

    def __init__(self, sock: socket.socket, until_s: float) -> None:
        self._sock, self._until_s = sock, until_s
        self._received = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        left_s = self._until_s - monotonic_s()
        if left_s <= 0:
            raise TimeoutError("the answer was not whole in time")
        self._sock.settimeout(left_s)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


def _begun(sock: socket.socket, until_s: float) -> http.client.HTTPResponse:
    """Read the head of the answer; all that is read of it, head and body, is read by ``until_s``."""
    reply = http.client.HTTPResponse(sock, method="GET")
    reply.fp.close()
    reply.fp = io.BufferedReader(_Timed(sock, until_s))
    reply.begin()
    return reply


def _read(reply: http.client.HTTPResponse) -> bytes:
    body = bytearray()
    while piece := reply.read1(PIECE_BYTES):
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"the answer has more than {BODY_BYTES_MAX} bytes")
    return bytes(body)
