"""A scorer and a way that damages what comes: it is asked for again, and never served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.ports import CallFailed, Ports, Reply
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.registry_service import RegistryService
from reference_pipeline.scorer_service import REGISTRY_DEADLINE_S, Artefact, Scorer
from reference_pipeline.scoring import dump_model, load_model
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import Clock
from tests.virtual import passes, run


class Bench:
    """A scorer over a real registry; the way takes ``takes_s`` and damages so many artefacts to come."""

    def __init__(self, registry: DiskRegistry, store: SqliteStore) -> None:
        self.registry = registry
        self.damages = self.fetches = 0
        self.takes_s = 0.0
        first = registry.alias("champion")
        self.tasks: list[asyncio.Task[None]] = []
        ports = Ports(
            service="scorer-a",
            boot_id="scorer-a#1",
            call=self.call,
            store=store,
            clock=Clock(),
            spawn=lambda make: self.tasks.append(asyncio.create_task(make())),
        )
        self._service = RegistryService(replace(ports, service="registry"), registry)
        self.scorer = Scorer(ports, lambda: Artefact(registry.artefact(first.sha256), first.sha256))

    async def call(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """The Call port."""
        await passes(min(self.takes_s, deadline_s))
        if self.takes_s > deadline_s:
            raise CallFailed(f"{edge}: TimeoutError")
        reply = await self._service.handle(route, body)
        if not route.startswith("GET /artefacts"):
            return reply
        self.fetches += 1
        if not self.damages:
            return reply
        self.damages -= 1
        return Reply(200, reply.body[:-1])

    def promote_another(self) -> str:
        """Make 2.0.0 the champion; its full version."""
        alias = self.registry.alias("champion")
        now = load_model(self.registry.artefact(alias.sha256), alias.sha256)
        newer = dump_model(
            now.trees, version="2.0.0", threshold=0.5, features=now.features, metrics={}, lineage={}
        )
        version = self.registry.put(newer, "2.0.0", {}, {}).version
        self.registry.set_alias("champion", version)
        return version

    async def model(self) -> str:
        """Whose scores are served."""
        reply = await self.scorer.handle("POST /score", msgspec.json.encode({"rows": [[1.0] * 24]}))
        return str(msgspec.json.decode(reply.body)["model"])

    async def signal(self, name: str) -> float:
        """A number of the scorer."""
        return float(msgspec.json.decode((await self.scorer.handle("GET /signals", b"")).body)[name])


def _story(folder: Path, template: Path, tell: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    copy_registry(template / "registry", folder / "registry")
    with (
        closing(DiskRegistry(folder / "registry")) as registry,
        closing(SqliteStore(folder / "store.db", ())) as store,
    ):

        async def whole() -> None:
            bench = Bench(registry, store)
            await bench.scorer.start()
            await passes(1.0)
            bench.fetches = 0
            try:
                await tell(bench)
            finally:
                for task in bench.tasks:
                    task.cancel()

        run(whole)


def test_a_champion_whose_bytes_were_damaged_once_on_the_way_is_served_at_once(
    tmp_path: Path, small_template: Path
) -> None:
    async def tell(bench: Bench) -> None:
        bench.damages = 1
        version = bench.promote_another()
        await passes(2.0)
        assert await bench.model() == version
        assert (bench.fetches, await bench.signal("artefacts_refused_total")) == (2, 0)

    _story(tmp_path, small_template, tell)


def test_bytes_that_go_on_coming_damaged_are_never_served_and_are_asked_for_again_in_time_for_a_rollout(
    tmp_path: Path, small_template: Path
) -> None:
    """A rollout ends, and its version is not tried again, where the scorer has not loaded it by then."""

    async def tell(bench: Bench) -> None:
        before = await bench.model()
        bench.damages = 4
        version = bench.promote_another()
        await passes(2.0)
        assert await bench.model() == before
        assert (bench.fetches, await bench.signal("artefacts_refused_total")) == (2, 1)
        await passes(HealerConfig().canary_load_s - 2.0)
        assert await bench.model() == version
        assert (bench.fetches, await bench.signal("artefacts_refused_total")) == (5, 2)

    _story(tmp_path, small_template, tell)


@pytest.mark.parametrize("share", [0.4, 0.9])
def test_both_attempts_together_take_no_longer_than_one_may(
    tmp_path: Path, small_template: Path, share: float
) -> None:
    async def tell(bench: Bench) -> None:
        bench.promote_another()
        bench.damages, bench.takes_s = 1, share * REGISTRY_DEADLINE_S
        while not bench.fetches:
            await passes(0.01)
        await passes(REGISTRY_DEADLINE_S - bench.takes_s)
        failed = await bench.signal("follows_failed_total") > 0
        assert (bench.fetches, failed) == ((2, False) if share < 0.5 else (1, True))

    _story(tmp_path, small_template, tell)
