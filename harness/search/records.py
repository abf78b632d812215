"""Which changes can be made to the records of a system: asked of its world, once.

Comes in: what simulated runs share. Goes out: mutations, mildest first; those that could touch nothing are
left out, since an episode with one would only be refused.
"""

from __future__ import annotations

import msgspec
import numpy as np

from harness.driver.opening import open_world
from harness.driver.parcels import check_spans
from harness.driver.spec import Span, Spec
from harness.errors import Refused
from harness.faults.effects import Mutate, Mutation
from harness.ports import World
from harness.run.material import Material
from harness.run.template import scenario_spec
from harness.search.limits import Limits

MUTATIONS: tuple[Mutation, ...] = ("rename", "drop", "null", "type")
SHARES = (0.3, 1.0)
_LOOK_S = 5.0


def mutations_of(material: Material, limits: Limits, seed: int) -> tuple[Mutate, ...]:
    """List all that can be done to a field of the records; () where the system names no world."""
    experiment = material.experiment
    if not experiment.system.world:
        return ()
    spec = Spec(
        seed=seed,
        duration_s=_LOOK_S,
        profile=limits.profile,
        world=experiment.system.world,
        world_path=tuple(path for path in material.python_path.split(":") if path),
        scenario=msgspec.convert(scenario_spec(experiment), dict[str, str | int | float | bool]),
        template=str(material.template),
        url="",
        workload=experiment.system.workload,
        observations="",
    )
    world = open_world(spec)
    fields = sorted(world.draw(np.zeros(1)).records[0])
    wanted = (
        Mutate(mutation=mutation, field=name, share_ratio=share)
        for mutation in MUTATIONS
        for share in SHARES
        for name in fields
    )
    return tuple(one for one in wanted if _can_touch(one, world, spec))


def _can_touch(effect: Mutate, world: World, spec: Spec) -> bool:
    whole = msgspec.structs.replace(effect, share_ratio=1.0)
    span = Span(episode=0, from_s=0.0, until_s=_LOOK_S, effect=whole)
    try:
        check_spans(spec.seed, spec.profile, _LOOK_S, world, spans=(span,))
    except Refused:
        return False
    return True
