"""The learning path in one process and in virtual time: units are decided, their labels follow.

Learner, registry, healer and their stores are the real ones, and so are models and fits; imitated are the
wires between them, the gateway's list of what was decided, and how long a fit takes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.ports import Move
from reference_pipeline.contract import Contract
from reference_pipeline.features import load_features
from reference_pipeline.fitting import run_job
from reference_pipeline.folders import DiskFolder
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detectors.stored import load_row_watch, load_score_rows
from reference_pipeline.healing.diagnose import Diagnosis
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.loop import Healer
from reference_pipeline.healing.model import Entry
from reference_pipeline.healing.outside import Outside
from reference_pipeline.healing.reach import Reach
from reference_pipeline.healing.reach_models import ReachModels
from reference_pipeline.learner_service import LOGS, Learner
from reference_pipeline.ports import CallFailed, CallRejected, Ports, Reply, Service
from reference_pipeline.registry import DiskRegistry, Registry, Version, copy_registry
from reference_pipeline.registry_service import RegistryService
from reference_pipeline.scoring import Model, dump_model, load_model
from reference_pipeline.stores import SqliteStore
from reference_pipeline.world import open_world
from reference_pipeline.world.golden import load_golden
from tests.reference_pipeline.healing.worlds import BurningStore, Clock, Fuse, Killed, Process, World
from tests.virtual import passes

RATE_HZ = 250
FIT_S = 4.0
CONFIG = HealerConfig()
Floats = NDArray[np.float64]
T = TypeVar("T")


class InProcess:
    """The Trainer port: the same fit, here and now, and ``FIT_S`` of virtual time for it."""

    def __init__(self, trainings: DiskFolder) -> None:
        self.stopped = False
        self._trainings = trainings

    async def run(self, key: str, /) -> int:
        self.stopped = False
        await passes(FIT_S)
        if self.stopped:
            return -9
        run_job(self._trainings.inner(key), cpu_s=lambda: FIT_S, go_on=lambda: None)
        return 0

    def stop(self) -> None:
        self.stopped = True


async def at_once(work: Callable[[], T], /) -> T:
    """The Beside port: here and now."""
    return work()


@dataclass
class Units:
    """What happens from outside: records, their features, P(y|x), and what turns out to be true, when."""

    records: list[dict[str, object]]
    rows: Floats
    posterior: Floats
    label: NDArray[np.int8]
    known_s: Floats
    due_s: Floats


def units(
    template: Path, *, seed: int, length_s: int, moves: tuple[Move, ...] = (), delay_s: float = 2.0
) -> Units:
    """Draw ``RATE_HZ`` units a second; labels follow after ``delay_s`` on average."""
    world = open_world(scenario={"world_s_per_run_s": 720, "kind": "simulator"}, seed=seed, template=template)
    due_s = np.arange(length_s * RATE_HZ) / RATE_HZ
    offers = world.moved(due_s, moves) if moves else world.draw(due_s)
    waits = np.random.default_rng(seed).exponential(size=len(due_s))
    records = [dict(one) for one in offers.records]
    return Units(
        records=records,
        rows=load_features(template).rows(records),
        posterior=np.asarray(offers.posterior),
        label=np.asarray(offers.label),
        known_s=due_s + delay_s * (1.0 + waits) / 2.0,
        due_s=due_s,
    )


def move(knob: str, value: float, from_s: float) -> Move:
    """A knob of the world that moves at ``from_s`` and stays there."""
    return Move(
        knob=knob, value=value, from_s=from_s, until_s=1e9, ramp_s=0.0, period_s=0.0, field="", level=""
    )


@dataclass
class LearningPath:
    """The learning path of one folder; use :func:`lives`."""

    learner: Learner
    registry: Registry
    healer: Healer  # of the life that runs now
    outside: Outside
    wires: Wires
    contract: Contract
    start_s: float
    declined: list[NDArray[np.bool_]] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)

    @property
    def shares(self) -> list[float]:
        """What the gateway was told to give the canary."""
        return self.wires.shares

    @property
    def fuse(self) -> Fuse:
        """Burns before and after each change that the healer asks for, and each line of its journal."""
        return self.wires.world.fuse

    @property
    def champion(self) -> Model:
        alias = self.registry.alias("champion")
        if alias.version not in self.models:
            self.models[alias.version] = load_model(self.registry.artefact(alias.sha256), alias.sha256)
        return self.models[alias.version]

    @property
    def entries(self) -> list[Entry]:
        return list(self.outside.journal.entries())

    @property
    def versions(self) -> list[Version]:
        return self.registry.versions()

    async def decide(self, given: Units) -> None:
        """Let all units come, a tenth of a second at a time, and their labels when they are known.

        What breaks the contract is accepted and never decided, as with the gateway.
        """
        waiting: list[tuple[float, int]] = []
        step, before = RATE_HZ // 10, len(self.wires.accepted)
        for first in range(0, len(given.due_s), step):
            model, span = self.champion, range(first, min(first + step, len(given.due_s)))
            scores = model.score(given.rows[span.start : span.stop])
            declined = scores >= model.threshold
            for place, index in enumerate(span):
                key, why = f"u{before + index}", self.contract.check(given.records[index]).why
                self.wires.accepted.append((key, self.contract.lacks(why)))
                if not why:
                    self.wires.rows.append(
                        {
                            "seq": len(self.wires.rows) + 1,
                            "id": key,
                            "record": given.records[index],
                            "decision": "decline" if declined[place] else "approve",
                            "score": float(scores[place]),
                            "model": model.version,
                            "degraded": False,
                        }
                    )
                heapq.heappush(waiting, (given.known_s[index], index))
            self.declined.append(declined)
            told = []
            while waiting and waiting[0][0] <= given.due_s[first]:
                told.append(heapq.heappop(waiting)[1])
            await self.tell([(f"u{before + i}", int(given.label[i])) for i in told if given.label[i] >= 0])
            await passes(step / RATE_HZ)

    async def tell(self, labels: list[tuple[str, int]]) -> Reply:
        """Post labels as the driver does."""
        body = {"labels": [{"id": name, "label": label} for name, label in labels]}
        return await self.learner.handle("POST /labels", json.dumps(body).encode())

    def regret(self, given: Units, from_s: float, until_s: float) -> float:
        """Mean regret of the decisions served in that time, costs 20 and 1."""
        declined = np.concatenate(self.declined)
        inside = (given.due_s >= from_s) & (given.due_s < until_s)
        p, declined = given.posterior[inside], declined[inside]
        cost = np.where(declined, 1 - p, 20 * p)
        return float((cost - np.minimum(1 - p, 20 * p)).mean())


def published(path: LearningPath, semantic: str, scale: float, shift: float) -> str:
    """Put a version into the registry: the champion, its log odds times ``scale`` plus ``shift``."""
    good = path.champion
    trees = replace(good.trees, value=scale * good.trees.value, baseline=scale * good.trees.baseline + shift)
    made = dump_model(
        trees,
        version=semantic,
        threshold=good.threshold,
        features=good.features,
        metrics=good.metrics,
        lineage={"source": "a hand"},
    )
    return path.registry.put(made, semantic, dict(good.metrics), {"source": "a hand"}).version


def live(
    folder: Path,
    template: Path,
    live_it: Callable[[LearningPath], Coroutine[Any, Any, None]],
    *,
    oracle: bool = False,
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Make the coroutine that opens the learning path in ``folder`` and lets ``live_it`` run in it.

    ``oracle``: its learner is told what is true of each record.
    """

    async def whole() -> None:
        copy_registry(template / "registry", folder / "registry")
        with ExitStack() as stack:
            registry = stack.enter_context(closing(DiskRegistry(folder / "registry")))
            stores = [
                stack.enter_context(closing(SqliteStore(folder / name, logs)))
                for name, logs in (("learner.db", LOGS), ("healer.db", (JOURNAL,)))
            ]
            tasks: list[asyncio.Task[None]] = []
            path = await _opened(folder, template, registry, stores, tasks=tasks, oracle=oracle)
            try:
                await live_it(path)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            failed = [one for one in ended if isinstance(one, Exception)]
            assert not failed, failed

    return whole


