"""The gateway's routes for a healer: acts, dead letters, mappings, replay.

Only arms that heal in the path have them; see docs/protocols/pipeline.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar
from urllib.parse import unquote

import msgspec

from reference_pipeline.door import BadRequest, json_reply, page
from reference_pipeline.inpath import Acts
from reference_pipeline.ledger import DEAD_LETTERS, Entry, Ledger
from reference_pipeline.ports import Handler, Reply, Request, Store
from reference_pipeline.records import RECORDS_MAX
from reference_pipeline.service import DecisionService
from reference_pipeline.switches import Canary, Mappings
from reference_pipeline.wire import NotUnderstood, decoded

T = TypeVar("T")
_NAMED = 3  # ids that an act names


class _Mapping(msgspec.Struct):
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = msgspec.field(name="from")
    field: str = msgspec.field(name="to")


class _Share(msgspec.Struct):
    share: Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Ids(msgspec.Struct):
    ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]


_MAPPING = msgspec.json.Decoder(_Mapping)
_SHARE = msgspec.json.Decoder(_Share)
_IDS = msgspec.json.Decoder(_Ids)
_ENTRY = msgspec.json.Decoder(Entry)


class HealingRoutes:
    """Handlers over one gateway's ledger and service."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        service: DecisionService,
        *,
        acts: Acts,
        mappings: Mappings,
        canary: Canary,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._service = service
        self._acts = acts
        self._mappings = mappings
        self._canary = canary

    def routes(self) -> Mapping[str, Handler]:
        """The handlers by route, as :class:`reference_pipeline.door.Door` takes them."""
        return {
            "GET /acts": self._acted,
            "GET /dead_letters": self._dead_letters,
            "POST /replay": self._replay,
            "GET /switches/canary": self._told_canary,
            "PUT /switches/canary": self._set_canary,
            "GET /switches/mapping": self._mapping,
            "PUT /switches/mapping": self._set_mapping,
            "DELETE /switches/mapping/*": self._remove_mapping,
        }

    async def _acted(self, request: Request) -> Reply:
        after, limit = page(request)
        acts = self._acts.page(after, limit)
        return json_reply(200, {"acts": acts, "last": acts[-1].seq if acts else after})

    async def _dead_letters(self, request: Request) -> Reply:
        after, limit = page(request)
        read = self._store.read(DEAD_LETTERS, after, limit)
        rows = []
        for row in read:
            if self._ledger.is_dead(row.key):
                e = _ENTRY.decode(row.value)
                rows.append({"seq": row.seq, "id": e.id, "record": e.record, "why": e.why, "notes": e.notes})
        return json_reply(200, {"rows": rows, "last": read[-1].seq if read else after})

    async def _replay(self, request: Request) -> Reply:
        done = await self._service.replay(_read(_IDS, request).ids)
        named = ", ".join(key[:60] for key in done.replayed[:_NAMED])
        self._acts.note(
            "replayed", f"{len(done.replayed)} of the dead letters: {named}", effect=bool(done.replayed)
        )
        return json_reply(200, {"replayed": done.replayed, "refused": done.refused})

    async def _told_canary(self, _: Request) -> Reply:
        return json_reply(200, {"share": self._canary.share})

    async def _set_canary(self, request: Request) -> Reply:
        self._canary.set(_read(_SHARE, request).share)
        return await self._told_canary(request)

    async def _mapping(self, _: Request) -> Reply:
        return json_reply(200, {"mapping": self._mappings.table})

    async def _set_mapping(self, request: Request) -> Reply:
        wanted = _read(_MAPPING, request)
        if problem := self._mappings.problem(wanted.field, wanted.source):
            raise BadRequest(problem)
        self._mappings.set(wanted.field, wanted.source)
        return await self._mapping(request)

    async def _remove_mapping(self, request: Request) -> Reply:
        self._mappings.remove(unquote(request.rest))
        return await self._mapping(request)


def _read(decoder: msgspec.json.Decoder[T], request: Request) -> T:
    try:
        return decoded(decoder, request.body)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from error
