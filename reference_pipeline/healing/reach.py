"""The way to services and gateway over the Call port: requests written, answers decoded.

Comes in: the Call port, with edges ``healer-NAME``. Goes out: the ports ``Signals`` and
``GatewaySwitches``. An answer that is not understood is a failed call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from reference_pipeline.healing.ports import DeadLetters, Replayed
from reference_pipeline.ports import Call, CallFailed
from reference_pipeline.wire import NotUnderstood, decoded

T = TypeVar("T")
_LOOK_S = 1.0
_SWITCH_S = 3.0  # the gateway commits before it answers, on a disk that may stall
_REPLAY_S = 10.0


class _Health(msgspec.Struct):
    boot_id: str


_HEALTH = msgspec.json.Decoder(_Health)
_NUMBERS = msgspec.json.Decoder(dict[str, float])
_LETTERS = msgspec.json.Decoder(DeadLetters)
_REPLAYED = msgspec.json.Decoder(Replayed)


def edge_to(service: str) -> str:
    """Name the healer's own edge to ``service``.

    >>> edge_to("scorer-a")
    'healer-scorer-a'
    """
    return f"healer-{service}"


class Reach:
    """Both ports of the healer that are plain HTTP; see :mod:`reference_pipeline.healing.ports`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def boot_id(self, service: str, deadline_s: float, /) -> str:
        """See ``Signals``."""
        return (await self._get(service, "/healthz", _HEALTH, deadline_s)).boot_id

    async def numbers(self, service: str, /) -> Mapping[str, float]:
        """See ``Signals``."""
        return await self._get(service, "/signals", _NUMBERS, _LOOK_S)

    async def dead_letters(self, after: int, limit: int, /) -> DeadLetters:
        """See ``Signals``."""
        return await self._get("gateway", f"/dead_letters?after={after}&limit={limit}", _LETTERS, _LOOK_S)

    async def set_mapping(self, field: str, source: str, /) -> None:
        """See ``GatewaySwitches``."""
        body = msgspec.json.encode({"from": source, "to": field})
        await self._call(edge_to("gateway"), "PUT /switches/mapping", body, _SWITCH_S)

    async def remove_mapping(self, field: str, /) -> None:
        """See ``GatewaySwitches``."""
        await self._call(
            edge_to("gateway"), f"DELETE /switches/mapping/{quote(field, safe='')}", b"", _SWITCH_S
        )

    async def set_canary(self, share: float, /) -> None:
        """See ``GatewaySwitches``."""
        body = msgspec.json.encode({"share": share})
        await self._call(edge_to("gateway"), "PUT /switches/canary", body, _SWITCH_S)

    async def replay(self, ids: Sequence[str], /) -> Replayed:
        """See ``GatewaySwitches``."""
        body = msgspec.json.encode({"ids": ids})
        reply = await self._call(edge_to("gateway"), "POST /replay", body, _REPLAY_S)
        return understood(_REPLAYED, reply.body)

    async def _get(self, service: str, path: str, decoder: msgspec.json.Decoder[T], deadline_s: float) -> T:
        reply = await self._call(edge_to(service), f"GET {path}", b"", deadline_s)
        return understood(decoder, reply.body)


def understood(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode an answer; one that is not understood is a failed call."""
    try:
        return decoded(decoder, body)
    except NotUnderstood as error:
        raise CallFailed(f"reply not understood: {error}") from error
