"""The healer's Platform port over HTTP: the local supervisor (docs/protocols/supervisor.md).

Comes in: its address and the token that may list and restart. Goes out: rows of services; a restart
that is done once, however often it is asked with one key. One error, as of any other call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self
from urllib.parse import quote

import aiohttp
import msgspec

from reference_pipeline.healing.ports import PlatformService
from reference_pipeline.ports import CallFailed, CallRejected
from reference_pipeline.wire import NotUnderstood, decoded

_LIST_S = 1.0
_RESTART_S = 10.0  # a stopped process takes up to 2 s to end, then a new one is forked
_REJECTED = frozenset({400, 403, 404, 422})  # the same question will be answered the same
_SERVICES = msgspec.json.Decoder(list[PlatformService])


class HttpPlatform:
    """The supervisor at ``url``; an async context manager."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    async def __aenter__(self) -> Self:
        """Open the pool in the running loop."""
        self._session = aiohttp.ClientSession(
            headers={"authorization": f"Bearer {self._token}"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        await self._session.close()

    async def services(self) -> Sequence[PlatformService]:
        """See :class:`reference_pipeline.healing.ports.Platform`."""
        try:
            return decoded(_SERVICES, await self._ask("GET", "/v1/services", _LIST_S))
        except NotUnderstood as error:
            raise CallFailed(f"platform: reply not understood: {error}") from error

    async def restart(self, name: str, key: str, /) -> None:
        """See :class:`reference_pipeline.healing.ports.Platform`."""
        # No grace: what is restarted here says nothing any more, so it will not end by itself either.
        path = f"/v1/services/{quote(name, safe='')}/restart?grace_s=0"
        await self._ask("POST", path, _RESTART_S, key)

    async def _ask(self, method: str, path: str, within_s: float, key: str = "") -> bytes:
        headers = {"idempotency-key": key} if key else None
        try:
            async with (
                asyncio.timeout(within_s),
                self._session.request(
                    method, self._url + path, headers=headers, allow_redirects=False
                ) as response,
            ):
                body = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CallFailed(f"platform: {type(error).__name__} {error}".rstrip()) from error
        if response.status != 200:
            failed = CallRejected if response.status in _REJECTED else CallFailed
            raise failed(f"platform: {method} {path}: status {response.status}")
        return body
