"""The registry's HTTP side; what a registry is, is in ``registry``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from reference_pipeline.door import BadRequest, Door, json_reply
from reference_pipeline.errors import BadArtefact, UnknownVersion, VersionConflict
from reference_pipeline.ports import Ports, Reply, Request
from reference_pipeline.registry import Registry
from reference_pipeline.scoring import load_model
from reference_pipeline.wire import NotUnderstood, decoded

_BYTES_HEADERS = {"content-type": "application/octet-stream"}


class _Target(msgspec.Struct):
    version: str
    was: str = ""


class _New(msgspec.Struct):
    """``artefact`` is base64 on the wire."""

    version: str
    artefact: bytes
    metrics: dict[str, float]
    lineage: dict[str, str]


_TARGET = msgspec.json.Decoder(_Target)
_NEW = msgspec.json.Decoder(_New)


class RegistryService:
    """Serves one registry: versions and artefacts are read, aliases are moved."""

    def __init__(self, ports: Ports, registry: Registry) -> None:
        self._registry = registry
        self._door = Door(
            ports,
            {
                "GET /aliases": self._aliases,
                "GET /aliases/*": self._alias,
                "PUT /aliases/*": self._set_alias,
                "GET /versions": self._versions,
                "POST /versions": self._put,
                "GET /artefacts/*": self._artefact,
            },
            signals=lambda: {"versions": len(registry.versions())},
        )

    async def start(self) -> None:
        """Nothing to recover."""

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _aliases(self, _: Request) -> Reply:
        return json_reply(200, self._registry.aliases())

    async def _alias(self, request: Request) -> Reply:
        with _named_statuses():
            return json_reply(200, self._registry.alias(request.rest))

    async def _set_alias(self, request: Request) -> Reply:
        try:
            target = decoded(_TARGET, request.body)
        except NotUnderstood as error:
            raise BadRequest(str(error)) from error
        with _named_statuses():
            try:
                alias = self._registry.set_alias(request.rest, target.version, was=target.was)
            except VersionConflict as error:
                raise BadRequest(str(error), 409) from error
            return json_reply(200, alias)

    async def _versions(self, _: Request) -> Reply:
        return json_reply(200, self._registry.versions())

    async def _put(self, request: Request) -> Reply:
        """Take a new version whose bytes are a model; the same again is no change, another one a conflict."""
        try:
            new = decoded(_NEW, request.body)
            model = load_model(new.artefact, hashlib.sha256(new.artefact).hexdigest())
            if model.version.partition("+")[0] != new.version:
                raise BadRequest(f"the model calls itself {model.version}, not {new.version}")
            return json_reply(200, self._registry.put(new.artefact, new.version, new.metrics, new.lineage))
        except (NotUnderstood, BadArtefact, ValueError) as error:
            raise BadRequest(str(error)) from error
        except VersionConflict as error:
            raise BadRequest(str(error), 409) from error

    async def _artefact(self, request: Request) -> Reply:
        with _named_statuses():
            return Reply(200, self._registry.artefact(request.rest), _BYTES_HEADERS)


@contextmanager
def _named_statuses() -> Iterator[None]:
    """404: it is not there. 422: its file is damaged, and asking again will not help."""
    try:
        yield
    except UnknownVersion as error:
        raise BadRequest(str(error), 404) from error
    except BadArtefact as error:
        raise BadRequest(str(error), 422) from error
