"""The gateway's HTTP side: bodies in, answers out, outbox and audit listings by cursor.

The decisions themselves are made by ``service``; see docs/protocols/pipeline.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from reference_pipeline.contract import Contract
from reference_pipeline.door import BadRequest, Door, json_reply, page
from reference_pipeline.healing_routes import HealingRoutes
from reference_pipeline.inpath import InPath
from reference_pipeline.ledger import ACCEPTED, DEAD_LETTERS, DECIDED, Ledger
from reference_pipeline.ports import Handler, Ports, Reply, Request
from reference_pipeline.records import RECORDS_MAX, Decided, FeatureSpec
from reference_pipeline.repairs import Repairs
from reference_pipeline.service import DecisionConfig, DecisionService
from reference_pipeline.switches import Canary, Mappings
from reference_pipeline.wire import NotUnderstood, decoded

_ID_MAX = 200
_SEQ = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Records(msgspec.Struct):
    records: list[dict[str, object]]


class _Outbox(msgspec.Struct):
    after: _SEQ = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class _Examples(_Outbox):
    """``accepted_after``: cursor of what was accepted, for whoever wants to know what broke the contract."""

    accepted_after: _SEQ | None = None


class _Why(msgspec.Struct):
    why: tuple[str, ...] = ()


_RECORDS = msgspec.json.Decoder(_Records)
_OUTBOX = msgspec.json.Decoder(_Outbox)
_EXAMPLES = msgspec.json.Decoder(_Examples)
_WHY = msgspec.json.Decoder(_Why)
_DECIDED = msgspec.json.Decoder(Decided)


class Gateway:
    """The front of the pipeline; its store needs the logs ``ledger.LOGS``. ``path`` heals in it."""

    def __init__(
        self, ports: Ports, spec: FeatureSpec, config: DecisionConfig, path: InPath | None = None
    ) -> None:
        self._ports = ports
        self._ledger = Ledger(ports.store, ports.clock)
        self._path = path
        self._contract = Contract(spec)
        self._service, healing = self._wired(spec, config)
        self._door = Door(
            ports,
            {
                "POST /decide": self._decide,
                "POST /outbox": self._outbox,
                "POST /examples": self._examples,
                "GET /audit/accepted": lambda request: self._audit(ACCEPTED, request),
                "GET /audit/dead_letters": lambda request: self._audit(DEAD_LETTERS, request),
                **healing,
            },
            signals=self._signals,
        )

    def _wired(
        self, spec: FeatureSpec, config: DecisionConfig
    ) -> tuple[DecisionService, Mapping[str, Handler]]:
        """The service, and the routes of a healer where there is healing in the path."""
        ports, contract = self._ports, self._contract
        if self._path is None:
            plain = DecisionService(self._ledger, contract, ports.call, ports.clock, config=config)
            return plain, {"GET /acts": _no_acts}
        mappings, repairs = (
            Mappings(ports.store, spec, self._path.acts),
            Repairs(spec, coerce=self._path.repairs),
        )
        canary = Canary(ports.store, self._path.acts, ports.clock)
        healed = DecisionService(
            self._ledger,
            contract,
            ports.call,
            ports.clock,
            config=config,
            path=self._path,
            repair=lambda record: repairs.apply(record, mappings.table),
            canary=lambda: canary.share,
        )
        routes = HealingRoutes(
            ports.store, self._ledger, healed, acts=self._path.acts, mappings=mappings, canary=canary
        )
        return healed, routes.routes()

    async def start(self) -> None:
        """Recover what an earlier life left undecided, then sweep for ever."""
        self._ledger.recover()
        self._ports.spawn(self._service.sweep_forever)

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _decide(self, request: Request) -> Reply:
        records = _parse(request.body)
        unique: dict[str, dict[str, object]] = {}
        for key, record in records:
            unique.setdefault(key, record)  # twice in one batch is a resend of the first
        answers = await self._service.decide(unique)
        in_order = [answers[key] for key, _ in records]
        statuses = {answer.status for answer in in_order}
        return json_reply(statuses.pop() if len(statuses) == 1 else 207, {"answers": in_order})

    async def _outbox(self, request: Request) -> Reply:
        try:
            cursor = decoded(_OUTBOX, request.body or b"{}")
        except NotUnderstood as error:
            raise BadRequest(str(error)) from error
        rows: list[dict[str, object]] = []
        for seq, _, value in self._ports.store.read(DECIDED, cursor.after, cursor.limit):
            d = _DECIDED.decode(value)
            rows.append({"seq": seq, "id": d.id, "decision": d.decision, "score": d.score, "model": d.model})
            if d.degraded:
                rows[-1]["degraded"] = True
        return json_reply(200, {"rows": rows, "last": rows[-1]["seq"] if rows else cursor.after})

    async def _examples(self, request: Request) -> Reply:
        """What was decided, with the record it was decided on; never of a record that broke the contract."""
        try:
            cursor = decoded(_EXAMPLES, request.body or b"{}")
        except NotUnderstood as error:
            raise BadRequest(str(error)) from error
        rows: list[dict[str, object]] = []
        page = self._ports.store.read(DECIDED, cursor.after, cursor.limit)
        for seq, key, value in page:
            entry = self._ledger.accepted(key)
            if entry is not None and not entry.why:
                d = _DECIDED.decode(value)
                rows.append(
                    {
                        "seq": seq,
                        "id": key,
                        "record": entry.record,
                        "decision": d.decision,
                        "score": d.score,
                        "model": d.model,
                        "degraded": d.degraded,
                    }
                )
        told: dict[str, object] = {"rows": rows, "last": page[-1].seq if page else cursor.after}
        if cursor.accepted_after is not None:
            told["accepted"] = self._broken(cursor.accepted_after, cursor.limit)
        return json_reply(200, told)

    def _broken(self, after: int, limit: int) -> dict[str, object]:
        """Which of the records that were accepted broke the contract, and in which fields; no record."""
        page = self._ports.store.read(ACCEPTED, after, limit)
        broken = [
            {"at": at, "id": row.key, "fields": self._contract.lacks(why)}
            for at, row in enumerate(page)
            if (why := _WHY.decode(row.value).why)
        ]
        return {"rows": len(page), "broken": broken, "last": page[-1].seq if page else after}

    async def _audit(self, log: str, request: Request) -> Reply:
        after, limit = page(request)
        rows = self._ports.store.read(log, after, limit)
        # A replayed dead letter is one no more.
        listed = [row for row in rows if log != DEAD_LETTERS or self._ledger.is_dead(row.key)]
        ids = [{"seq": row.seq, "id": row.key} for row in listed]
        last = rows[-1].seq if rows else after
        return json_reply(200, {"ids": ids, "last": last, "end": len(rows) < limit})

    def _signals(self) -> Mapping[str, float]:
        signals: dict[str, float] = {**self._service.counts, "undecided": self._ledger.undecided}
        if self._path:
            signals["dead_letters"] = self._ledger.dead_letters
            signals |= self._path.hops.signals()
        return signals


async def _no_acts(request: Request) -> Reply:
    """Without healing in the path nothing can be done in it, which is not the same as not being told."""
    after, _ = page(request)
    return json_reply(200, {"acts": [], "last": after})


def _parse(body: bytes) -> list[tuple[str, dict[str, object]]]:
    """Read id and record of each of 1 to 256 records.

    Raises:
        BadRequest: 400 where the body is no such list, 413 where it is too long.
    """
    try:
        records = decoded(_RECORDS, body).records
    except NotUnderstood as error:
        raise BadRequest(f'the body is no {{"records": [{{"id": ..}}, ..]}}: {error}') from error
    if not records:
        raise BadRequest("no records")
    if len(records) > RECORDS_MAX:
        raise BadRequest(f"{len(records)} records; at most {RECORDS_MAX}", 413)
    parsed = []
    for index, record in enumerate(records):
        key = record.get("id")
        if not isinstance(key, str) or not 0 < len(key) <= _ID_MAX:
            raise BadRequest(f"$.records[{index}].id is no string of 1 to {_ID_MAX} characters")
        parsed.append((key, record))
    return parsed
