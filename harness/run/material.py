"""What simulated runs share, and what one of them is made of: its system, and who drives it.

Comes in: an experiment, what ``prepare`` made, a plan. Goes out: ``Material``, opened once a process; a
``SimulatedPlace`` and a ``VirtualWitness`` for each run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from harness.driver.labels import POST_EVERY_S
from harness.driver.opening import costs_of, open_world
from harness.driver.parcels import build_parcels
from harness.driver.request import single_keys
from harness.driver.spec import Spec
from harness.driver.workload import Parcel
from harness.experiment.model import Arm, Experiment, Pace
from harness.history.events import Priced
from harness.plan.model import Plan
from harness.run.evidence import OBSERVATIONS, RESENDS, TAINT
from harness.run.fields import label_feed, world_spec
from harness.run.virtual import VirtualWitness, Way, Ways
from harness.targets.local.profiles import PROFILES
from harness.targets.simulation.costs import ServiceCost, read_costs
from harness.targets.simulation.opening import Simulated, open_simulation
from harness.targets.simulation.system import SimulatedPlace, SimulatedSystem


@dataclass(frozen=True, slots=True)
class Rests:
    """How long whoever looks again and again waits at least, virtual: a service, or who watches."""

    service_s: float
    watch_s: float


PACES: Mapping[Pace, Rests] = {"dense": Rests(0.0, 0.0), "sparse": Rests(10.0, 60.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the simulated runs of one experiment share: what ``prepare`` made, opened once a process.

    ``python_path``: where the world is found. ``observe_every_s``: how often observed routes are looked at.
    ``pace``: "sparse" for days on end, where services look again after 10 s at the soonest, and who watches
    them after 60 s; figures of two paces are never put together. ``costs``: of services, by name.
    ``offered``: what was built for a driver, by its orders, where many runs are offered the same; None: built
    anew for each.
    """

    experiment: Experiment
    template: Path
    python_path: str
    opened: Simulated
    observe_every_s: float = 0.25
    pace: Pace = "dense"
    costs: Mapping[str, ServiceCost] = field(default_factory=dict)
    offered: dict[bytes, tuple[Sequence[Parcel], Priced | None]] | None = None


def open_material(experiment: Experiment, *, template: Path, python_path: str) -> Material:
    """Open what simulated runs share; ``Refused`` where the system cannot be simulated."""
    for path in python_path.split(":"):
        if path and path not in sys.path:
            sys.path.insert(0, path)
    return Material(
        experiment=experiment,
        template=template,
        python_path=python_path,
        opened=open_simulation(experiment.system, template),
        costs=_costs(experiment),
    )


def _costs(experiment: Experiment) -> Mapping[str, ServiceCost]:
    simulation = experiment.system.simulation
    if simulation is None or not simulation.costs:
        return {}
    return read_costs(Path(experiment.system_dir) / simulation.costs).services


def place_of(material: Material, plan: Plan) -> SimulatedPlace:
    """What the system of a simulated run is made of."""
    return SimulatedPlace(
        system=material.experiment.system,
        arm=msgspec.convert(plan.arm, Arm),
        profile=PROFILES[plan.restart_profile],
        restart=plan.arm != "bare",
        main=material.opened.serve,
        hook=material.opened.hook,
        pace_s=PACES[material.pace].service_s,
        watch_s=PACES[material.pace].watch_s,
        costs=material.costs,
    )


def witness_of(
    material: Material, plan: Plan, running: SimulatedSystem
) -> tuple[VirtualWitness, Priced | None]:
    """The driver of a simulated run, with all that it will offer, and what decisions cost in its world."""
    experiment, system = material.experiment, running.system
    offered = world_spec(plan, experiment, template=material.template, python_path=material.python_path)
    taker = "simulated" if system.label_edge in running.proxy.edges else ""
    feed = label_feed(plan, experiment, taker) if offered["labels"] else None
    spec = msgspec.convert(
        {
            **msgspec.to_builtins(offered),
            "url": "simulated",
            "observations": OBSERVATIONS,
            "taint": TAINT,
            "resends": RESENDS,
            "labels": feed,
        },
        type=Spec,
    )
    parcels, costs = _offered(material, spec)
    told = spec.labels
    ways = Ways(
        units=Way(system.witness_edge, spec.workload.route),
        labels=Way(system.label_edge, system.labels.partition(":")[2]) if told and told.url else None,
        truth=Way(system.label_edge, system.truth.partition(":")[2]) if told and told.truth_url else None,
    )
    witness = VirtualWitness(
        running.kernel,
        spec,
        parcels,
        ways=ways,
        host=running.witness_host,
        labels_every_s=max(POST_EVERY_S, PACES[material.pace].service_s),
    )
    return witness, costs


def _offered(material: Material, spec: Spec) -> tuple[Sequence[Parcel], Priced | None]:
    """Build what ``spec`` orders, or find it where it was built before."""
    key = msgspec.json.encode(spec)
    known = (material.offered or {}).get(key)
    if known is not None:
        return known
    world = open_world(spec)
    costs = costs_of(world)
    built = build_parcels(
        spec.seed,
        spec.profile,
        spec.duration_s,
        world,
        spans=spec.mutations,
        labels=spec.labels,
        single=single_keys(spec.workload),
    )
    foresee = getattr(material.opened, "foresee", None)
    if foresee is not None:
        foresee([parcel.body for parcel in built if parcel.body])
    made = built, None if costs is None else Priced(**costs)
    if material.offered is not None:
        material.offered[key] = made
    return made
