"""One look at a route, with a deadline for all of it: a service that drips cannot hold the looker.

Comes in: an address and a route. Goes out: status, boot id, body; ``Unseen`` says why there was no answer.
"""

from __future__ import annotations

import http.client
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
        reply = connection.getresponse()
        body = _read(connection, reply, until_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unseen(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    boot_id = reply.headers.get("x-boot-id", "")
    return Reply(status=reply.status, boot_id=boot_id, body=body, received_s=monotonic_s())


def _read(connection: http.client.HTTPConnection, reply: http.client.HTTPResponse, until_s: float) -> bytes:
    body = bytearray()
    while piece := _piece(connection, reply, until_s):
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"the answer has more than {BODY_BYTES_MAX} bytes")
    return bytes(body)


def _piece(connection: http.client.HTTPConnection, reply: http.client.HTTPResponse, until_s: float) -> bytes:
    left_s = until_s - monotonic_s()
    if left_s <= 0:
        raise TimeoutError("the answer was not whole in time")
    if connection.sock is not None:  # None once the reply owns the connection, which it closes at its end
        connection.sock.settimeout(left_s)
    return reply.read1(PIECE_BYTES)
