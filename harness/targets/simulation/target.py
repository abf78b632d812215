"""The simulation target: the harms and proofs of the local one, on a started simulated system."""

from __future__ import annotations

from harness.targets.local.edges import EdgeHarm
from harness.targets.local.harms import HarmTarget
from harness.targets.local.hooks import HookHarm
from harness.targets.simulation.ground import SimulatedGround
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.processes import SimulatedHarm
from harness.targets.simulation.system import SimulatedSystem


class SimulatedTarget(HarmTarget):
    """``Target`` over a started ``SimulatedSystem``. ``seen_within_s`` (virtual) bounds a look for a proof.

    Nothing has to be prepared: where its world ends, nothing of an effect is left.
    """

    def __init__(self, system: SimulatedSystem, looker: Looker, seen_within_s: float = 5.0) -> None:
        ground = SimulatedGround(system, looker)
        super().__init__(
            system.system,
            SimulatedHarm(system, looker, seen_within_s),
            EdgeHarm(ground, seen_within_s),
            HookHarm(ground, seen_within_s),
        )
