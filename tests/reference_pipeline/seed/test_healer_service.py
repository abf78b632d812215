"""The arm's healer as a service: it asks over its edges and answers like the other healer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.journal import JOURNAL
from reference_pipeline.healing.ports import PlatformService
from reference_pipeline.ports import CallFailed, Ports, Reply
from reference_pipeline.seed.healer_service import SeedHealerService
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.seed.virtual import VirtualClock


class Enough(Exception):
    """Three rounds are over."""


class ThreeRounds(VirtualClock):
    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        await super().sleep_s(seconds)
        if len(self.waits_s) == 3:
            raise Enough


class Restarter:
    """A platform that notes what is asked of it."""

    def __init__(self) -> None:
        self.restarted: list[str] = []

    async def restart(self, name: str, key: str, /) -> None:
        assert key
        self.restarted.append(name)

    async def services(self) -> Sequence[PlatformService]:
        raise CallFailed("the recipe never asks")


async def healthy_but_features(edge: str, route: str, _: bytes, deadline_s: float, /) -> Reply:
    assert (route, deadline_s) == ("GET /healthz", 1.0)
    if edge == "healer-features":
        raise CallFailed("nothing for a second")
    return Reply(200, b'{"service": "any", "boot_id": "b1", "started_s": 0.0}')


def test_it_restarts_what_does_not_answer_and_journals_it(tmp_path: Path) -> None:
    """Three rounds of probes over ``healer-..``: one restart, three lines, readable by cursor."""
    platform = Restarter()
    loops: list[Callable[[], Coroutine[Any, Any, None]]] = []

    async def run(store: SqliteStore) -> tuple[dict[str, Any], dict[str, Any]]:
        ports = Ports(
            service="healer",
            boot_id="h1",
            call=healthy_but_features,
            store=store,
            clock=ThreeRounds(),
            spawn=loops.append,
        )
        healer = SeedHealerService(ports, platform, config=HealerConfig())
        await healer.start()
        (loop,) = loops
        with pytest.raises(Enough):
            await loop()
        journal = await healer.handle("GET /journal?after=1", b"")
        signals = await healer.handle("GET /signals", b"")
        return json.loads(journal.body), json.loads(signals.body)

    with closing(SqliteStore(tmp_path / "store.db", (JOURNAL,))) as store:
        journal, signals = asyncio.run(run(store))
    assert platform.restarted == ["features"]
    assert [line["line"]["type"] for line in journal["lines"]] == [
        "io.hormesis.heal.action.started.v1",
        "io.hormesis.heal.action.finished.v1",
    ]
    assert journal["last"] == 3
    assert (signals["probes_failed_total"], signals["restarts_total"]) == (3, 1)
