"""The scorer service, one class for both slots: feature rows in, scores and decisions out.

At start it asks the registry which version is champion, verifies the bytes and keeps a copy; when
the registry does not answer it starts from its copy, and before it has one from the template, never from
the template once it has served something newer. From then on it asks every second, and serves another
champion once that one's bytes are verified. The second scorer serves the alias ``canary`` where there is one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from reference_pipeline.door import BadRequest, Door, json_reply
from reference_pipeline.errors import BadArtefact, PipelineError
from reference_pipeline.ports import CallFailed, Ports, Reply, Request, StoreFailed
from reference_pipeline.records import RECORDS_MAX
from reference_pipeline.scoring import LoadModel, Model, load_model
from reference_pipeline.wire import NotUnderstood, decoded

REGISTRY_DEADLINE_S = 0.5  # a registry that hangs may not keep a restarted scorer out for longer
_RETRY_S = 0.5
_FOLLOW_S = 1.0
# Then bad bytes are asked for again; a rollout waits 10 s for them, and then ends for good.
_REFUSED_FOR_S = 3.0
_COPY, _COPY_SHA256 = "model", "model_sha256"
CANARY_SERVICE = "scorer-b"


class StaleArtefact(PipelineError):
    """Model bytes that are sound and older than what was served already. Wait for the registry."""


class Artefact(NamedTuple):
    """Model bytes and the SHA-256 that they must have."""

    data: bytes
    sha256: str


class _Alias(msgspec.Struct):
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    alias: str = ""


class _Rows(msgspec.Struct):
    rows: Annotated[list[list[float | None]], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]


_ALIAS = msgspec.json.Decoder(_Alias)
_ALIASES = msgspec.json.Decoder(list[_Alias])
_ROWS = msgspec.json.Decoder(_Rows)


class Scorer:
    """Serves the champion; ``template`` gives the artefact that the system was prepared with.

    ``load`` decodes what the registry gives.
    """

    def __init__(
        self, ports: Ports, template: Callable[[], Artefact], *, load: LoadModel = load_model
    ) -> None:
        self._ports = ports
        self._decode = load
        self._edge = f"{ports.service}-registry"
        self._template = template
        self._model: Model | None = None
        self._sha256 = ""
        self._refused, self._refused_s = "", 0.0  # the last bad artefact: it is not fetched every second
        self._why_not_ready = "no model was loaded yet"
        names = (
            "scored_total",
            "artefacts_refused_total",
            "loaded_from_copy_total",
            "champions_followed_total",
            "follows_failed_total",
        )
        self._counts = Counter(dict.fromkeys(names, 0))
        self._door = Door(
            ports,
            {"POST /score": self._score},
            why_not_ready=lambda: "" if self._model else self._why_not_ready,
            signals=lambda: {**self._counts, "serving_sha32": int(self._sha256[:8] or "0", 16)},
        )

    async def start(self) -> None:
        """Load in the background, so that /healthz answers meanwhile."""
        self._ports.spawn(self._serve_champion)

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _serve_champion(self) -> None:
        await self._load_until_done()
        while True:
            await self._ports.clock.rest_s(_FOLLOW_S)
            try:
                await self._follow()
            except PipelineError:
                self._counts["follows_failed_total"] += 1  # what is served goes on being served

    async def _follow(self) -> None:
        """Serve what is champion now, where that is another one and sound."""
        sha256 = await self._champion()
        refused = sha256 == self._refused and self._ports.clock.now_s() - self._refused_s < _REFUSED_FOR_S
        if sha256 != self._sha256 and not refused:
            self._model = self._sound(await self._artefact(sha256), keep=True)
            self._counts["champions_followed_total"] += 1

    async def _load_until_done(self) -> None:
        while self._model is None:
            try:
                self._model = await self._load()
            except PipelineError as error:
                self._why_not_ready = f"{type(error).__name__}: {error}"
                await self._ports.clock.sleep_s(_RETRY_S)

    async def _load(self) -> Model:
        """Load from registry, copy or template, whichever is first to give sound bytes.

        Raises:
            PipelineError: none did; the template's own error.
        """
        try:
            return self._sound(await self._from_registry(), keep=True)
        except (CallFailed, BadArtefact):
            self._counts["loaded_from_copy_total"] += 1
        if copy := self._copy():
            try:
                return self._sound(copy)
            except BadArtefact:
                pass  # counted; the template is left
        template = self._template()
        if copy and copy.sha256 != template.sha256:
            self._counts["artefacts_refused_total"] += 1
            raise StaleArtefact(
                f"what was served last ({copy.sha256[:12]}) is damaged, the registry does not answer, and "
                f"the template's model ({template.sha256[:12]}) is older; a fallback that says so is better"
            )
        return self._sound(template, keep=True)

    async def _from_registry(self) -> Artefact:
        sha256 = await self._champion()
        copy = self._copy()
        if copy and copy.sha256 == sha256 == hashlib.sha256(copy.data).hexdigest():
            return copy  # a damaged one is asked for
        return await self._artefact(sha256)

    async def _champion(self) -> str:
        """Tell which artefact is to be served: the canary's in the second slot, else the champion's."""
        if self._ports.service == CANARY_SERVICE:
            listed = await self._ports.call(self._edge, "GET /aliases", b"", REGISTRY_DEADLINE_S)
            try:
                by_name = {one.alias: one.sha256 for one in decoded(_ALIASES, listed.body)}
                return by_name.get("canary") or by_name["champion"]
            except (NotUnderstood, KeyError) as error:
                raise CallFailed(f"{self._edge}: reply not understood: {error}") from error
        alias = await self._ports.call(self._edge, "GET /aliases/champion", b"", REGISTRY_DEADLINE_S)
        try:
            return decoded(_ALIAS, alias.body).sha256
        except NotUnderstood as error:
            raise CallFailed(f"{self._edge}: reply not understood: {error}") from error

    async def _artefact(self, sha256: str) -> Artefact:
        """Ask for the bytes, and once more within the same time where others come; who loads them verifies.

        They were damaged on the way: the registry verifies what it reads.
        """
        call, clock, route = self._ports.call, self._ports.clock, f"GET /artefacts/{sha256}"
        end_s = clock.now_s() + REGISTRY_DEADLINE_S
        data = (await call(self._edge, route, b"", REGISTRY_DEADLINE_S)).body
        if hashlib.sha256(data).hexdigest() != sha256:
            data = (await call(self._edge, route, b"", max(0.0, end_s - clock.now_s()))).body
        return Artefact(data, sha256)

    def _copy(self) -> Artefact | None:
        find = self._ports.store.find
        data, sha256 = find("values", _COPY), find("values", _COPY_SHA256)
        return Artefact(data, sha256.decode()) if data and sha256 else None

    def _sound(self, artefact: Artefact, *, keep: bool = False) -> Model:
        """Verify and decode; with ``keep`` store the copy for the next start."""
        try:
            model = self._decode(artefact.data, artefact.sha256)
        except BadArtefact:
            self._counts["artefacts_refused_total"] += 1
            self._refused, self._refused_s = artefact.sha256, self._ports.clock.now_s()
            raise
        model.score(np.zeros((1, len(model.features))))  # the first call is slow; not in a request
        if keep and artefact != self._copy():
            self._keep(artefact)
        self._sha256 = artefact.sha256
        return model

    def _keep(self, artefact: Artefact) -> None:
        values = {_COPY: artefact.data, _COPY_SHA256: artefact.sha256.encode()}
        try:
            self._ports.store.commit([], values)
        except StoreFailed:
            self._counts["copies_failed_total"] += 1  # a full disk is no reason not to serve

    async def _score(self, request: Request) -> Reply:
        if self._model is None:
            raise BadRequest(self._why_not_ready, 503)
        try:
            rows = np.array(decoded(_ROWS, request.body).rows, dtype=np.float64)  # null becomes NaN
            scores = self._model.score(rows)
        except (NotUnderstood, ValueError) as error:
            raise BadRequest(str(error)) from error
        self._counts["scored_total"] += len(scores)
        answer = {
            "scores": scores.tolist(),
            "decisions": self._model.decide(scores),
            "model": self._model.version,
        }
        return json_reply(200, answer)
