"""The Call port over HTTP: aiohttp with kept-alive connections, one attempt, one error."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self

import aiohttp
import yarl

from reference_pipeline.ports import CallFailed, CallRefused, CallRejected, Reply

_JSON = {"content-type": "application/json"}
_REFUSED = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, ConnectionError)
_REJECTED = frozenset({400, 409, 413, 422})
_KEEP_ALIVE_S = 30.0  # below the servers' 75 s: a connection must never be closed under a request


class HttpCalls:
    """Calls over the edges in ``urls`` (edge name -> base URL); an async context manager.

    ``tokens``: what is shown on an edge, edge name -> secret.
    """

    def __init__(self, urls: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        self._headers = {
            edge: {**_JSON, "authorization": f"Bearer {token}"} for edge, token in tokens.items()
        }
        self._urls = {edge: url.rstrip("/") for edge, url in urls.items()}
        self._targets: dict[tuple[str, str], tuple[str, yarl.URL]] = {}

    async def __aenter__(self) -> Self:
        """Open the pool in the running loop; connections are made by need."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S, use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        await self._session.close()

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """See :class:`reference_pipeline.ports.Call`."""
        method, url = self._targets.get((edge, route)) or self._target(edge, route)
        try:
            async with (
                asyncio.timeout(deadline_s),
                self._session.request(
                    method,
                    url,
                    data=body or None,
                    headers=self._headers.get(edge, _JSON),
                    timeout=_NO_TIMEOUT,
                    allow_redirects=False,
                ) as response,
            ):
                content = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failed = CallRefused if isinstance(error, _REFUSED) else CallFailed
            raise failed(f"{edge}: {type(error).__name__} {error}".rstrip()) from error
        return answered(edge, response.status, content)

    def _target(self, edge: str, route: str) -> tuple[str, yarl.URL]:
        base = self._urls.get(edge)
        if not base:
            raise CallFailed(f"{edge}: no address; set EDGE_{edge.upper().replace('-', '_')}_URL")
        method, _, path = route.partition(" ")
        target = method, yarl.URL(base + path, encoded=True)
        if len(self._targets) < 100:
            self._targets[edge, route] = target
        return target


_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)  # asyncio.timeout covers connect, send and read


def answered(edge: str, status: int, content: bytes) -> Reply:
    """Take an answer as the Call port gives it: 200 alone is one.

    Raises:
        CallRejected: the question is wrong. CallFailed: any other status.
    """
    if status == 200:
        return Reply(200, content)
    words = f"{edge}: status {status}"
    raise CallRejected(words, status) if status in _REJECTED else CallFailed(words)
