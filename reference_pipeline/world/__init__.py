"""What happens to the pipeline from outside: transactions with known truth, or a replayed file.

``open_world`` is what ``world:`` of the system file names. The knob ``kind`` of the scenario picks
the world: ``simulator`` (:mod:`.simulator`) or ``replay`` of a user's CSV (:mod:`.replay`).
Comes in: scenario, seed, prepared template. Goes out: records, P(y = 1 | x), labels, golden rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reference_pipeline.world.knobs import SimulatorKnobs, read_scenario
from reference_pipeline.world.replay import ReplayWorld, open_replay
from reference_pipeline.world.simulator import SimulatedWorld, open_simulator


def open_world(*, scenario: Mapping[str, object], seed: int, template: Path) -> SimulatedWorld | ReplayWorld:
    """Open the world of ``scenario``: its knobs and ``world_s_per_run_s`` in one flat mapping.

    Raises:
        BadScenario: a knob is unknown or out of range.
        BadSource: the file to replay cannot be used.
        BadTemplate: ``template`` was not prepared, or for another scenario.
    """
    factor, knobs = read_scenario(scenario)
    if isinstance(knobs, SimulatorKnobs):
        return open_simulator(knobs, world_s_per_run_s=factor, seed=seed, template=template)
    return open_replay(knobs, seed=seed, template=template)
