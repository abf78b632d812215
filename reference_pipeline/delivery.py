"""Delivery: pulls decided rows from the gateway's outbox into the sink, each id once.

Rows and cursor are committed in one transaction, so a kill between them cannot be; what comes
twice all the same is refused by the sink's unique id, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reference_pipeline.door import Door, json_reply, page
from reference_pipeline.ports import Append, CallFailed, Ports, Reply, Request, StoreFailed
from reference_pipeline.records import Decision
from reference_pipeline.wire import NotUnderstood, decoded

SINK = "sink"
LOGS = (SINK,)
_EDGE = "delivery-gateway"
_PULL_DEADLINE_S = 2.0
_PULL_EVERY_S = 0.1
_PULL_LIMIT = 500
_CURSOR, _DUPLICATES = "cursor", "duplicates"


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decided record as the outbox gives it and the sink keeps it; ``degraded``: by a fallback."""

    seq: int
    id: str
    decision: Decision
    score: float
    model: str
    degraded: bool = False


class _Outbox(msgspec.Struct):
    rows: list[OutboxRow]


_OUTBOX = msgspec.json.Decoder(_Outbox)
_ROW = msgspec.json.Decoder(OutboxRow)


class Delivery:
    """The sink and the loop that fills it; its store needs the logs ``LOGS``."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._delivered = 0
        self._failed = 0
        self._cursor = 0
        self._duplicates = 0
        self._door = Door(ports, {"GET /audit/sink": self._audit}, signals=self._signals)

    async def start(self) -> None:
        """Take up the cursor where the last transaction left it, then pull for ever."""
        find = self._ports.store.find
        self._cursor = int(find("values", _CURSOR) or 0)
        self._duplicates = int(find("values", _DUPLICATES) or 0)
        self._ports.spawn(self._pull_forever)

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _pull_forever(self) -> None:
        while True:
            pulled = 0
            try:
                pulled = await self._pull()
            except (CallFailed, StoreFailed):
                self._failed += 1
            if pulled < _PULL_LIMIT:
                await self._ports.clock.rest_s(_PULL_EVERY_S)

    async def _pull(self) -> int:
        """Move one page from the outbox into the sink; the number of rows.

        Raises:
            CallFailed, StoreFailed: nothing moved, the cursor neither.
        """
        body = msgspec.json.encode({"after": self._cursor, "limit": _PULL_LIMIT})
        reply = await self._ports.call(_EDGE, "POST /outbox", body, _PULL_DEADLINE_S)
        try:
            rows = decoded(_OUTBOX, reply.body).rows
        except NotUnderstood as error:
            raise CallFailed(f"{_EDGE}: reply not understood: {error}") from error
        if rows:
            self._sink(rows)
        return len(rows)

    def _sink(self, rows: Sequence[OutboxRow]) -> None:
        """Commit ``rows`` and the cursor together.

        The count of doubles may miss those of a kill right after the commit: it is written with
        the next page. The rows themselves cannot be doubled.
        """
        cursor = max(self._cursor, *(row.seq for row in rows))
        values = {_CURSOR: str(cursor).encode(), _DUPLICATES: str(self._duplicates).encode()}
        appends = [Append(SINK, row.id, msgspec.json.encode(row)) for row in rows]
        refused = self._ports.store.commit(appends, values).count(0)
        self._cursor = cursor
        self._duplicates += refused
        self._delivered += len(rows) - refused

    async def _audit(self, request: Request) -> Reply:
        after, limit = page(request)
        rows = self._ports.store.read(SINK, after, limit)
        ids = [_listed(row.seq, _ROW.decode(row.value)) for row in rows]
        answer = {
            "ids": ids,
            "last": rows[-1].seq if rows else after,
            "end": len(rows) < limit,
            "duplicates": self._duplicates,
        }
        return json_reply(200, answer)

    def _signals(self) -> Mapping[str, float]:
        return {
            "delivered_total": self._delivered,
            "pulls_failed_total": self._failed,
            "duplicates": self._duplicates,
            "cursor": self._cursor,
        }


def _listed(seq: int, row: OutboxRow) -> dict[str, object]:
    return {"seq": seq, "id": row.id, "decision": row.decision, "score": row.score}
