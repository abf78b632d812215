"""The features service: records in, feature rows out; stateless beside the template's tables."""

from __future__ import annotations

from typing import Annotated

import msgspec

from reference_pipeline.door import BODY_MAX_BYTES, BadRequest, Door, json_reply
from reference_pipeline.errors import BadRecord
from reference_pipeline.features import Features
from reference_pipeline.ports import Ports, Reply, Request
from reference_pipeline.records import RECORDS_MAX
from reference_pipeline.wire import NotUnderstood, decoded


class _Records(msgspec.Struct):
    records: Annotated[list[dict[str, object]], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]


_RECORDS = msgspec.json.Decoder(_Records)


class FeatureService:
    """Serves ``features`` as they were prepared."""

    def __init__(self, ports: Ports, features: Features) -> None:
        self._features = features
        self._names = features.spec.features
        self._rows = 0
        # Twice the gateway's limit: it wraps and rewrites what it took in, which may grow a little.
        self._door = Door(
            ports,
            {"POST /features": self._make},
            signals=lambda: {"rows_total": self._rows},
            body_max_bytes=2 * BODY_MAX_BYTES,
        )

    async def start(self) -> None:
        """Nothing to recover."""

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _make(self, request: Request) -> Reply:
        try:
            rows = self._features.rows(decoded(_RECORDS, request.body).records)
        except (NotUnderstood, BadRecord) as error:
            raise BadRequest(str(error)) from error
        self._rows += len(rows)
        return json_reply(200, {"rows": rows.tolist(), "names": self._names})  # NaN becomes null
