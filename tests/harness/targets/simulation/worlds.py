"""A small system in a simulated world: one worker that answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.experiment.model import Arm, Service, System, Workload
from harness.simulation.hosts import Host
from harness.simulation.kernel import Kernel
from harness.simulation.network import Answer
from harness.targets.local.profiles import PROFILES
from harness.targets.simulation.costs import ServiceCost
from harness.targets.simulation.system import SimulatedPlace, SimulatedSystem


def small(
    arm: Arm = "none", seed: int = 5, costs: Mapping[str, ServiceCost] | None = None
) -> SimulatedSystem:
    """Make it; arm ``bare`` has no platform that restarts."""

    async def main(host: Host) -> None:
        async def answer(route: str, body: bytes) -> Answer:
            return Answer(200, json.dumps({"boot_id": host.boot_id}).encode(), {})

        host.serve(answer)
        await host.sleep_s(1e6)

    system = System(
        version=1,
        name="small",
        services={"worker": Service(entry="a:b")},
        workload=Workload(service="worker", route="/work"),
    )
    place = SimulatedPlace(
        system=system, arm=arm, profile=PROFILES["fast"], restart=arm != "bare", main=main, costs=costs or {}
    )
    return SimulatedSystem(Kernel(seed), place)


def passes(system: SimulatedSystem, seconds: float) -> None:
    """Let time pass."""
    system.kernel.run(until_s=system.kernel.now_s + seconds)
