"""One HTTP request on loopback or on a unix socket, with a deadline; failures as one error.

Comes in: port or socket, method, route, token. Goes out: status and body.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass

TIMEOUT_S = 0.5
BODY_BYTES_MAX = 1 << 20
_GONE = (ConnectionRefusedError, FileNotFoundError)


class Unreachable(Exception):
    """No answer. ``gone``: nobody listens there at all, as opposed to somebody who is silent."""

    def __init__(self, why: str, *, gone: bool) -> None:
        super().__init__(why)
        self.gone = gone


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes

    def decoded(self) -> object:
        """The body as JSON, None where it is none."""
        try:
            found: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def over_socket(path: str, method: str, route: str, *, token: str) -> Answer:
    """Ask over the unix socket ``path``. Raises Unreachable."""
    return _ask(_OverSocket(path), method, route, token)


def over_loopback(port: int, method: str, route: str, *, token: str = "") -> Answer:
    """Ask on 127.0.0.1. Raises Unreachable."""
    return _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S), method, route, token)


def _ask(connection: http.client.HTTPConnection, method: str, route: str, token: str) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, route, headers=headers)
        reply = connection.getresponse()
        return Answer(reply.status, reply.read(BODY_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a route that is none
        raise Unreachable(f"{type(error).__name__}: {error}", gone=isinstance(error, _GONE)) from error
    finally:
        connection.close()
