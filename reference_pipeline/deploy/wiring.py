"""How each service is put together, whatever it runs on: its parts, its edges, its logs, who may change it.

Comes in: the name of a service and the place it runs in. Goes out: ``Wired``, which a target starts. A
process of this machine (``local``) and one of a simulated world (``simulation``) are wired by these lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reference_pipeline import delivery, healer_service, learner_service, ledger
from reference_pipeline.degenerate import DEGENERATE, DegenerateService
from reference_pipeline.delivery import Delivery
from reference_pipeline.deploy.arms import NOT_IN_PATH, OFF, ORACLE, SEED, in_path
from reference_pipeline.deploy.guard import Guard
from reference_pipeline.deploy.template import Template
from reference_pipeline.feature_service import FeatureService
from reference_pipeline.folders import Folder
from reference_pipeline.gateway import Gateway
from reference_pipeline.healer_service import HealerService
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.policy import PolicySource
from reference_pipeline.healing.ports import Platform
from reference_pipeline.healing.reach import edge_to
from reference_pipeline.learner_service import Learner
from reference_pipeline.ports import Beside, Ports, Service
from reference_pipeline.registry import Registry
from reference_pipeline.registry_service import RegistryService
from reference_pipeline.scorer_service import Scorer
from reference_pipeline.seed.healer_service import SeedHealerService
from reference_pipeline.service import DecisionConfig, edges_of
from reference_pipeline.trainings import Trainer

OPEN = Guard()


class Place(Protocol):
    """What a service is given beside its ports; each process has one of its own."""

    template: Template
    """What the system was prepared with."""

    def setting(self, name: str, default: str = "", /) -> str:
        """A variable of the environment that the system file gives the service."""
        ...

    def has_edge(self, edge: str, /) -> bool:
        """Whether there is a way over ``edge`` in this arm."""
        ...

    def dice(self) -> Callable[[], float]:
        """Dice of this process, for jitter."""
        ...

    def registry(self) -> Registry:
        """The registry of this process, which starts as the template's."""
        ...

    def trainings(self) -> tuple[Folder, Trainer]:
        """Where trainings lie, and what fits them."""
        ...

    def beside(self) -> Beside:
        """Where work that takes long is done."""
        ...

    def platform(self) -> Platform:
        """Who restarts services."""
        ...

    def policy(self) -> PolicySource:
        """What the healer may do."""
        ...


Build = Callable[[Ports], Service]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """One service, ready to be built: the logs its store needs, its edges, and who may change it.

    ``secret``: edges over which it shows the token of the switches.
    """

    build: Build
    logs: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    guard: Guard = OPEN
    secret: tuple[str, ...] = field(default=())


def wire(service: str, place: Place) -> Wired:
    """Wire ``service`` ("scorer-a"); ValueError where there is none of that name."""
    made = WIRES.get(service.partition("-")[0])
    if made is None:
        raise ValueError(f"no service {service!r}; there are: {', '.join(WIRES)}")
    return made(service, place)


def _gateway(_: str, place: Place) -> Wired:
    config = DecisionConfig(
        budget_s=float(place.setting("GATEWAY_BUDGET_S", "0.2")),
        weights={
            "a": float(place.setting("SCORER_A_WEIGHT", "1.0")),
            "b": float(place.setting("SCORER_B_WEIGHT", "0.0")),
        },
        sweep_after_s=float(place.setting("SWEEP_AFTER_S", "2.0")),
    )
    template, healing = place.template, place.setting("HEALING", OFF)

    def build(ports: Ports) -> Gateway:
        path = in_path(healing, ports, config, template, dice=place.dice())
        return Gateway(ports, template.spec, config, path)

    switches = Guard() if healing in NOT_IN_PATH else Guard(("/switches/", "/replay"), _token(place))
    return Wired(build=build, edges=tuple(edges_of(config)), logs=ledger.LOGS, guard=switches)


def _features(_: str, place: Place) -> Wired:
    features = place.template.features
    return Wired(build=lambda ports: FeatureService(ports, features))


def _scorer(service: str, place: Place) -> Wired:
    template = place.template
    return Wired(
        build=lambda ports: Scorer(ports, lambda: template.champion, load=template.load),
        edges=(f"{service}-registry",),
    )


def _registry(_: str, place: Place) -> Wired:
    return Wired(
        build=lambda ports: RegistryService(ports, place.registry()),
        guard=Guard(("/aliases/", "/versions"), _token(place)),
    )


def _delivery(_: str, __: Place) -> Wired:
    return Wired(build=Delivery, edges=("delivery-gateway",), logs=delivery.LOGS)


def _learner(_: str, place: Place) -> Wired:
    template, oracle = place.template, place.setting("HEALING") == ORACLE

    def build(ports: Ports) -> Learner:
        folder, trainer = place.trainings()
        return Learner(
            ports,
            template.features,
            trainer,
            golden=template.golden,
            watch=template.watch,
            stored=template.stored_rows,
            beside=place.beside(),
            folder=folder,
            oracle=oracle,
            load=template.load,
        )

    return Wired(
        build=build,
        edges=learner_service.EDGES,
        logs=learner_service.LOGS,
        secret=("learner-registry",),
        guard=Guard(("/trainings/", "/quarantines/"), _token(place)),
    )


def _healer(_: str, place: Place) -> Wired:
    # A system without a learner has no edge to one, and nothing to care for there.
    names = tuple(name for name in HealerConfig().services if place.has_edge(edge_to(name)))
    config, template = HealerConfig(services=names), place.template

    def build(ports: Ports) -> Service:
        healing = place.setting("HEALING")
        if healing in DEGENERATE:
            return DegenerateService(ports, place.platform(), word=healing, services=names, dice=place.dice())
        if healing == SEED:
            return SeedHealerService(ports, place.platform(), config=config, watch=template.watch)
        return HealerService(
            ports,
            place.platform(),
            golden=template.golden.records,
            spec=template.spec,
            config=config,
            policy=place.policy(),
            watch=template.watch,
        )

    return Wired(
        build=build,
        edges=healer_service.edges(config),
        logs=healer_service.LOGS,
        secret=(edge_to("gateway"), edge_to("registry"), edge_to("learner")),
    )


WIRES: Mapping[str, Callable[[str, Place], Wired]] = {
    "registry": _registry,
    "features": _features,
    "scorer": _scorer,
    "gateway": _gateway,
    "delivery": _delivery,
    "learner": _learner,
    "healer": _healer,
}


def _token(place: Place) -> str:
    return place.setting("SWITCH_TOKEN")
