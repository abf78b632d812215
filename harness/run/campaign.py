"""Many runs: every plan of an experiment on the local target, one after another, into one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

import harness
from harness import shell
from harness.errors import HormesisError, Refused, Untrustworthy, UsageProblem
from harness.experiment.model import Experiment
from harness.experiment.pack import pack_sha256
from harness.guard.shell import clock_gap_s as read_gap_s
from harness.history.events import Injected
from harness.history.model import CampaignFile
from harness.history.store import RunFolder, campaign_id, new_campaign, new_run, read_campaign
from harness.plan.model import Plan
from harness.plan.safety import SIMULATION
from harness.plan.schedule import interleaved
from harness.report.compose import compose, encode
from harness.report.html import render
from harness.run.code import code_sha256, versions
from harness.run.fields import check_record_faults
from harness.run.machine import fingerprint
from harness.run.modules import import_path
from harness.run.records import OF_THE_DRIVER
from harness.run.refusals import refuse_if_halted, refuse_if_not_writable, refuse_without_load
from harness.run.resetting import Resetting
from harness.run.safety import MustStop, only_runner, store_problem
from harness.run.scratch import scratch_root
from harness.run.secrets import Secrets, read_secrets
from harness.run.single import Setting, run_one
from harness.run.template import ensure_template
from harness.run.twin import Made, key_of, make_twins
from harness.run.writing import write_whole
from harness.targets.base import Target
from harness.targets.local.harms import ABILITIES
from harness.targets.local.target import LocalSystem, LocalTarget

ATTEMPTS = 3
"""A busy machine misses a baseline now and then; one that misses three in a row says something."""


def campaign_file(plans: Sequence[Plan], experiment: Experiment, seed: int) -> CampaignFile:
    """Say what all of ``plans`` share, begun now; there must be one."""
    started = shell.wall_utc()
    return CampaignFile(
        id=campaign_id(experiment.title, started, seed),
        title=experiment.title,
        system=experiment.system.name,
        target=plans[0].target,
        seed=seed,
        profile=experiment.profile,
        experiment_file=experiment.file,
        experiment_sha256=experiment.sha256,
        scenario_sha256=plans[0].scenario_sha256,
        scenario=experiment.scenario.name,
        harness_version=harness.__version__,
        machine=fingerprint(),
        started_utc=started,
        planned_runs=len(plans),
        objectives=experiment.objectives,
        score=experiment.score,
        gate=msgspec.structs.replace(experiment.gate, arm=experiment.gate.arm or experiment.arms[0]),
        pack_sha256=pack_sha256(experiment),
        code_sha256=code_sha256(Path(experiment.system_dir)),
    )


@dataclass(frozen=True, slots=True)
class Leg:
    """One version of a system: an experiment, and all its plans in running order."""

    experiment: Experiment
    plans: Sequence[Plan]


def run_campaign(
    plans: Sequence[Plan],
    experiment: Experiment,
    *,
    store: Path,
    seed: int,
    progress: Callable[[str], None],
    open_target: Callable[[LocalSystem], Target] = LocalTarget,
    clock_gap_s: Callable[[], float] = read_gap_s,
) -> Path:
    """Run all plans, write report.json and report.html, and give the campaign's folder.

    A run whose baseline was not met is repeated, at most twice: nothing was injected, so that hides
    nothing. Another void run does not stop the others; an unsafe one does. Raises Refused where the
    store, the scratch or the system cannot be used and no fault was injected yet, Untrustworthy where
    the system refused later; the folder then holds what ran before.
    """
    return _run_legs(
        (Leg(experiment, plans),), store=store, seed=seed, hooks=_Hooks(progress, open_target, clock_gap_s)
    )[0]


def run_beside(
    new: Leg, old: Leg, *, store: Path, seed: int, progress: Callable[[str], None]
) -> tuple[Path, Path]:
    """Run two versions beside each other, pair by pair, in an order that a coin of the seed decides.

    Gives the folders of both; that of ``new`` names the other. Otherwise as ``run_campaign``.
    """
    hooks = _Hooks(progress, LocalTarget, read_gap_s)
    ours, theirs = _run_legs((new, old), store=store, seed=seed, hooks=hooks)
    return ours, theirs


@dataclass(frozen=True, slots=True)
class _Hooks:
    """What a caller may put into a campaign: who hears of progress, what opens the target, the clocks."""

    progress: Callable[[str], None]
    open_target: Callable[[LocalSystem], Target]
    clock_gap_s: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Lane:
    """A leg that is being run: how one of its plans is done, and where it is kept."""

    folder: Path
    once: Callable[[Path, Plan], str]
    name: str


def _run_legs(legs: Sequence[Leg], *, store: Path, seed: int, hooks: _Hooks) -> tuple[Path, ...]:
    refuse_without_load([plan for leg in legs for plan in leg.plans])
    refuse_if_not_writable(store)
    scratch_root()  # raises where it cannot be used, before the champion is trained for nothing
    plans = legs[0].plans
    with only_runner(store, plans[0].target if plans else "local", hooks.progress):
        lanes = _lanes(legs, store, seed, hooks)
        order = interleaved([leg.plans for leg in legs], seed)
        _run_in_order(lanes, order, store=store, progress=hooks.progress)
        for lane in lanes:
            _must_report(lane.folder)
    return tuple(lane.folder for lane in lanes)


def _lanes(legs: Sequence[Leg], store: Path, seed: int, hooks: _Hooks) -> tuple[_Lane, ...]:
    """Prepare all versions before any folder is made; the first names the second as beside it."""
    ways, files = [], []
    for leg in legs:
        path = import_path(leg.experiment)
        cache = store / ".templates"
        template = ensure_template(leg.experiment, cache=cache, python_path=path, progress=hooks.progress)
        check_record_faults(leg.plans, leg.experiment, template=template, python_path=path)
        ways.append(_how(leg.plans, _Made(leg.experiment, template, path), store, hooks))
        files.append(campaign_file(leg.plans, leg.experiment, seed))
    if len(files) > 1:
        files[1] = msgspec.structs.replace(files[1], id=f"{files[0].id[:56]}-beside")
        files[0] = msgspec.structs.replace(files[0], beside=files[1].id)
    names = ("", ", the version beside") if len(files) > 1 else ("",)
    return tuple(
        _Lane(new_campaign(store, file), once, name)
        for file, once, name in zip(files, ways, names, strict=True)
    )


def _run_in_order(
    lanes: Sequence[_Lane],
    order: Sequence[tuple[int, Plan]],
    *,
    store: Path,
    progress: Callable[[str], None],
) -> None:
    for number, (place, plan) in enumerate(order, start=1):
        lane = lanes[place]
        side = "sham" if plan.sham else "fault"
        progress(
            f"run {number}/{len(order)}: arm {plan.arm}, {side}, profile {plan.restart_profile}{lane.name}"
        )
        try:
            state = _run_until_baseline(lane.folder, plan, lane.once, store=store, progress=progress)
        except Refused as error:
            _reports_if_possible(lanes, progress)
            raise _refusal([lane.folder for lane in lanes], number, error) from error.__cause__
        except MustStop as stop:
            _reports_if_possible(lanes, progress)
            folders = ", ".join(str(one.folder) for one in lanes)
            raise Untrustworthy(
                f"run {number} was ended: {stop}\nwhat was recorded is in {folders}"
            ) from stop
        if state == "unsafe":
            progress("stopping: a clean state could not be proven")
            break


def _must_report(folder: Path) -> None:
    try:
        write_reports(folder)
    except (OSError, UsageProblem) as error:
        # Not the user's mistake, though it is told like one: the folder was there when the run began.
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Untrustworthy(
            f"no report could be written: {why}; what was recorded was in {folder}; "
            f"`hormesis undo --store DIR` tells what is open there"
        ) from error


@dataclass(frozen=True, slots=True)
class _Made:
    """What the runs of a campaign are made from."""

    experiment: Experiment
    template: Path
    python_path: str


def _how(plans: Sequence[Plan], made: _Made, store: Path, hooks: _Hooks) -> Callable[[Path, Plan], str]:
    """How one run is done and kept: on processes of this machine, or on a virtual clock."""
    if plans and plans[0].target == SIMULATION:
        # Imported here: who runs processes needs no simulated world.
        from harness.run.keeping import keep_run
        from harness.run.material import open_material
        from harness.run.simulated import run_simulated

        material = open_material(made.experiment, template=made.template, python_path=made.python_path)

        def simulated(folder: Path, plan: Plan) -> str:
            run = run_simulated(material, plan, hooks.progress)
            return keep_run(folder, run, versions=versions(), machine=fingerprint(), abilities=abilities())

        return simulated

    secrets = read_secrets(made.experiment.system, Path(made.experiment.system_dir))
    reset = Resetting(made.experiment.system, Path(made.experiment.system_dir))
    source = Made(made.experiment, made.template, made.python_path, store, secrets.values, reset)
    with secrets.in_errors():
        twins = make_twins(plans, source, hooks.progress)

    def local(folder: Path, plan: Plan) -> str:
        setting = Setting(
            plan,
            made.experiment,
            made.template,
            made.python_path,
            store,
            lambda text: hooks.progress(secrets.hide(text)),
            hooks.open_target,
            hooks.clock_gap_s,
            secrets,
            reset,
            twins.get(key_of(plan)),
        )
        with secrets.in_errors():
            return run_one(setting, _new_run(folder, plan, secrets))

    return local


def _reports_if_possible(lanes: Sequence[_Lane], progress: Callable[[str], None]) -> None:
    for lane in lanes:
        try:
            write_reports(lane.folder)
        except (OSError, UsageProblem) as error:
            progress(f"no report was written: {error}")


def _refusal(folders: Sequence[Path], number: int, error: Refused) -> HormesisError:
    """A refusal says that nothing was injected; once a fault was, what ended is a VOID campaign."""
    runs = (run for folder in folders for run in read_campaign(folder).runs)
    events = (entry.event for run in runs for entry in run.entries)
    if not any(isinstance(event, Injected) and not event.sham for event in events):
        return error
    return Untrustworthy(
        f"run {number} was refused after faults were injected: {error}\n"
        f"what was recorded is in {', '.join(map(str, folders))}"
    )


def _run_until_baseline(
    folder: Path,
    plan: Plan,
    once: Callable[[Path, Plan], str],
    *,
    store: Path,
    progress: Callable[[str], None],
) -> str:
    """Do one run; one whose baseline was not met is repeated, a few times, and stays on record.

    On a virtual clock nothing is busy, and the same run again would be the same.
    """
    state = "baseline"
    for attempt in range(1 if plan.target == SIMULATION else ATTEMPTS):
        refuse_if_halted(store)
        if attempt:
            progress(f"  again ({attempt + 1} of {ATTEMPTS}): nothing was injected")
        state = once(folder, plan)
        if state != "baseline":
            break
    return state


def _new_run(folder: Path, plan: Plan, secrets: Secrets) -> RunFolder:
    """Open the next run's folder; raises MustStop where the store takes no more."""
    try:
        return new_run(
            folder,
            plan,
            clock=lambda: (shell.monotonic_s(), shell.wall_utc()),
            versions=versions(),
            machine=fingerprint(),
            abilities=abilities(),
            hide=secrets.hide if secrets.values else None,
        )
    except OSError as error:
        raise store_problem(error) or error from error


def abilities() -> tuple[str, ...]:
    """What a run of this version could do, by name, for its manifest."""
    return tuple(sorted(ABILITIES | OF_THE_DRIVER))


def write_reports(folder: Path) -> None:
    """Analyse the folder and write ``report.json`` and ``report.html`` into it."""
    document = compose(folder)
    write_whole(folder / "report.json", encode(document))
    write_whole(folder / "report.html", render(document).encode())
