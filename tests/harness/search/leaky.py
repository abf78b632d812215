"""A healer that throws fresh dice: what it does no seed decides."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.search.bugs import _calling, _with
from reference_pipeline.deploy.simulation.pipeline import SimulatedPipeline
from reference_pipeline.ports import Call, Ports, Reply


class Dicing:
    """Waits before every second call, or so."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        if random.random() < 0.5:
            await self.ports.clock.sleep_s(0.05)
        return await self.ports.call(edge, route, body, deadline_s)


def open_leaky(template: Path) -> SimulatedPipeline:
    """What ``simulation:`` names."""
    return _with(template, lambda build, ports: build(_calling(ports, _dicing(ports))))


def _dicing(ports: Ports) -> Call:
    return Dicing(ports)
