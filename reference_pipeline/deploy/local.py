"""Wiring for one machine: each service as a process behind uvicorn, started by a fork or by itself.

``serve_gateway`` and its like are entries for a preloaded, single-threaded parent that forks: all
imports are made here, all sockets and files are opened in the child. ``python -m
reference_pipeline.deploy.local gateway`` starts the same by itself. The environment is that of
docs/protocols/pipeline.md.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from pathlib import Path

import uvicorn
import uvicorn.protocols.http.httptools_impl  # preloaded: uvicorn would import it at start

from reference_pipeline import delivery, healer_service, learner_service, ledger, shell
from reference_pipeline.delivery import Delivery
from reference_pipeline.deploy.arms import OFF, ORACLE, SEED, in_path
from reference_pipeline.deploy.asgi import App, asgi
from reference_pipeline.deploy.calls import HttpCalls
from reference_pipeline.deploy.clock import LoopClock
from reference_pipeline.deploy.guard import Guard
from reference_pipeline.deploy.platform import HttpPlatform
from reference_pipeline.deploy.policies import FOLDER, GitPolicies
from reference_pipeline.deploy.trainer import ChildTrainer
from reference_pipeline.errors import BadTemplate
from reference_pipeline.feature_service import FeatureService
from reference_pipeline.features import load_features, load_spec
from reference_pipeline.folders import DiskFolder
from reference_pipeline.gateway import Gateway
from reference_pipeline.healer_service import HealerService
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detectors.stored import load_row_watch, load_score_rows
from reference_pipeline.healing.reach import edge_to
from reference_pipeline.learner_service import Learner
from reference_pipeline.ports import Ports, Service
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.registry_service import RegistryService
from reference_pipeline.scorer_service import Artefact, Scorer
from reference_pipeline.seed.healer_service import SeedHealerService
from reference_pipeline.service import DecisionConfig, edges_of
from reference_pipeline.stores import SqliteStore
from reference_pipeline.world.golden import load_golden

_GRACE_S = 1
_KEEP_ALIVE_S = 75
_OPEN = Guard()
_NO_TOKENS: Mapping[str, str] = {}

Build = Callable[[Ports], Service]


def serve_gateway() -> None:
    """Run the gateway until SIGTERM."""
    config = DecisionConfig(
        budget_s=_number("GATEWAY_BUDGET_S", 0.2),
        weights={"a": _number("SCORER_A_WEIGHT", 1.0), "b": _number("SCORER_B_WEIGHT", 0.0)},
        sweep_after_s=_number("SWEEP_AFTER_S", 2.0),
    )
    spec, healing = load_spec(_template()), shell.environment("HEALING", OFF)

    def build(ports: Ports) -> Gateway:
        return Gateway(ports, spec, config, in_path(healing, ports, config, _template()))

    switches = Guard() if healing == OFF else Guard(("/switches/", "/replay"), _switch_token())
    _serve("gateway", build, edges=edges_of(config), logs=ledger.LOGS, guard=switches)


def serve_features() -> None:
    """Run the features service until SIGTERM."""
    features = load_features(_template())
    _serve("features", lambda ports: FeatureService(ports, features))


def serve_scorer() -> None:
    """Run the scorer whose name ``SERVICE`` gives (scorer-a, scorer-b) until SIGTERM."""
    name = shell.environment("SERVICE", "scorer-a")
    _serve(name, lambda ports: Scorer(ports, _template_champion), edges=(f"{name}-registry",))


def serve_registry() -> None:
    """Run the registry until SIGTERM; its folder starts as a copy of the template's."""
    guard = Guard(("/aliases/", "/versions"), _switch_token())
    with closing(_registry()) as registry:
        _serve("registry", lambda ports: RegistryService(ports, registry), guard=guard)


def serve_delivery() -> None:
    """Run delivery until SIGTERM."""
    _serve("delivery", Delivery, edges=("delivery-gateway",), logs=delivery.LOGS)


def serve_learner() -> None:
    """Run the learner until SIGTERM."""
    features, folder = load_features(_template()), _state() / "trainings"

    def build(ports: Ports) -> Learner:
        golden = load_golden(_template())
        oracle = shell.environment("HEALING") == ORACLE
        return Learner(
            ports,
            features,
            ChildTrainer(folder),
            golden=golden,
            watch=load_row_watch(_template()),
            stored=lambda: load_score_rows(_template()),
            beside=asyncio.to_thread,
            folder=DiskFolder(folder),
            oracle=oracle,
        )

    _serve(
        "learner",
        build,
        edges=learner_service.EDGES,
        logs=learner_service.LOGS,
        tokens={"learner-registry": _switch_token()},
        guard=Guard(("/trainings/", "/quarantines/"), _switch_token()),
    )


