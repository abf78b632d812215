"""One run: start, baseline gate, episodes, audit; whatever happens becomes an event."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import shell
from harness.driver.partitions import Twin
from harness.errors import Refused, Unsafe
from harness.experiment.model import Experiment
from harness.guard.client import Guardian
from harness.guard.halt import halt_reason, is_halted
from harness.guard.shell import clock_gap_s as read_gap_s
from harness.history.events import ControlRaised, StateReset, SystemReady
from harness.history.store import RunFolder
from harness.observers.outside import Roots
from harness.observers.watch import Observers
from harness.plan.model import Plan
from harness.run.background import load_of
from harness.run.evidence import RESENDS, STREAM, TAINT, FolderEvidence
from harness.run.fields import label_feed, world_spec
from harness.run.harm import allowance_of
from harness.run.landing import audit_partitions, landing_of
from harness.run.safety import ENDS_ALL, Alarms, MustStop, ending_at_once, guarded, store_problem
from harness.run.scratch import scratch
from harness.run.secrets import NO_SECRETS, Secrets
from harness.run.settle import audit_run
from harness.run.stage import Recorded, Stage
from harness.run.timetable import BaselineNotMet, keep_timetable
from harness.run.witness import READY_LIMIT_S, Witness
from harness.targets.base import MachineClock, Target
from harness.targets.local.target import LocalSystem, LocalTarget, SystemPlace
from harness.targets.local.wiring import RUN_VARIABLE

SLACK_S = 60.0
"""How much longer than its timetable a run may take, its audit and its start apart."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All that one run needs; ``store`` holds its undo records.

    ``reset``: brings the system's own state back, and proves it. ``twin``: what is right, where partitions
    land. ``open_target`` and ``clock_gap_s`` are ports, so that tests can put in a target that lies and a
    clock that is set.
    """

    plan: Plan
    experiment: Experiment
    template: Path
    python_path: str
    store: Path
    progress: Callable[[str], None]
    open_target: Callable[[LocalSystem], Target] = LocalTarget
    clock_gap_s: Callable[[], float] = read_gap_s
    secrets: Secrets = NO_SECRETS
    reset: Callable[[], StateReset] | None = None
    twin: Twin | None = None


def run_one(setting: Setting, folder: RunFolder) -> str:
    """Do one run and seal its history; gives its state: ended, baseline (not met), void or unsafe.

    Raises Refused (nothing was injected), MustStop where no other run may follow (halted, the clock was
    set, the store cannot be written), and what interrupts; all leave nothing running.
    """
    try:
        state, stop = _started(setting, folder), None
    except Refused as refused:
        folder.writer.append(ControlRaised(where="start", error=str(refused)))
        folder.finish("void")
        raise
    except Unsafe as unsafe:
        state, stop = "unsafe", None
        _note(setting, folder, ControlRaised(where="undo", error=str(unsafe)))
    except BaselineNotMet as void:
        state, stop = "baseline", None
        setting.progress(f"  void: {void}")
    except Recorded as void:
        state, stop = "void", None
        setting.progress(f"  void: {void}")
    except Exception as error:  # noqa: BLE001 (a run that raised is VOID, the reason in its history)
        state, stop = "void", _reason(setting, error)
        _note(setting, folder, ControlRaised(where=stop.where, error=str(stop)))
        setting.progress(f"  void: {stop}")
    return _sealed(folder, state, stop)


def _reason(setting: Setting, error: Exception) -> MustStop:
    """Name why a run raised: where it was halted while it was busy, whatever broke is not the reason."""
    if isinstance(error, MustStop) and error.where == "halt":
        return error
    if is_halted(setting.store):
        return MustStop("halt", f"halted: {halt_reason(setting.store)}")
    if isinstance(error, MustStop):
        return error
    return store_problem(error) or MustStop("run", f"{type(error).__name__}: {error}")


def _note(setting: Setting, folder: RunFolder, event: ControlRaised) -> None:
    """Record why a run ended, if the store still takes it."""
    try:
        folder.writer.append(event)
    except OSError as error:
        setting.progress(f"  not recorded ({error.strerror}): {event.where}: {event.error}")


def _sealed(folder: RunFolder, state: str, stop: MustStop | None) -> str:
    """Seal the history and give the state; raises ``stop`` where nothing may follow."""
    try:
        folder.finish(state)
    except OSError as error:
        if state == "unsafe":
            raise Unsafe(f"a clean state was not proven, and the store failed: {error.strerror}") from error
        raise store_problem(error) or error from error
    if stop is not None and stop.where in ENDS_ALL:
        raise stop
    return state


def _started(setting: Setting, folder: RunFolder) -> str:
    if setting.reset is not None:
        reset = setting.reset()  # Refused: what others left is still there, and the run is not begun
        folder.writer.append(reset)
        if reset.output_sha256:
            setting.progress(f"  state brought back, and proven, within {reset.took_s:.1f} s")
    with scratch(setting.store) as state_dir:
        place = SystemPlace(
            system=setting.experiment.system,
            system_dir=Path(setting.experiment.system_dir),
            template=setting.template,
            state_dir=state_dir,
            arm=setting.plan.arm,
            restart_profile=setting.plan.restart_profile,
            python_path=setting.python_path,
            seed=setting.plan.seed,
            secrets=setting.secrets.values,
        )
        system = LocalSystem(place)
        starting_s = sum(one.start_timeout_s for one in system.running.values()) + READY_LIMIT_S
        running_s = setting.plan.duration_s + setting.plan.profile.settle_s + SLACK_S
        with guarded(
            folder,
            setting.store,
            setting.plan.target,
            end=system.end_arguments(),
            limit_s=2 * starting_s + running_s,
        ) as guardian:
            guardian.allow(starting_s)
            return _running(setting, folder, system, Stay(guardian, state_dir, starting_s, running_s))


@dataclass(frozen=True, slots=True)
class Stay:
    """Who guards a run, where its state lies, and how long it may take: to start, and to run."""

    guardian: Guardian
    state_dir: Path
    starting_s: float
    running_s: float


def _running(setting: Setting, folder: RunFolder, system: LocalSystem, stay: Stay) -> str:
    if (landing := landing_of(setting.experiment.system, stay.state_dir, setting.twin)) is not None:
        landing.make_ready()
    with system:
        stay.guardian.keep_alive(system.crossing.renew)
        try:
            return _measured(setting, folder, system, stay)
        finally:
            stay.guardian.allow(SLACK_S)  # the end of the system has no loop that could say it
            _keep_logs(stay.state_dir, folder.logs)
            for log in folder.logs.glob("*.txt"):
                setting.secrets.hide_in(log)


def _measured(setting: Setting, folder: RunFolder, system: LocalSystem, stay: Stay) -> str:
    boot_ids = {s.name: s.boot_id for s in system.services()}
    folder.writer.append(SystemReady(at_s=shell.monotonic_s(), boot_ids=boot_ids))
    spec = driver_spec(setting, folder, system.witness_url, system.label_url)
    landing = landing_of(setting.experiment.system, stay.state_dir, setting.twin)
    if landing is not None:
        spec |= landing.spec()
        folder.writer.append(landing.event())
    log = folder.logs / "driver.txt"
    path = setting.python_path
    stay.guardian.allow(stay.starting_s)
    mark = {RUN_VARIABLE: system.run_token}
    file = stay.state_dir / "driver.json"
    roots = Roots(
        service=system.system.workload.service,
        system=Path(setting.experiment.system_dir),
        state=stay.state_dir,
        template=setting.template,
    )
    with (
        Observers(system.system.observe, system.urls, system.system.audit, roots=roots) as observers,
        Witness(
            spec,
            spec_file=file,
            log=log,
            python_path=path,
            mark=mark,
            deadline_s=setting.plan.profile.deadline_s,
        ) as witness,
        load_of(setting.plan, system.witness_url, around=folder.logs, python_path=path, mark=mark) as load,
        ending_at_once(stay.guardian),
    ):
        stay.guardian.allow(stay.starting_s)  # the load may have taken its own time to begin
        if (costs := witness.await_ready()) is not None:
            folder.writer.append(costs)
        until_s = shell.monotonic_s() + stay.running_s
        stage = Stage(
            plan=setting.plan,
            evidence=FolderEvidence(folder, setting.secrets.hide),
            system=system,
            witness=witness,
            observers=observers,
            target=setting.open_target(system),
            progress=setting.progress,
            clock=MachineClock(),
            alarms=Alarms(stay.guardian, setting.store, until_s, setting.clock_gap_s),
            allowance=allowance_of(setting.experiment),
        )
        keep_timetable(stage)
        if load is not None:
            stay.guardian.allow(SLACK_S)
            folder.writer.append(load.ended())
        if landing is None:
            audit_run(setting.experiment.system, stage)
        else:
            audit_partitions(landing, stage)
    stage.hear_observers()
    return "ended"


def driver_spec(setting: Setting, folder: RunFolder, url: str, label_url: str) -> dict[str, object]:
    """Write what the driver is told, as ``docs/protocols/driver.md`` lists it."""
    offered = world_spec(
        setting.plan, setting.experiment, template=setting.template, python_path=setting.python_path
    )
    return {
        **offered,
        "url": url + setting.experiment.system.workload.route,
        "observations": str(folder.observations),
        "taint": str(folder.path / TAINT),
        "resends": str(folder.path / RESENDS),
        "stream": str(folder.path / STREAM),
        "labels": label_feed(setting.plan, setting.experiment, label_url) if offered["labels"] else None,
    }


def _keep_logs(state_dir: Path, logs: Path) -> None:
    for log in sorted(state_dir.glob("**/log.txt")):
        shutil.copyfile(log, logs / f"{log.parent.name}.txt")
