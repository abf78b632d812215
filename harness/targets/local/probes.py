"""The supervisor's HTTP probes: as ``looks.look``, but many at once in one event loop."""

from __future__ import annotations

import aiohttp

from harness.targets.local.looks import BODY_BYTES_MAX, Answer, boot_id_in


class Prober:
    """A client session for probes; used as an async context manager."""

    async def __aenter__(self) -> Prober:
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def look(self, port: int, route: str, timeout_s: float) -> Answer:
        """GET ``route`` on loopback ``port``; never raises for anything the service can do."""
        url = f"http://127.0.0.1:{port}{route}"
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as reply:
                body = await reply.content.read(BODY_BYTES_MAX)
                return Answer(status=reply.status, boot_id=boot_id_in(body))
        except TimeoutError:
            return Answer(status=0, why=f"no answer within {timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(status=0, why=f"{type(error).__name__}: {error}")
