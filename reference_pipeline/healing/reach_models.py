"""The way to learner and registry over the Call port: requests written, answers decoded.

Comes in: the Call port, with edges ``healer-learner`` and ``healer-registry``. Goes out: the ports
``Experience`` and ``Models``. An answer that is not understood is a failed call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from reference_pipeline.healing.model_ports import (
    Compared,
    KnownRows,
    ModelVersion,
    RowBatches,
    TrainingState,
)
from reference_pipeline.healing.raw_rows import RawBatches
from reference_pipeline.healing.reach import edge_to, understood
from reference_pipeline.healing.refused_fields import RefusedBatches
from reference_pipeline.healing.sliced_rows import SlicedRows
from reference_pipeline.healing.version_scores import VersionScores
from reference_pipeline.ports import Call, CallFailed

LEARNER, REGISTRY = edge_to("learner"), edge_to("registry")
_LOOK_S, _COMPARE_S, _CHANGE_S = 1.0, 1.5, 1.5  # an answer that takes longer holds up the tick


class _Alias(msgspec.Struct):
    alias: str
    version: str


_ALIASES = msgspec.json.Decoder(list[_Alias])
_KNOWN = msgspec.json.Decoder(KnownRows)
_SLICED = msgspec.json.Decoder(SlicedRows)
_RAW = msgspec.json.Decoder(RawBatches)
_BATCHES = msgspec.json.Decoder(RowBatches)
_COMPARED = msgspec.json.Decoder(Compared)
_TRAINING = msgspec.json.Decoder(TrainingState)
_REFUSED = msgspec.json.Decoder(RefusedBatches)
_SCORES = msgspec.json.Decoder(VersionScores)
_VERSIONS = msgspec.json.Decoder(tuple[ModelVersion, ...])


class ReachModels:
    """Both ports; see :mod:`reference_pipeline.healing.ports`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def known(self, after: int, limit: int, /) -> KnownRows:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"GET /known?after={after}&limit={limit}", b"", _LOOK_S)
        page = understood(_KNOWN, reply.body)
        columns = (page.label, page.declined, page.model, page.degraded)
        if len({len(column) for column in columns}) > 1:
            raise CallFailed(f"{LEARNER}: columns of other lengths")
        return page

    async def slices(self, after: int, limit: int, /) -> SlicedRows:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"GET /slices?after={after}&limit={limit}", b"", _LOOK_S)
        page = understood(_SLICED, reply.body)
        if len({len(column) for column in (page.parts, page.score, page.label, page.degraded)}) > 1:
            raise CallFailed(f"{LEARNER}: columns of other lengths")
        return page

    async def batches(self, after: int, limit: int, /) -> RowBatches:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"GET /batches?after={after}&limit={limit}", b"", _LOOK_S)
        return understood(_BATCHES, reply.body)

    async def raw_batches(self, after: int, limit: int, /) -> RawBatches:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"GET /batches/raw?after={after}&limit={limit}", b"", _LOOK_S)
        return understood(_RAW, reply.body)

    async def leave_out(self, column: str, value: float, /) -> None:
        """See ``Experience``."""
        body = msgspec.json.encode({"value": value})
        await self._call(LEARNER, f"PUT /quarantines/{quote(column, safe='')}", body, _CHANGE_S)

    async def take_in(self, column: str, /) -> None:
        """See ``Experience``."""
        await self._call(LEARNER, f"DELETE /quarantines/{quote(column, safe='')}", b"", _CHANGE_S)

    async def refused(self, after: int, limit: int, /) -> RefusedBatches:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"GET /batches/refused?after={after}&limit={limit}", b"", _LOOK_S)
        told = understood(_REFUSED, reply.body)
        if {len(batch.counts) for batch in told.batches} - {len(told.names)}:
            raise CallFailed(f"{LEARNER}: counts of other names")
        return told

    async def version_scores(self, version: str, /) -> VersionScores:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"GET /scores/{quote(version, safe='')}", b"", _LOOK_S)
        told = understood(_SCORES, reply.body)
        try:
            if told.baseline:
                told.baseline.as_baseline()
        except ValueError as error:
            raise CallFailed(f"{LEARNER}: {error}") from error
        return told

    async def compare(self, versions: Sequence[str], after: int, /) -> Compared:
        """See ``Experience``."""
        body = msgspec.json.encode({"versions": versions, "after": after})
        reply = await self._call(LEARNER, "POST /comparisons", body, _COMPARE_S)
        told = understood(_COMPARED, reply.body)
        if told.losses.keys() | told.refused.keys() != set(versions):
            raise CallFailed(f"{LEARNER}: losses of other versions than were asked for")
        if len({len(losses) for losses in told.losses.values()}) > 1:
            raise CallFailed(f"{LEARNER}: losses of other rows")
        return told

    async def train(self, key: str, kind: str, after: int, /) -> TrainingState:
        """See ``Experience``."""
        body = msgspec.json.encode({"kind": kind, "after": after})
        reply = await self._call(LEARNER, f"PUT /trainings/{quote(key, safe='')}", body, _CHANGE_S)
        return understood(_TRAINING, reply.body)

    async def drop(self, key: str, /) -> TrainingState:
        """See ``Experience``."""
        reply = await self._call(LEARNER, f"DELETE /trainings/{quote(key, safe='')}", b"", _CHANGE_S)
        return understood(_TRAINING, reply.body)

    async def aliases(self) -> Mapping[str, str]:
        """See ``Models``."""
        reply = await self._call(REGISTRY, "GET /aliases", b"", _LOOK_S)
        return {one.alias: one.version for one in understood(_ALIASES, reply.body)}

    async def versions(self) -> Sequence[ModelVersion]:
        """See ``Models``."""
        reply = await self._call(REGISTRY, "GET /versions", b"", _LOOK_S)
        return understood(_VERSIONS, reply.body)

    async def set_canary(self, version: str, /) -> None:
        """See ``Models``."""
        body = msgspec.json.encode({"version": version})
        await self._call(REGISTRY, "PUT /aliases/canary", body, _CHANGE_S)

    async def promote(self, version: str, was: str, /) -> None:
        """See ``Models``."""
        body = msgspec.json.encode({"version": version, "was": was})
        await self._call(REGISTRY, "PUT /aliases/champion", body, _CHANGE_S)
