"""The healer's way to the platform, against the real supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.experiment.model import Service, System, Workload
from harness.targets.local.target import LocalSystem
from harness.targets.local.wiring import SystemPlace
from reference_pipeline.deploy.platform import HttpPlatform
from reference_pipeline.ports import CallFailed, CallRejected

ONE = Service(
    command=("{python}", "-m", "http.server", "{port}", "--bind", "127.0.0.1"), readiness="/", health="/"
)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[LocalSystem]:
    description = System(
        version=1, name="tiny", services={"one": ONE}, workload=Workload(service="one", route="/")
    )
    place = SystemPlace(
        system=description, system_dir=tmp_path, template=tmp_path, state_dir=tmp_path / "state"
    )
    with LocalSystem(place) as running:
        yield running


def _platform(system: LocalSystem, token: str = "") -> HttpPlatform:
    port, true_token = system.platform_address
    return HttpPlatform(f"http://127.0.0.1:{port}/", token or true_token)


def test_services_are_listed_and_one_is_restarted_once_however_often_it_is_asked(system: LocalSystem) -> None:
    async def scene() -> None:
        async with _platform(system) as platform:
            assert [(row.name, row.state) for row in await platform.services()] == [("one", "ready")]
            before = system.service("one").pid
            await platform.restart("one", "key-1")
            after = system.service("one").pid
            assert after != before
            await platform.restart("one", "key-1")
            assert system.service("one").pid == after
            await platform.restart("one", "key-2")
            assert system.service("one").pid != after

    asyncio.run(scene())
    assert [line.act for line in system.ledger()].count("started") == 3


def test_what_cannot_be_is_rejected_and_a_platform_that_is_gone_is_a_failed_call(system: LocalSystem) -> None:
    async def scene() -> None:
        async with _platform(system) as platform:
            with pytest.raises(CallRejected, match="404"):
                await platform.restart("no such service", "key")
        async with _platform(system, "wrong") as stranger:
            with pytest.raises(CallRejected, match="403"):
                await stranger.services()
        async with HttpPlatform("http://127.0.0.1:9", "token") as nobody:
            with pytest.raises(CallFailed):
                await nobody.services()

    asyncio.run(scene())
