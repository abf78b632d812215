"""HTTP probes: one GET over a fresh connection, and what came back.

A kept connection would answer for a process that no longer accepts, so none is reused.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import msgspec

BODY_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``status`` 0: no answer, ``why`` says what happened instead. ``boot_id`` "" if the body has none."""

    status: int
    boot_id: str = ""
    why: str = ""


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


def boot_id_in(body: bytes) -> str:
    """Read ``boot_id`` from a JSON object, "" if there is none.

    >>> boot_id_in(b'{"boot_id": "a1"}'), boot_id_in(b"ok"), boot_id_in(b'{"boot_id": 3}')
    ('a1', '', '')
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    boot_id = value.get("boot_id", "") if isinstance(value, dict) else ""
    return boot_id if isinstance(boot_id, str) else ""