def serve_healer() -> None:
    """Run the healer of the arm that ``HEALING`` names until SIGTERM."""
    # A system without a learner has no edge to one, and nothing to care for there.
    config = HealerConfig(services=tuple(n for n in HealerConfig().services if _address(edge_to(n))))
    platform = HttpPlatform(shell.environment("PLATFORM_URL"), shell.environment("PLATFORM_TOKEN"))

    watch = load_row_watch(_template())

    def build(ports: Ports) -> Service:
        if shell.environment("HEALING") == SEED:
            return SeedHealerService(ports, platform, config=config, watch=watch)
        golden, spec = load_golden(_template()).records, load_spec(_template())
        policy = GitPolicies(Path(shell.environment("POLICY_DIR") or _template() / FOLDER))
        return HealerService(
            ports, platform, golden=golden, spec=spec, config=config, policy=policy, watch=watch
        )

    edges = healer_service.edges(config)
    guarded = (edge_to("gateway"), edge_to("registry"), edge_to("learner"))
    tokens = dict.fromkeys(guarded, _switch_token())
    _serve("healer", build, edges=edges, logs=healer_service.LOGS, opened=platform, tokens=tokens)


ENTRIES: dict[str, Callable[[], None]] = {
    "registry": serve_registry,
    "features": serve_features,
    "scorer": serve_scorer,
    "gateway": serve_gateway,
    "delivery": serve_delivery,
    "learner": serve_learner,
    "healer": serve_healer,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service named by the one argument; 2 if there is none of that name."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 1 or given[0] not in ENTRIES:
        sys.stderr.write(f"usage: python -m reference_pipeline.deploy.local {{{','.join(ENTRIES)}}}\n")
        return 2
    ENTRIES[given[0]]()
    return 0


def _serve(
    name: str,
    build: Build,
    *,
    edges: Sequence[str] = (),
    logs: Sequence[str] = (),
    opened: AbstractAsyncContextManager[object] | None = None,
    guard: Guard = _OPEN,
    tokens: Mapping[str, str] = _NO_TOKENS,
) -> None:
    """Serve over a store of ``logs`` and calls over ``edges``, with ``opened`` open meanwhile."""
    state = _state()
    calls = HttpCalls({edge: _address(edge) for edge in edges}, tokens)
    with closing(SqliteStore(state / "store.db", logs)) as store:
        asyncio.run(_run(name, build, store=store, calls=calls, opened=opened or nullcontext(), guard=guard))


async def _run(
    name: str,
    build: Build,
    *,
    store: SqliteStore,
    calls: HttpCalls,
    opened: AbstractAsyncContextManager[object],
    guard: Guard,
) -> None:
    """Serve until SIGTERM; a background loop that raises ends the process, never silently."""
    boot_id = shell.fresh_boot_id()
    tasks: list[asyncio.Task[None]] = []
    async with opened, calls as call, asyncio.TaskGroup() as group:

        def spawn(make: Callable[[], Coroutine[None, None, None]]) -> None:
            tasks.append(group.create_task(make()))

        ports = Ports(
            service=shell.environment("SERVICE", name),
            boot_id=boot_id,
            call=call,
            store=store,
            clock=LoopClock(),
            spawn=spawn,
        )
        service = build(ports)
        await service.start()
        await _server(asgi(service, guard), boot_id).serve()
        for task in tasks:
            task.cancel()


def _server(app: App, boot_id: str) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=int(shell.environment("PORT", "0")),
            loop="asyncio",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            headers=[("x-boot-id", boot_id)],
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


def _template_champion() -> Artefact:
    """Read the champion that the system was prepared with.

    Raises:
        BadTemplate: there is none to read.
    """
    try:
        with closing(_registry()) as registry:
            sha256 = registry.alias("champion").sha256
            return Artefact(registry.artefact(sha256), sha256)
    except (OSError, sqlite3.Error) as error:
        raise BadTemplate(f"the champion of {_template()} cannot be read: {error}") from error


def _registry() -> DiskRegistry:
    """Open this service's own copy of the template's registry: the template is read only."""
    folder = _state() / "registry"
    copy_registry(_template() / "registry", folder)
    return DiskRegistry(folder)


def _state() -> Path:
    state = Path(shell.environment("STATE_DIR", ".state"))
    state.mkdir(parents=True, exist_ok=True)
    return state


def _template() -> Path:
    return Path(shell.environment("TEMPLATE_DIR", "template"))


def _switch_token() -> str:
    return shell.environment("SWITCH_TOKEN")


def _address(edge: str) -> str:
    return shell.environment(f"EDGE_{edge.upper().replace('-', '_')}_URL")


def _number(name: str, default: float) -> float:
    return float(shell.environment(name, str(default)))


if __name__ == "__main__":
    sys.exit(main())
