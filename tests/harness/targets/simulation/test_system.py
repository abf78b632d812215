"""The reference pipeline, healer and all, in a simulated world: ready, killed, kept, and the same again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.experiment.load import load_experiment
from harness.simulation.hosts import Host
from harness.simulation.kernel import Kernel
from harness.targets.local.profiles import PROFILES
from harness.targets.simulation.system import SimulatedPlace, SimulatedSystem
from reference_pipeline.deploy.simulation.service import Shared, serve
from tests.reference_pipeline.simulated import shared_of

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def shared(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return shared_of(small_template)


def made(shared: Shared, arm: str = "reference", profile: str = "fast", seed: int = 5) -> SimulatedSystem:
    async def main(host: Host) -> None:
        await serve(host, shared)

    place = SimulatedPlace(
        system=load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml").system,
        arm=arm,  # type: ignore[arg-type]
        profile=PROFILES[profile],
        restart=arm != "bare",
        main=main,
    )
    return SimulatedSystem(Kernel(seed), place)


@pytest.fixture
def started(shared: Shared) -> Iterator[SimulatedSystem]:
    system = made(shared)
    system.start()
    yield system
    system.close()


def passes(system: SimulatedSystem, seconds: float) -> None:
    system.kernel.run(until_s=system.kernel.now_s + seconds)


def test_all_services_of_the_arm_become_ready_in_their_order(started: SimulatedSystem) -> None:
    assert {row.state for row in started.services()} == {"ready"}
    assert {row.name for row in started.services()} == set(started.system.services_of("reference"))
    ready_at_s = {line.service: line.at_s for line in started.ledger() if line.act == "ready"}
    begun_at_s = {line.service: line.at_s for line in started.ledger() if line.act == "started"}
    for name, service in started.system.services_of("reference").items():
        assert all(ready_at_s[other] <= begun_at_s[name] for other in service.after if other in ready_at_s)


def test_each_killed_service_comes_back_under_another_boot_id(started: SimulatedSystem) -> None:
    before = {row.name: row.boot_id for row in started.services()}
    for process in started.processes.values():
        process.kill()
        passes(started, 20.0)
    after = {row.name: row for row in started.services()}
    assert {row.state for row in after.values()} == {"ready"}
    assert all(after[name].boot_id != boot_id for name, boot_id in before.items())


def test_two_worlds_of_one_seed_are_the_same_event_by_event(shared: Shared) -> None:
    def lived() -> tuple[str, list[tuple[str, str, float]]]:
        system = made(shared)
        system.start()
        passes(system, 5.0)
        system.processes["gateway"].kill()
        passes(system, 10.0)
        told = [(line.service, line.act, line.at_s) for line in system.ledger()]
        system.close()
        return system.kernel.digest(), told

    assert lived() == lived()
