"""The runner's side of the proxy's control interface, synchronous, over its unix socket.

Comes in: path of the socket and token. Goes out: states of edges and events, decoded. ``Refused`` where the
proxy says no, ``ProxyGone`` where it does not answer.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

import msgspec

from harness.errors import PartGone, Refused
from harness.proxy.spec import EdgeState, ProxyEvent, ToxicSpec

TIMEOUT_S = 5.0


class ProxyGone(PartGone):
    """The proxy does not answer: what crosses its edges cannot be known."""


class ProxyClient:
    """One proxy. Every call opens its own connection."""

    def __init__(self, socket: Path, token: str) -> None:
        self._socket, self._token = socket, token

    def proxies(self) -> dict[str, EdgeState]:
        """All edges by name, with toxics, generation and counters."""
        return msgspec.json.decode(self._call("GET", "/proxies"), type=dict[str, EdgeState])

    def add(self, edge: str, toxic: ToxicSpec) -> EdgeState:
        """Put a toxic on an edge; gives the edge afterwards. ``Refused`` for a wrong one or a taken name."""
        self._call("POST", f"/proxies/{edge}/toxics", msgspec.json.encode(toxic))
        return msgspec.json.decode(self._call("GET", f"/proxies/{edge}"), type=EdgeState)

    def remove(self, edge: str, name: str) -> bool:
        """Take a toxic off; False if the edge had none of that name (it may have ended by itself)."""
        status, body = self._exchange("DELETE", f"/proxies/{edge}/toxics/{name}")
        if status == 404 and b"toxic not found" in body:
            return False
        _checked("DELETE", edge, status, body)
        return True

    def reset(self) -> None:
        """Remove all toxics of all edges."""
        self._call("POST", "/reset")

    def lease(self) -> None:
        """Let leased toxics stay for another ``lease_s``."""
        self._call("POST", "/lease")

    def events(self, after: int = 0) -> tuple[ProxyEvent, ...]:
        """Events with a number above ``after``."""
        return msgspec.json.decode(self._call("GET", f"/events?after={after}"), type=tuple[ProxyEvent, ...])

    def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        status, answer = self._exchange(method, path, body)
        return _checked(method, path, status, answer)

    def _exchange(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = _UnixConnection(self._socket)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body=body or None, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise ProxyGone(f"the proxy does not answer {method} {path}: {error}") from error
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


def _checked(method: str, path: str, status: int, body: bytes) -> bytes:
    if status not in (200, 204):
        raise Refused(f"the proxy refused {method} {path}: {body.decode(errors='replace')}")
    return body
