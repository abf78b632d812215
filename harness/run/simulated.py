"""One run on a virtual clock: the stages of a real one, its system, its driver and its evidence in memory.

Comes in: a plan, what the system was prepared with. Goes out: the history, as it would be read back from a
folder, and a digest over every event of the world: the same plan gives the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, replace

from harness.errors import Refused, Unsafe
from harness.experiment.model import Experiment, Pace
from harness.guard.client import ALLOWED_S, PROMISE_S
from harness.guard.records import Argument, Record
from harness.guard.undo import Outcome
from harness.history.events import ControlRaised, RunEnded, RunStarted, SystemReady
from harness.history.journal import read_journal
from harness.history.model import History
from harness.history.observations import read_rows
from harness.observers.fetch import Reply
from harness.plan.model import Plan
from harness.run.evidence import JOURNAL, OBSERVATIONS, RESENDS, TAINT
from harness.run.harm import allowance_of
from harness.run.material import PACES, Material, place_of, witness_of
from harness.run.memory import MemoryEvidence
from harness.run.safety import MustStop
from harness.run.settle import audit_run
from harness.run.stage import PUMP_EVERY_S, Recorded, Stage
from harness.run.timetable import LEAD_S, BaselineNotMet, keep_timetable
from harness.simulation.clock import VirtualClock
from harness.simulation.guards import escapes_text, guarded
from harness.simulation.kernel import Kernel, seldom_collected
from harness.targets.local.ledger import Line
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.observers import SimulatedObservers
from harness.targets.simulation.system import SimulatedSystem
from harness.targets.simulation.target import SimulatedTarget

SLACK_S = 60.0
"""How much longer than its timetable a run may take, its audit apart; virtual."""
ASK_S = 5.0
STOPPED = "stop"
"""Where a run is told to have ended that was stopped in its middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """One run that is over. ``state`` as ``run.single.run_one`` gives it; ``events`` counts the world's.

    ``errors``: what callbacks raised and nobody took: when, in which process, what. ``files``: what a real
    run would have written beside its history, by name. ``observe_every_s`` and ``pace`` as in
    ``Material``.
    """

    state: str
    history: History
    digest: str
    events: int
    virtual_s: float
    errors: tuple[tuple[float, str, str], ...]
    files: Mapping[str, bytes]
    observe_every_s: float = 0.0
    pace: Pace = "dense"


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
    with guarded(material.template), seldom_collected():  # its content is a part of the run's identity
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
        start_system(system)
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
            allowance=allowance_of(material.experiment),
            alarms=_Alarms(kernel, kernel.now_s + plan.duration_s + plan.profile.settle_s + SLACK_S),
        )
        if stop is not None:
            _stop_at(stop, Scene(system, looker, evidence, kernel.now_s + LEAD_S))
        state = _state(stage, material.experiment, observers)
        told = _told(evidence, plan, kernel, state)
        return replace(told, observe_every_s=material.observe_every_s, pace=material.pace)
    finally:
        observers.close()
        looker.close()
        if witness is not None:
            witness.close()
        system.close()
        kernel.close()


def start_system(system: SimulatedSystem) -> None:
    """Start it; ``Refused`` says what its processes said last, too."""
    try:
        system.start()
    except Refused as refused:
        kernel = system.kernel
        said = [f"{who}: {what}" for _, who, what in kernel.errors[-1:]]
        said += filter(None, [escapes_text(kernel)])
        raise Refused("; ".join((str(refused), *said))) from refused


def _stop_at(stop: Stop, scene: Scene) -> None:
    kernel = scene.system.kernel

    def reached() -> None:
        stop.look(scene)
        raise MustStop(STOPPED, f"stopped at {stop.at_s:g} s, as asked")

    handle = kernel.at(scene.first_due_s + stop.at_s, reached)
    handle.context = Context()  # its own: while it looks the world goes on inside of it


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
        evidence.append(ControlRaised(where="world", error=escapes_text(kernel)))
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
