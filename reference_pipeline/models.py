"""Versions of the registry as the learner uses them: loaded, verified, kept; new ones put there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from reference_pipeline.errors import BadArtefact, UnknownVersion
from reference_pipeline.healing.detectors.artefact import check_artefact
from reference_pipeline.ports import Call, CallFailed, CallRejected, Clock
from reference_pipeline.registry import Alias, Version
from reference_pipeline.scoring import LoadModel, Model, load_model
from reference_pipeline.wire import NotUnderstood, decoded

T = TypeVar("T")

EDGE = "learner-registry"
_DEADLINE_S = 2.0
_ATTEMPTS = 3  # until bytes come that have their hash
DAMAGED = 422  # the registry's status for a file that is damaged where it lies
_KEPT = 8  # models in memory
VERIFIED_FOR_S = 10.0  # then the registry is asked for the file of a kept model again

_VERSIONS = msgspec.json.Decoder(list[Version])
_VERSION = msgspec.json.Decoder(Version)
_ALIAS = msgspec.json.Decoder(Alias)


@dataclass(slots=True)
class _Kept:
    """A model, the hash of its artefact, and when the registry last gave these bytes."""

    model: Model
    sha256: str
    verified_s: float


class Models:
    """The registry, asked over the edge ``learner-registry``. All calls raise ``CallFailed``."""

    def __init__(self, call: Call, clock: Clock, load: LoadModel = load_model) -> None:
        self._call = call
        self._decode = load
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def version(self, full: str) -> Model:
        """Give the model of full version ``full``, verified.

        One that is kept is asked for again now and then: a file that was damaged since then is noticed, and
        a registry that does not answer, or a way that damages what comes, changes nothing.

        Raises:
            UnknownVersion: there is none.
            BadArtefact: the registry says that its file is damaged, or what it holds is no model.
        """
        kept = self._kept.get(full)
        if kept is None:
            sha256 = await self._sha256(full)
            artefact = await self.artefact(sha256)
            kept = self._kept[full] = _Kept(self._decode(artefact, sha256), sha256, self._clock.now_s())
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        elif self._clock.now_s() - kept.verified_s >= VERIFIED_FOR_S:
            with suppress(CallFailed):
                await self.artefact(kept.sha256)
                kept.verified_s = self._clock.now_s()
        if full in self._kept:
            self._kept.move_to_end(full)
        return kept.model

    async def artefact(self, sha256: str) -> bytes:
        """Give the bytes with that hash; others that come instead are asked for again.

        The registry verifies what it reads. So other bytes were damaged on the way, as a question was that it
        does not understand: that is a failed call, and says nothing of the version.

        Raises:
            BadArtefact: the registry says that its file is damaged.
        """
        for _ in range(_ATTEMPTS):
            try:
                reply = await self._call(EDGE, f"GET /artefacts/{sha256}", b"", _DEADLINE_S)
            except CallRejected as error:
                if error.status != DAMAGED:
                    raise
                raise BadArtefact(f"the artefact {sha256[:12]}..: {error}") from error
            if check_artefact(reply.body, sha256, version=sha256[:12]).says == "quiet":
                return reply.body
        raise CallFailed(f"{EDGE}: {sha256[:12]}.. was damaged on the way {_ATTEMPTS} times")

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
