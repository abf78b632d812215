"""One run on a virtual clock: the stages of a real one, its system, its driver and its evidence in memory.

Comes in: a plan, what the system was prepared with. Goes out: the history, as it would be read back from a
folder, and a digest over every event of the world: the same plan gives the same digest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from harness.driver.labels import POST_EVERY_S
from harness.driver.opening import costs_of, open_world
from harness.driver.parcels import build_parcels
from harness.driver.spec import Spec
from harness.driver.workload import Parcel
from harness.errors import Refused, Unsafe
from harness.experiment.model import Arm, Experiment
from harness.guard.client import ALLOWED_S, PROMISE_S
from harness.guard.records import Argument, Record
from harness.guard.undo import Outcome
from harness.history.events import ControlRaised, Entry, Event, Priced, RunEnded, RunStarted, SystemReady
from harness.history.journal import read_journal
from harness.history.model import History
from harness.history.observations import read_rows
from harness.observers.fetch import Reply
from harness.observers.reading import JournalLine
from harness.plan.model import Plan
from harness.run.evidence import JOURNAL, OBSERVATIONS, RESENDS, TAINT, words_of
from harness.run.fields import label_feed, world_spec
from harness.run.safety import MustStop
from harness.run.settle import audit_run
from harness.run.stage import PUMP_EVERY_S, Recorded, Stage
from harness.run.timetable import LEAD_S, BaselineNotMet, keep_timetable
from harness.run.virtual import VirtualWitness, Way, Ways
from harness.simulation.clock import VirtualClock
from harness.simulation.guards import guarded
from harness.simulation.kernel import Kernel
from harness.targets.local.ledger import Line
from harness.targets.local.profiles import PROFILES
from harness.targets.simulation.costs import ServiceCost, read_costs
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.observers import SimulatedObservers
from harness.targets.simulation.opening import Simulated, open_simulation
from harness.targets.simulation.system import SimulatedPlace, SimulatedSystem
from harness.targets.simulation.target import SimulatedTarget

SLACK_S = 60.0
"""How much longer than its timetable a run may take, its audit apart; virtual."""
ASK_S = 5.0
Pace = Literal["dense", "sparse"]


@dataclass(frozen=True, slots=True)
class Rests:
    """How long whoever looks again and again waits at least, virtual: a service, or who watches."""

    service_s: float
    watch_s: float


PACES: Mapping[Pace, Rests] = {"dense": Rests(0.0, 0.0), "sparse": Rests(10.0, 60.0)}
STOPPED = "stop"
"""Where a run is told to have ended that was stopped in its middle."""
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""When virtual time begins, for words that want a date."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """One run that is over. ``state`` as ``run.single.run_one`` gives it; ``events`` counts the world's.

    ``errors``: what callbacks raised and nobody took: when, in which process, what. ``files``: what a real
    run would have written beside its history, by name. ``observe_every_s`` as in ``Material``.
    """

    state: str
    history: History
    digest: str
    events: int
    virtual_s: float
    errors: tuple[tuple[float, str, str], ...]
    files: Mapping[str, bytes]
    observe_every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A run in its middle, as ``Stop`` has it: its parts as they stand, and the instant of the first slot."""

    system: SimulatedSystem
    looker: Looker
    evidence: MemoryEvidence
    first_due_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends a run in its middle: ``look`` is called ``at_s`` seconds after the first slot; its end is void.

    ``look`` may let time pass to ask services: nothing of what comes after it counts.
    """

    at_s: float
    look: Callable[[Scene], None]


def run_simulated(
    material: Material,
    plan: Plan,
    progress: Callable[[str], None] = lambda _: None,
    *,
    stop: Stop | None = None,
) -> SimulatedRun:
    """Run one plan from its first slot to the end of its world; ``Refused`` where it cannot begin.

    A run whose code reached for the real world is void: what it did there no seed decides.
    """
    with guarded(material.template):  # its content is a part of the run's identity
        return _run(material, plan, progress, stop)


def _run(material: Material, plan: Plan, progress: Callable[[str], None], stop: Stop | None) -> SimulatedRun:
    kernel = Kernel(plan.seed)
    system = SimulatedSystem(kernel, place_of(material, plan))
    looker = Looker(kernel, system.network)
    observers = SimulatedObservers(
        system, every_s=max(material.observe_every_s, PACES[material.pace].watch_s)
    )
    evidence = MemoryEvidence(VirtualClock(kernel))
    witness = None
    try:
        evidence.append(RunStarted(run_id=_RUN, plan_sha256=plan.sha256))
        _start(system)
        boot_ids = {row.name: row.boot_id for row in system.services()}
        evidence.append(SystemReady(at_s=kernel.now_s, boot_ids=boot_ids))
        witness, costs = witness_of(material, plan, system)
        evidence.driver = witness
        if costs is not None:
            evidence.append(costs)
        observers.start()
        stage = Stage(
            plan=plan,
            evidence=evidence,
            system=_Outside(system, looker),
            witness=witness,
            observers=observers,
            target=SimulatedTarget(system, looker),
            progress=progress,
            clock=VirtualClock(kernel),
            pump_every_s=max(PUMP_EVERY_S, PACES[material.pace].watch_s / 10),
            alarms=_Alarms(kernel, kernel.now_s + plan.duration_s + plan.profile.settle_s + SLACK_S),
        )
        if stop is not None:
            _stop_at(stop, Scene(system, looker, evidence, kernel.now_s + LEAD_S))
        state = _state(stage, material.experiment, observers)
        return replace(_told(evidence, plan, kernel, state), observe_every_s=material.observe_every_s)
    finally:
        observers.close()
        looker.close()
        if witness is not None:
            witness.close()
        system.close()
        kernel.close()


def _start(system: SimulatedSystem) -> None:
    """Start it; ``Refused`` says what its processes said last, too."""
    try:
        system.start()
    except Refused as refused:
        kernel = system.kernel
        said = [f"{who}: {what}" for _, who, what in kernel.errors[-1:]]
        said += [_escapes_text(kernel)] if kernel.escapes else []
        raise Refused("; ".join((str(refused), *said))) from refused


def _stop_at(stop: Stop, scene: Scene) -> None:
    kernel = scene.system.kernel

    def reached() -> None:
        stop.look(scene)
        raise MustStop(STOPPED, f"stopped at {stop.at_s:g} s, as asked")

    handle = kernel.at(scene.first_due_s + stop.at_s, reached)
    handle.context = Context()  # its own: while it looks the world goes on inside of it


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
        spec.seed, spec.profile, spec.duration_s, world, spans=spec.mutations, labels=spec.labels
    )
    foresee = getattr(material.opened, "foresee", None)
    if foresee is not None:
        foresee([parcel.body for parcel in built if parcel.body])
    made = built, None if costs is None else Priced(**costs)
    if material.offered is not None:
        material.offered[key] = made
    return made


def _state(stage: Stage, experiment: Experiment, observers: SimulatedObservers) -> str:
    """Let the run take its course; whatever happens becomes an event and a state."""
    try:
        keep_timetable(stage)
        audit_run(experiment.system, stage)
        observers.end()
        stage.hear_observers()
    except Unsafe as unsafe:
        stage.evidence.append(ControlRaised(where="undo", error=str(unsafe)))
        return "unsafe"
    except BaselineNotMet:
        return "baseline"
    except Recorded:
        return "void"
    except Refused:
        raise
    except MustStop as stop:
        stage.evidence.append(ControlRaised(where=stop.where, error=str(stop)))
        return "void"
    except Exception as error:  # noqa: BLE001 (a run that raised is VOID, the reason in its history)
        stage.evidence.append(ControlRaised(where="run", error=f"{type(error).__name__}: {error}"))
        return "void"
    return "ended"


_RUN = "r0001-simulated"


def _told(evidence: MemoryEvidence, plan: Plan, kernel: Kernel, state: str) -> SimulatedRun:
    data = evidence.written(OBSERVATIONS)
    rows = read_rows(data)
    if kernel.escapes:
        evidence.append(ControlRaised(where="world", error=_escapes_text(kernel)))
        state = "unsafe" if state == "unsafe" else "void"
    digest = kernel.digest()
    sha256 = hashlib.sha256(data).hexdigest()
    evidence.append(RunEnded(state=state, rows=len(rows), rows_sha256=sha256, world_digest=digest))
    history = History(
        _RUN, plan, tuple(evidence.entries), rows, "", digest, read_journal(bytes(evidence.words))
    )
    return SimulatedRun(
        state=state,
        history=history,
        digest=digest,
        events=kernel.events,
        virtual_s=kernel.now_s,
        errors=tuple(kernel.errors),
        files={
            **{name: evidence.written(name) for name in (OBSERVATIONS, TAINT, RESENDS)},
            JOURNAL: bytes(evidence.words),
        },
    )


def _escapes_text(kernel: Kernel) -> str:
    at_s, who, what = kernel.escapes[0]
    count = len(kernel.escapes)
    more = f", and {count - 1} more" if count > 1 else ""
    return f"{who} reached for the real world at {at_s:.3f} s: {what}{more}; no seed decides what that gives"


class MemoryEvidence:
    """See ``run.evidence.Evidence``. ``driver``: who writes observations, None before there is one."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.entries: list[Entry] = []
        self.words = bytearray()
        self.driver: VirtualWitness | None = None

    def append(self, event: Event, /) -> object:
        """See ``Evidence``."""
        now_s = self._clock.now_s()
        wall = (EPOCH + timedelta(seconds=now_s)).isoformat(timespec="milliseconds")
        self.entries.append(Entry(seq=len(self.entries) + 1, mono_s=now_s, wall=wall, event=event, chain=""))
        return self.entries[-1]

    def keep_words(self, lines: Sequence[JournalLine], /) -> None:
        """See ``Evidence``."""
        for line in lines:
            self.words += words_of(line)

    def written(self, name: str, /) -> bytes:
        """See ``Evidence``."""
        return bytes(self.driver.written.get(name, b"")) if self.driver else b""


