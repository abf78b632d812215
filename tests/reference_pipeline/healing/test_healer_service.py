"""The healer's own routes, over its real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path

from reference_pipeline.healer_service import LOGS, HealerService, edges
from reference_pipeline.ports import Ports
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import CONFIG, SPEC, Clock, World, golden_rows
from tests.virtual import passes, run


def test_the_journal_is_read_by_cursor_and_the_signals_count(tmp_path: Path) -> None:
    world = World()
    world.processes["scorer-b"].hung = True

    async def story(store: SqliteStore) -> None:
        tasks: list[asyncio.Task[None]] = []

        def spawn(make: Callable[[], Coroutine[None, None, None]]) -> None:
            tasks.append(asyncio.create_task(make()))

        ports = Ports(service="healer", boot_id="life", call=world, store=store, clock=Clock(), spawn=spawn)
        service = HealerService(
            ports, world, golden=golden_rows(1), spec=SPEC, config=CONFIG, policy=world.policy
        )
        await service.start()
        await passes(20)
        first = json.loads((await service.handle("GET /journal?after=0&limit=2", b"")).body)
        rest = json.loads((await service.handle(f"GET /journal?after={first['last']}", b"")).body)
        signals = json.loads((await service.handle("GET /signals", b"")).body)
        health = json.loads((await service.handle("GET /healthz", b"")).body)
        for task in tasks:
            task.cancel()
        assert [line["seq"] for line in first["lines"] + rest["lines"]] == [1, 2, 3, 4, 5, 6]
        assert rest["lines"][-1]["line"]["type"] == "io.hormesis.heal.verified.v1"
        assert (signals["acts_total"], signals["acts_open"], signals["pages_total"]) == (1, 0, 0)
        assert health["boot_id"] == "life"

    with closing(SqliteStore(tmp_path / "store.db", LOGS)) as store:
        run(lambda: story(store))
    assert world.acts == ["restart scorer-b"]


def test_there_is_an_edge_to_every_service() -> None:
    assert edges(CONFIG) == tuple(f"healer-{name}" for name in CONFIG.services)
