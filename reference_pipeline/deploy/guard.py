"""Who may change a service over its own port: no browser, and where there is a secret nobody without it.

Comes in: the head of a request, as ASGI gives it. Goes out: why it is refused. Reading is open to all on
this machine; routes that the workload itself calls are not guarded.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

_LOOPBACK = ("127.0.0.1", "localhost")
_READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Guard:
    """Guards the paths below ``prefixes``; ``token``: what a caller must present, None asks for none.

    An empty token is a secret that nobody was given: then nobody may.
    """

    prefixes: tuple[str, ...] = ()
    token: str | None = None

    def why_not(self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Say why a request is refused; "" where it is not.

        >>> Guard(("/replay",), "s").why_not("POST", "/replay", [(b"host", b"127.0.0.1:80")])
        'the token of the switches is missing or wrong'
        """
        if method in _READS or not path.startswith(self.prefixes):
            return ""
        found = dict(headers)
        if b"origin" in found:
            return "a page in a browser may not change anything"
        host = found.get(b"host", b"").decode("latin-1").rpartition(":")
        if (host[0] or host[2]) not in _LOOPBACK:
            return "the host is not this machine"
        if self.token is None:
            return ""
        shown = found.get(b"authorization", b"")
        if self.token and hmac.compare_digest(shown, f"Bearer {self.token}".encode()):
            return ""
        return "the token of the switches is missing or wrong"