@dataclass(frozen=True, slots=True)
class _Outside:
    """See ``run.stage.Outside``."""

    system: SimulatedSystem
    looker: Looker

    def ledger(self, after: int, /) -> Sequence[Line]:
        return self.system.ledger(after)

    def ask(self, service: str, route: str, /) -> Reply:
        return self.looker.fetch(service, route, ASK_S)


class _Nobody:
    """See ``run.alarm.Guards``: with its world everything of a run is gone, and nobody can die before."""

    def allow(self, step_s: float = ALLOWED_S, /) -> None:
        """Nobody waits for a word."""

    def open(
        self,
        verb: str,
        arguments: Mapping[str, Argument],
        *,
        episode: int,
        fault: str,
        promise_s: float = PROMISE_S,
        within_s: float,
    ) -> Record:
        asked = (verb, dict(arguments), episode, fault, promise_s, within_s)
        raise MustStop("guard", f"here nothing needs a record: {asked}")

    def close(self, record: Record, /) -> bool:
        raise MustStop("guard", f"no record {record.id} was opened")

    def undo(self, record: Record, /) -> Outcome:
        raise MustStop("guard", f"no record {record.id} was opened")

    def undo_everything(self) -> Sequence[Outcome]:
        return ()


class _Alarms:
    """See ``run.alarm.Alarm``: only time can run out here."""

    def __init__(self, kernel: Kernel, until_s: float) -> None:
        self._kernel, self._until_s = kernel, until_s
        self.guardian = _Nobody()
        self.in_force = False

    def look(self) -> None:
        if self._kernel.now_s > self._until_s:
            raise MustStop("time", "the run is over its hard limit of virtual time")
