"""One run: start, baseline gate, episodes, audit; whatever happens becomes an event."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import shell
from harness.episodes.baseline import baseline_of
from harness.errors import Refused, Unsafe
from harness.experiment.model import Experiment
from harness.history.events import Audited, BaselineMeasured, ControlRaised, FirstDue, SystemReady
from harness.history.observations import ACCEPTED_FLAG, LOAD, Rows, read_rows
from harness.history.store import RunFolder
from harness.plan.model import Plan
from harness.run.audit import Answers, judge_ids
from harness.run.episode import run_episode
from harness.run.listing import read_listings
from harness.run.scratch import scratch
from harness.run.stage import Recorded, Stage
from harness.run.template import scenario_spec
from harness.run.witness import Witness
from harness.targets.base import Target
from harness.targets.local.target import LocalSystem, LocalTarget, SystemPlace

LEAD_S = 0.3
"""Between "go" and the first slot, so that the driver's loop runs before it is timed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All that one run needs. ``open_target`` is a port, so that tests can put in one that lies."""

    plan: Plan
    experiment: Experiment
    template: Path
    python_path: str
    progress: Callable[[str], None]
    open_target: Callable[[LocalSystem], Target] = LocalTarget


class BaselineNotMet(Recorded):
    """Nothing was injected, so doing the same run again hides nothing."""


def run_one(setting: Setting, folder: RunFolder) -> str:
    """Do one run and seal its history; gives its state: ended, baseline (not met), void or unsafe.

    Raises Refused (nothing was injected) and what interrupts; both leave nothing running.
    """
    state = "void"
    try:
        state = _started(setting, folder)
    except Refused as refused:
        folder.writer.append(ControlRaised(where="start", error=str(refused)))
        folder.finish("void")
        raise
    except Unsafe as unsafe:
        folder.writer.append(ControlRaised(where="undo", error=str(unsafe)))
        state = "unsafe"
    except BaselineNotMet as void:
        state = "baseline"
        setting.progress(f"  void: {void}")
    except Recorded as void:
        setting.progress(f"  void: {void}")
    except Exception as error:  # noqa: BLE001 (a run that raised is VOID, the reason in its history)
        folder.writer.append(ControlRaised(where="run", error=f"{type(error).__name__}: {error}"))
        setting.progress(f"  void: {error}")
    folder.finish(state)
    return state


def _started(setting: Setting, folder: RunFolder) -> str:
    with scratch() as state_dir:
        place = SystemPlace(
            system=setting.experiment.system,
            system_dir=Path(setting.experiment.system_dir),
            template=setting.template,
            state_dir=state_dir,
            arm=setting.plan.arm,
            restart_profile=setting.plan.restart_profile,
            python_path=setting.python_path,
        )
        with LocalSystem(place) as system:
            try:
                return _measured(setting, folder, system, state_dir)
            finally:
                _keep_logs(state_dir, folder.logs)


def _measured(setting: Setting, folder: RunFolder, system: LocalSystem, state_dir: Path) -> str:
    boot_ids = {s.name: s.boot_id for s in system.services()}
    folder.writer.append(SystemReady(at_s=shell.monotonic_s(), boot_ids=boot_ids))
    spec = driver_spec(setting, folder, system.urls)
    log = folder.logs / "driver.txt"
    path = setting.python_path
    with Witness(spec, spec_file=state_dir / "driver.json", log=log, python_path=path) as witness:
        witness.await_ready()
        target = setting.open_target(system)
        stage = Stage(setting.plan, folder, system, witness, target, setting.progress)
        stage.first_due_s = shell.monotonic_s() + LEAD_S
        witness.go(stage.first_due_s)
        folder.writer.append(FirstDue(at_s=stage.first_due_s))
        _baseline_gate(stage)
        for episode in setting.plan.episodes:
            run_episode(stage, episode)
        stage.wait_until(setting.plan.duration_s)
        witness.await_done(stage.note)
    _audit(setting, system, stage)
    return "ended"


def driver_spec(setting: Setting, folder: RunFolder, urls: dict[str, str]) -> dict[str, object]:
    """Write what the driver is told, as ``docs/protocols/driver.md`` lists it."""
    workload = setting.experiment.system.workload
    return {
        "seed": setting.plan.seed,
        "duration_s": setting.plan.duration_s,
        "profile": setting.plan.profile,
        "world": setting.experiment.system.world,
        "world_path": [p for p in setting.python_path.split(":") if p],
        "scenario": scenario_spec(setting.experiment),
        "template": str(setting.template),
        "url": urls[workload.service] + workload.route,
        "workload": workload,
        "observations": str(folder.observations),
    }


def _baseline_gate(stage: Stage) -> None:
    """Measure the run's own baseline; raises BaselineNotMet before anything is injected."""
    profile = stage.plan.profile
    first_fault_s = min((e.inject_at_s for e in stage.plan.episodes), default=stage.plan.duration_s)
    stage.wait_until(first_fault_s)
    rows = _rows(stage.folder)
    baseline = baseline_of(rows, until_s=shell.monotonic_s() - profile.deadline_s, profile=profile)
    measured = BaselineMeasured(units=baseline.units, bad=baseline.bad, why=baseline.why)
    stage.folder.writer.append(measured)
    if measured.why:
        raise BaselineNotMet(f"baseline not met: {measured.why}; nothing was injected")


def _rows(folder: RunFolder) -> Rows:
    return read_rows(folder.observations.read_bytes() if folder.observations.exists() else b"")


def answers_of(rows: Rows, seed: int) -> Answers:
    """Collect what the witness knows of each id, over all attempts and both streams."""
    names = [f"{'l' if r['stream'] == LOAD else 'w'}{seed}-{r['unit']}" for r in rows]
    accepted = (rows["flags"] & ACCEPTED_FLAG) > 0
    return Answers(
        sent=frozenset(names),
        accepted=frozenset(n for n, sure in zip(names, accepted, strict=True) if sure),
        digests={n: int(d) for n, d in zip(names, rows["digest"], strict=True) if d},
    )


def _audit(setting: Setting, system: LocalSystem, stage: Stage) -> None:
    """Wait until nothing is open, at most ``settle_s``, and record where every id ended."""
    audit = setting.experiment.system.audit
    began_s = shell.monotonic_s()
    answers = answers_of(_rows(stage.folder), setting.plan.seed)
    observable = bool(audit.accepted and audit.sink)
    balance = judge_ids(answers, read_listings(audit, system.urls))
    while observable and balance.missing and shell.monotonic_s() - began_s < setting.plan.profile.settle_s:
        shell.sleep_until(shell.monotonic_s() + 0.2)
        balance = judge_ids(answers, read_listings(audit, system.urls))
    stage.hear_ledger()
    stage.folder.writer.append(
        Audited(
            observable=observable,
            accepted=balance.accepted,
            delivered_once=balance.delivered_once,
            doubled=balance.doubled,
            dead_letters=balance.dead_letters,
            missing=balance.missing,
            foreign=balance.foreign,
            changed=balance.changed,
            settled_s=-1.0 if balance.missing else shell.monotonic_s() - began_s,
            examples=balance.examples,
        )
    )


def _keep_logs(state_dir: Path, logs: Path) -> None:
    for log in sorted(state_dir.glob("**/log.txt")):
        shutil.copyfile(log, logs / f"{log.parent.name}.txt")
