"""The pipeline in a simulated world: records are decided and delivered once, and kills lose none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_pipeline.deploy.simulation.service import Shared
from tests.reference_pipeline.simulated import SERVICES, World, shared_of


@pytest.fixture(scope="module")
def shared(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return shared_of(small_template)


@pytest.fixture
def world(shared: Shared) -> Iterator[World]:
    made = World(shared)
    yield made
    made.close()
    assert (made.failed, made.kernel.errors) == ([], [])


def test_a_record_is_decided_by_the_champion_and_delivered(world: World) -> None:
    (answer,) = world.decide("one")
    assert answer["decision"] in ("approve", "decline")
    assert str(answer["model"]).startswith("1.0.0+")
    world.passes(1.0)
    assert world.ids("delivery", "sink") == ["one"]


def test_killed_services_lose_and_double_nothing(world: World) -> None:
    keys = [f"k{number}" for number in range(60)]
    dice = world.kernel.stream("kills")
    for number, key in enumerate(keys):
        world.decide(key)
        if number % 5 == 4:
            name = SERVICES[int(dice.integers(len(SERVICES)))]
            world.processes[name].kill()
            world.passes(0.2)
            world.processes[name].start()
            world.passes(0.5)
    world.passes(10.0)
    accepted = world.ids("gateway", "accepted")
    assert set(accepted) <= set(keys)
    assert len(accepted) > 40
    assert sorted(world.ids("delivery", "sink")) == sorted(accepted)


def test_the_same_seed_gives_the_same_events_and_another_one_others(shared: Shared) -> None:
    def digest(seed: int, kills: bool) -> str:
        world = World(shared, seed)
        for number in range(10):
            world.decide(f"k{number}")
            if kills and number == 5:
                world.processes["scorer-a"].kill()
                world.passes(0.1)
                world.processes["scorer-a"].start()
        world.passes(1.0)
        world.close()
        assert world.kernel.events > 200
        return world.kernel.digest()

    assert digest(1, kills=True) == digest(1, kills=True)
    assert digest(1, kills=True) != digest(1, kills=False)


def test_asyncio_is_what_the_services_run_on(world: World) -> None:
    """No loop of the real world is running while the simulated one is."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert world.kernel.now_s >= 2.0
