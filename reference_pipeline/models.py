"""Versions of the registry as the learner uses them: loaded, verified, kept; new ones put there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from reference_pipeline.errors import BadArtefact, UnknownVersion
from reference_pipeline.healing.detectors.artefact import check_artefact
from reference_pipeline.ports import Call, CallFailed
from reference_pipeline.registry import Alias, Version
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.wire import NotUnderstood, decoded

T = TypeVar("T")

EDGE = "learner-registry"
_DEADLINE_S = 2.0
_KEPT = 8  # models in memory

_VERSIONS = msgspec.json.Decoder(list[Version])
_VERSION = msgspec.json.Decoder(Version)
_ALIAS = msgspec.json.Decoder(Alias)


class Models:
    """The registry, asked over the edge ``learner-registry``. All calls raise ``CallFailed``."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._kept: OrderedDict[str, Model] = OrderedDict()

    async def version(self, full: str) -> Model:
        """Give the model of full version ``full``, verified.

        Raises:
            UnknownVersion: there is none.
            BadArtefact: its bytes are not what was registered, or the registry cannot give them.
        """
        if full not in self._kept:
            sha256 = await self._sha256(full)
            try:
                artefact = await self.artefact(sha256)
            except CallFailed as error:
                # It has just listed the version: what it cannot give is the file.
                raise BadArtefact(str(error)) from error
            reading = check_artefact(artefact, sha256, version=full)
            if reading.says != "quiet":
                raise BadArtefact(f"the artefact of {full}: {reading.how or reading.says}")
            self._kept[full] = load_model(artefact, sha256)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(full)
        return self._kept[full]

    async def artefact(self, sha256: str) -> bytes:
        """Give the bytes with that hash, as the registry sends them."""
        return (await self._call(EDGE, f"GET /artefacts/{sha256}", b"", _DEADLINE_S)).body

    async def champion(self) -> Alias:
        """Tell which version is served."""
        reply = await self._call(EDGE, "GET /aliases/champion", b"", _DEADLINE_S)
        return _understood(_ALIAS, reply.body)

    async def taken(self) -> list[str]:
        """List the semantic versions that are there."""
        return [one.semantic for one in await self._versions()]

    async def publish(
        self, semantic: str, artefact: bytes, *, metrics: Mapping[str, float], lineage: Mapping[str, str]
    ) -> Version:
        """Put a version there; the same one again is no change."""
        new = {"version": semantic, "artefact": artefact, "metrics": metrics, "lineage": lineage}
        reply = await self._call(EDGE, "POST /versions", msgspec.json.encode(new), _DEADLINE_S)
        return _understood(_VERSION, reply.body)

    async def _versions(self) -> list[Version]:
        reply = await self._call(EDGE, "GET /versions", b"", _DEADLINE_S)
        return _understood(_VERSIONS, reply.body)

    async def _sha256(self, full: str) -> str:
        for one in await self._versions():
            if one.version == full:
                return one.sha256
        raise UnknownVersion(f"no version {full[:80]!r}")


def _understood(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoded(decoder, body)
    except NotUnderstood as error:
        raise CallFailed(f"{EDGE}: reply not understood: {error}") from error
