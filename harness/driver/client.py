"""The witness's HTTP client: aiohttp, kept and fresh connections, failures as values."""

from __future__ import annotations

import asyncio
import errno
from types import SimpleNamespace

import aiohttp

from harness.driver.workload import Reply

GIVE_UP_S = 2.0
"""No answer by then is "unknown"; an answer before it is recorded even when it is late."""

KEPT_S = 2.0
"""Idle connections are dropped before common servers do (uvicorn: 5 s): a request on a connection
that the server is just closing would be a failure of ours, not of the system."""

_FAULTS = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset", errno.EPIPE: "reset"}


def give_up_s(deadline_s: float) -> float:
    """How long to wait for an answer: 2 s, or twice a deadline that is longer than 1 s.

    >>> give_up_s(0.25), give_up_s(5.0)
    (2.0, 10.0)
    """
    return max(GIVE_UP_S, 2 * deadline_s)


class HttpClient:
    """Posts bodies to one URL. Use as an asynchronous context manager."""

    def __init__(self, url: str, deadline_s: float) -> None:
        self._url = url
        self._kept = _session(give_up_s(deadline_s), aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S))
        self._fresh = _session(give_up_s(deadline_s), aiohttp.TCPConnector(limit=0, force_close=True))
        self._now = asyncio.get_running_loop().time

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kept.close()
        await self._fresh.close()

    async def post(self, body: bytes, fresh: bool, /) -> Reply:
        """Post ``body`` as JSON; what the network does becomes ``fault``, never an exception."""
        session = self._fresh if fresh else self._kept
        sent_s = self._now()
        passed = SimpleNamespace(bytes=0)
        try:
            async with session.post(
                self._url, data=body, trace_request_ctx=passed, allow_redirects=False
            ) as response:
                content = await response.read()
                boot_id = response.headers.get("x-boot-id", "")
                return Reply(sent_s, self._now(), "", response.status, content, boot_id, handed=True)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Reply(sent_s, self._now(), fault_of(error), handed=passed.bytes >= len(body))


def fault_of(error: BaseException) -> str:
    """Name a transport failure in the words of ``REASONS``."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "reset"
    if isinstance(error, aiohttp.ClientConnectionResetError):
        return "reset"  # made by aiohttp itself, without an errno
    if isinstance(error, OSError):
        return _FAULTS.get(error.errno or 0, "other")
    return "other"


def _session(total_s: float, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=total_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": "application/json"},
        auto_decompress=False,
        trace_configs=[_counting()],
    )


def _counting() -> aiohttp.TraceConfig:
    """Count the bytes of each body that were written to an accepted connection, in the request's context."""

    async def count(
        _: aiohttp.ClientSession, context: SimpleNamespace, sent: aiohttp.TraceRequestChunkSentParams
    ) -> None:
        context.trace_request_ctx.bytes += len(sent.chunk)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_chunk_sent.append(count)
    return tracing