@dataclass
class Wires:
    """The wires between the services of one learning path, and what the gateway would know."""

    registry: Registry
    world: World = field(
        default_factory=lambda: World(processes={name: Process() for name in CONFIG.services})
    )
    services: dict[str, Service] = field(default_factory=dict)  # learner and registry
    rows: list[dict[str, object]] = field(default_factory=list)
    accepted: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)  # ids, and what each lacks
    shares: list[float] = field(default_factory=list)  # that the gateway was told to give the canary
    moves: list[str] = field(default_factory=list)  # versions that a service let serve
    canary_fails: bool = False  # calls to the second scorer fail
    failed_calls: float = 0.0

    async def __call__(self, edge: str, route: str, body: bytes, deadline_s: float, /) -> Reply:
        """The Call port; the healer may be killed before and after each change that it asks for."""
        changes = edge.startswith("healer-") and route.startswith(("PUT ", "DELETE "))
        if not changes:
            return await self._answered(edge, route, body, deadline_s)
        before = self.registry.alias("champion").version
        self.world.fuse.burn()
        reply = await self._answered(edge, route, body, deadline_s)
        if (after := self.registry.alias("champion").version) != before:
            self.moves.append(after)
        self.world.fuse.burn()
        return reply

    async def _answered(self, edge: str, route: str, body: bytes, deadline_s: float) -> Reply:
        name = edge.partition("-")[2]
        if name in self.services and not route.startswith("GET /healthz"):
            reply = await self.services[name].handle(route, body)
        else:
            reply = self._known(name, route, body) or await self.world(edge, route, body, deadline_s)
        if reply.status != 200:
            words = f"{edge} {route}: {reply.status} {reply.body[:200]!r}"
            if reply.status in (400, 409, 413, 422):
                raise CallRejected(words, reply.status)
            raise CallFailed(words)
        return reply

    def _known(self, name: str, route: str, body: bytes) -> Reply | None:
        match name, route:
            case "gateway", "POST /examples":
                return _reply(self._examples(msgspec.json.decode(body)))
            case "gateway", "PUT /switches/canary":
                self.shares.append(msgspec.json.decode(body)["share"])
                return _reply({})
            case "gateway", "GET /signals":
                count = float(len(self.rows))
                self.failed_calls += 5.0 * self.canary_fails
                return _reply(
                    {
                        "calls_gateway_scorer_b_total": count,
                        "failed_gateway_scorer_b_total": self.failed_calls,
                        "accepted_total": count,
                    }
                )
            case "scorer-b", "GET /signals":
                by_name = {one.alias: one.sha256 for one in self.registry.aliases()}
                served = by_name.get("canary") or by_name["champion"]
                return _reply({"serving_sha32": int(served[:8], 16)})
            case _:
                return None

    def _examples(self, asked: Mapping[str, int]) -> dict[str, object]:
        page = self.rows[asked["after"] : asked["after"] + asked["limit"]]
        first = asked["accepted_after"]
        accepted = self.accepted[first : first + asked["limit"]]
        broken = [{"at": at, "id": key, "fields": lacks} for at, (key, lacks) in enumerate(accepted) if lacks]
        return {
            "rows": page,
            "last": page[-1]["seq"] if page else asked["after"],
            "accepted": {"rows": len(accepted), "broken": broken, "last": first + len(accepted)},
        }


