"""Models of the registry as the learner has them: what damage is, and what is none."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reference_pipeline.errors import BadArtefact, UnknownVersion
from reference_pipeline.models import VERIFIED_FOR_S, Models
from reference_pipeline.ports import CallFailed, CallRejected, Ports, Reply
from reference_pipeline.registry import DiskRegistry, Registry, copy_registry
from reference_pipeline.registry_service import RegistryService
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import Clock
from tests.virtual import passes, run


class Way:
    """The way to a real registry; what begins with ``cut`` gets no answer.

    ``flips``: of so many artefacts to come it flips a bit. ``rejects``: of so many it says that the question
    is none, as a server does that was sent a damaged one.
    """

    def __init__(self, folder: Path, registry: Registry, store: SqliteStore) -> None:
        self.folder = folder
        self.cut = "nothing"
        self.flips = self.rejects = self.fetches = 0
        self.version = registry.alias("champion").version
        ports = Ports(
            service="registry",
            boot_id="registry#1",
            call=self,
            store=store,
            clock=Clock(),
            spawn=lambda _: None,
        )
        self._service = RegistryService(ports, registry)

    async def __call__(self, edge: str, route: str, body: bytes, _: float, /) -> Reply:
        if route.startswith(self.cut):
            raise CallFailed(f"{edge}: cut")
        reply = await self._service.handle(route, body)
        if route.startswith("GET /artefacts"):
            self.fetches += 1
            reply = self._on_the_way(edge, reply)
        if reply.status == 422:
            raise CallRejected(f"{edge}: {reply.body!r}", 422)
        if reply.status != 200:
            raise CallFailed(f"{edge}: status {reply.status}")
        return reply

    def _on_the_way(self, edge: str, reply: Reply) -> Reply:
        if self.rejects:
            self.rejects -= 1
            raise CallRejected(f"{edge}: status 400", 400)
        if not self.flips or reply.status != 200:
            return reply
        self.flips -= 1
        middle = len(reply.body) // 2
        return Reply(200, reply.body[:middle] + bytes([reply.body[middle] ^ 1]) + reply.body[middle + 1 :])

    def damage(self) -> None:
        (file,) = (self.folder / "registry" / "artefacts").glob("*.npz")
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-1])


def _story(folder: Path, template: Path, tell: Callable[[Way, Models], Coroutine[Any, Any, None]]) -> None:
    copy_registry(template / "registry", folder / "registry")
    with (
        closing(DiskRegistry(folder / "registry")) as registry,
        closing(SqliteStore(folder / "store.db", ())) as store,
    ):

        async def whole() -> None:
            way = Way(folder, registry, store)
            await tell(way, Models(way, Clock()))

        run(whole)


def test_a_registry_that_is_away_is_no_damage_and_the_next_question_is_answered(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(way: Way, models: Models) -> None:
        way.cut = "GET /artefacts"
        with pytest.raises(CallFailed, match="cut"):
            await models.version(way.version)
        way.cut = "nothing"
        assert (await models.version(way.version)).version == way.version

    _story(tmp_path, small_template, tell)


def test_a_damaged_file_is_damage_and_so_it_is_said(tmp_path: Path, small_template: Path) -> None:
    async def tell(way: Way, models: Models) -> None:
        way.damage()
        with pytest.raises(BadArtefact, match="damaged on disk"):
            await models.version(way.version)

    _story(tmp_path, small_template, tell)


@pytest.mark.parametrize("flips", [1, 2])
def test_bytes_that_were_damaged_on_the_way_are_asked_for_again(
    tmp_path: Path, small_template: Path, flips: int
) -> None:
    async def tell(way: Way, models: Models) -> None:
        way.flips = flips
        assert (await models.version(way.version)).version == way.version
        assert way.fetches == flips + 1

    _story(tmp_path, small_template, tell)


@pytest.mark.parametrize(("flips", "rejects"), [(3, 0), (0, 1)])
def test_a_way_that_goes_on_damaging_is_a_failed_call_and_says_nothing_of_the_version(
    tmp_path: Path, small_template: Path, flips: int, rejects: int
) -> None:
    async def tell(way: Way, models: Models) -> None:
        way.flips, way.rejects = flips, rejects
        with pytest.raises(CallFailed, match=r"damaged on the way|status 400"):
            await models.version(way.version)
        assert (await models.version(way.version)).version == way.version

    _story(tmp_path, small_template, tell)


def test_a_kept_model_outlives_a_way_that_damages_as_one_that_is_cut(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(way: Way, models: Models) -> None:
        await models.version(way.version)
        await passes(VERIFIED_FOR_S)
        way.flips = 100
        assert (await models.version(way.version)).version == way.version
        way.damage()
        with pytest.raises(BadArtefact, match="damaged on disk"):
            await models.version(way.version)

    _story(tmp_path, small_template, tell)


def test_a_kept_model_is_looked_at_again_and_a_registry_that_is_away_changes_nothing(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(way: Way, models: Models) -> None:
        await models.version(way.version)
        way.damage()
        assert (await models.version(way.version)).version == way.version
        await passes(VERIFIED_FOR_S)
        way.cut = "GET /artefacts"
        assert (await models.version(way.version)).version == way.version
        way.cut = "nothing"
        for _ in range(2):
            with pytest.raises(BadArtefact, match="damaged on disk"):
                await models.version(way.version)

    _story(tmp_path, small_template, tell)


def test_a_version_that_is_not_there_is_unknown(tmp_path: Path, small_template: Path) -> None:
    async def tell(_: Way, models: Models) -> None:
        with pytest.raises(UnknownVersion, match=r"7\.7\.7"):
            await models.version("7.7.7+0")

    _story(tmp_path, small_template, tell)
