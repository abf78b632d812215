"""The runner's side of the supervisor's protocol (docs/protocols/supervisor.md), synchronous.

Comes in: port and token. Goes out: rows of services and ledger lines, decoded.
"""

from __future__ import annotations

import http.client
from typing import Literal

import msgspec

from harness.errors import Refused, Untrustworthy
from harness.targets.local.ledger import Line
from harness.targets.local.spec import ServiceState

TIMEOUT_S = 15.0


class PlatformGone(Untrustworthy):
    """The supervisor does not answer: nothing that it was to keep or note can be trusted."""


class Listening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one line that the supervisor prints."""

    port: int
    token: str


class PlatformClient:
    """One supervisor. Every call opens its own connection; ``PlatformGone`` if there is no answer."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    def services(self) -> tuple[ServiceState, ...]:
        """All services as they are now."""
        return msgspec.json.decode(self._call("GET", "/v1/services"), type=tuple[ServiceState, ...])

    def ledger(self, after: int = 0) -> tuple[Line, ...]:
        """Ledger lines with a number above ``after``."""
        return msgspec.json.decode(self._call("GET", f"/v1/ledger?after={after}"), type=tuple[Line, ...])

    def act(self, service: str, act: Literal["start", "stop", "restart"], *, key: str = "") -> ServiceState:
        """Start, stop or restart a service; the same ``key`` again gives the first answer."""
        body = self._call("POST", f"/v1/services/{service}/{act}", key=key)
        return msgspec.json.decode(body, type=ServiceState)

    def shutdown(self) -> None:
        """Ask for the end of all services and of the supervisor."""
        self._call("POST", "/v1/shutdown")

    def _call(self, method: str, path: str, *, key: str = "") -> bytes:
        headers = {"Authorization": f"Bearer {self._listening.token}"}
        if key:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection("127.0.0.1", self._listening.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise PlatformGone(f"the supervisor does not answer {method} {path}: {error}") from error
        finally:
            connection.close()
        if reply.status != 200:
            raise Refused(f"the supervisor refused {method} {path}: {body.decode(errors='replace')}")
        return body