def _reply(content: object) -> Reply:
    return Reply(200, msgspec.json.encode(content))


async def _opened(
    folder: Path,
    template: Path,
    registry: Registry,
    stores: list[SqliteStore],
    *,
    tasks: list[asyncio.Task[None]],
    oracle: bool,
) -> LearningPath:
    wires, clock, features = Wires(registry), Clock(), load_features(template)

    def ports(name: str, store: SqliteStore) -> Ports:
        return Ports(
            service=name,
            boot_id=f"{name}#1",
            call=wires,
            store=store,
            clock=clock,
            spawn=lambda make: tasks.append(asyncio.create_task(make())),
        )

    trainings = DiskFolder(folder / "trainings")
    learner = Learner(
        ports("learner", stores[0]),
        features,
        InProcess(trainings),
        golden=load_golden(template),
        watch=load_row_watch(template),
        stored=lambda: load_score_rows(template),
        beside=at_once,
        folder=trainings,
        oracle=oracle,
    )
    wires.services = {"learner": learner, "registry": RegistryService(ports("registry", stores[0]), registry)}
    await learner.start()
    reborn = _Reborn(template, wires, clock, stores[1])
    path = LearningPath(
        learner,
        registry,
        reborn.healer("life-1"),
        reborn.outside("seen"),
        wires,
        contract=Contract(features.spec),
        start_s=clock.now_s(),
    )
    tasks.append(asyncio.create_task(_lives(path, reborn.healer)))
    return path


@dataclass
class _Reborn:
    """A healer for each life, on the same store."""

    template: Path
    wires: Wires
    clock: Clock
    store: SqliteStore

    def outside(self, life: str) -> Outside:
        reach, models, world = Reach(self.wires), ReachModels(self.wires), self.wires.world
        return Outside(
            platform=world,
            switches=reach,
            signals=reach,
            experience=models,
            models=models,
            journal=Journal(BurningStore(self.store, world.fuse), "healer", life),
            policy=world.policy,
            clock=self.clock,
            life=life,
        )

    def healer(self, life: str) -> Healer:
        spec, watch = load_features(self.template).spec, load_row_watch(self.template)
        diagnosis = Diagnosis(spec, [], CONFIG)
        made = Healer(self.outside(life), diagnosis, CONFIG, costs=spec.costs, watch=watch)
        made.recover()
        return made


async def _lives(path: LearningPath, healer: Callable[[str], Healer]) -> None:
    """Let the healer run; where it is killed the next life begins."""
    for number in itertools.count(2):
        probing = path.healer.probing
        loops = (
            probing.pulse_forever,
            probing.probe_forever,
            path.healer.run_forever,
            path.healer.care_forever,
        )
        tasks = [asyncio.create_task(loop()) for loop in loops]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [one for one in ended if not isinstance(one, Killed | asyncio.CancelledError)]
        assert not wrong, wrong
        path.healer = healer(f"life-{number}")
