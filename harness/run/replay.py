"""A stored run once more: the very plan on a virtual clock, compared event by event with what was recorded.

Comes in: a run's folder. Goes out: ``Replayed``, which says that both are the same to the last bit, or names
the first thing in which they differ, both sides in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.errors import Problem, Refused, Untrustworthy, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.model import PROFILES, Experiment
from harness.history.events import RunEnded
from harness.history.model import CampaignFile, History, Manifest
from harness.history.plain import reason_of
from harness.history.store import find_campaign, read_campaign, read_run
from harness.plan.model import Plan
from harness.plan.schedule import make_plans, plan_sha256
from harness.run.code import versions
from harness.run.differences import (
    Difference,
    differing,
    events_differ,
    first_due_s,
    lines_differ,
    rows_differ,
)
from harness.run.evidence import JOURNAL, RESENDS, TAINT
from harness.run.machine import fingerprint
from harness.run.material import Material, open_material
from harness.run.modules import import_path
from harness.run.simulated import SimulatedRun
from harness.run.template import ensure_template

BESIDE = (TAINT, RESENDS, JOURNAL)
_MANIFEST = "manifest.json"
_RUNS = (
    "name a run's folder, like reports/runs/CAMPAIGN/runs/r0001-..., or of a campaign of pairs one below its "
    "kept/runs"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """One run of a stored campaign: its folder, its campaign's file, what it recorded."""

    folder: Path
    campaign: CampaignFile
    history: History


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``differences``: the first one of each file, the earliest first; none = the same run.

    ``changed``: versions and machine that are not those of the record, in words.
    """

    run_id: str
    state: str
    digest: str
    recorded_digest: str
    events: int
    entries: int
    rows: int
    differences: tuple[Difference, ...] = ()
    changed: tuple[str, ...] = ()


def find_run(store: Path, name: str) -> Stored:
    """Find what a user typed: a run's folder, or a campaign with one run.

    Raises UsageProblem, which lists the runs where there are several; Untrustworthy where its plan is lost.
    """
    inside = not Path(name).is_absolute() and ".." not in Path(name).parts
    named = [store / name] * inside + [Path(name)]
    run = next((one.absolute() for one in named if os.path.isfile(one / "plan.json")), None)
    campaign_folder = _campaign(store, name) if run is None else run.parent.parent
    campaign = read_campaign(campaign_folder)
    names = [one.run_id for one in campaign.runs]
    if run is None and len(names) != 1:
        there = "; it has: " + ", ".join(names) if names else "; it has none"
        message = f"{campaign_folder.name} is a campaign of {len(names)} runs; name one of them{there}"
        mend = f"hormesis replay {campaign_folder / 'runs' / names[0]}" if names else ""
        raise UsageProblem((Problem(code="HRM405", message=message, file=str(campaign_folder), help=mend),))
    path = campaign_folder / "runs" / names[0] if run is None else run
    history = next((one for one in campaign.runs if one.run_id == path.name), None) or read_run(path)
    if not history.plan.target:
        raise Untrustworthy(f"{path.name} has no plan that can be read: {history.cut}")
    if plan_sha256(history.plan) != history.plan.sha256:
        raise Untrustworthy(f"{path / 'plan.json'} was changed since it was made: nothing is played by it")
    return Stored(path, campaign.file, history)


def _campaign(store: Path, name: str) -> Path:
    try:
        return find_campaign(store, name)
    except UsageProblem as wrong:
        raise UsageProblem(tuple(replace(one, help=_RUNS) for one in wrong.problems)) from wrong


def same_experiment(stored: Stored) -> Experiment:
    """Load the experiment that the run was planned from.

    Raises UsageProblem where it cannot be read, ``Refused`` where it is another one now: says what changed.
    """
    plan, file = stored.history.plan, Path(stored.campaign.experiment_file)
    if (came_with := stored.folder.parent.parent.resolve()) in file.resolve().parents:
        raise Refused(
            f"{file} lies in the stored campaign {came_with}: what comes with it is never started; "
            "look at it, and `hormesis run` a copy of it elsewhere"
        )
    if not os.path.exists(file):
        message = f"{stored.history.run_id} was planned from {file}, which is not there any more"
        mend = "put it back, and the files that it names"
        mend += "" if file.is_absolute() else "; its path counts from where the run was started"
        problem = Problem(code="HRM101", message=message, file=str(stored.folder), help=mend)
        raise UsageProblem((problem,))
    experiment = load_experiment(file)
    name = plan.profile.name
    if experiment.sha256 != plan.experiment_sha256 and name in PROFILES:
        experiment = load_experiment(file, name)
    if experiment.sha256 != plan.experiment_sha256:
        raise Refused(
            f"{file} is not what {stored.history.run_id} was planned from: {_what_changed(experiment, plan)}"
        )
    return experiment


def _what_changed(experiment: Experiment, plan: Plan) -> str:
    now = next(
        (
            one
            for one in make_plans(experiment, plan.seed, plan.target)
            if (one.arm, one.sham, one.restart_profile) == (plan.arm, plan.sham, plan.restart_profile)
        ),
        None,
    )
    if now is None:
        return f"it has no run of arm {plan.arm}, profile {plan.restart_profile} any more"
    before = msgspec.to_builtins(plan)
    knobs = [
        f"{where} was {was!r} and is {value!r}"
        for where, was, value in differing("", before, msgspec.to_builtins(now))
        if where.partition(".")[0] in ("profile", "system", "world_s_per_run_s")
        or where.endswith(("kind", "name"))
        or ".effect" in where
    ]
    if now.scenario_sha256 != plan.scenario_sha256:
        knobs.append("the scenario is another one")
    return "; ".join(knobs[:3]) or "its system file, or what it asks of the runs, is another one"


def material_of(stored: Stored, store: Path, progress: Callable[[str], None]) -> Material:
    """Open what the run was made from; ``Refused`` where that is not there any more."""
    experiment = same_experiment(stored)
    python_path = import_path(experiment)
    cache = store / ".templates"
    template = ensure_template(experiment, cache=cache, python_path=python_path, progress=progress)
    material = open_material(experiment, template=template, python_path=python_path)
    manifest = _manifest(stored)
    every_s = manifest.observe_every_s or material.observe_every_s
    return replace(material, observe_every_s=every_s, pace=manifest.pace)


def compare(stored: Stored, again: SimulatedRun, code_sha256: str = "") -> Replayed:
    """Compare a record with the same plan's run now; ``Untrustworthy`` where the record is not whole.

    ``code_sha256``: of harness and system as they are now (``run.code``), "" = not known.
    """
    recorded = stored.history
    if recorded.cut:
        raise Untrustworthy(f"{recorded.run_id} has no whole record to compare with: {recorded.cut}")
    found = sorted(filter(None, _differences(stored, again)), key=lambda one: one.at_s)
    ended = recorded.entries[-1].event
    return Replayed(
        run_id=recorded.run_id,
        state=again.state,
        digest=again.digest,
        recorded_digest=ended.world_digest if isinstance(ended, RunEnded) else "",
        events=again.events,
        entries=len(again.history.entries),
        rows=len(again.history.rows),
        differences=tuple(found),
        changed=_changed(stored, code_sha256) if found else (),
    )


def over_s(stored: Stored) -> float:
    """When the run was over, in seconds after the first unit was due: as planned, or later by its audit."""
    recorded = stored.history
    last_s = max((entry.mono_s for entry in recorded.entries), default=0.0) - first_due_s(recorded)
    return recorded.plan.duration_s if recorded.cut else max(recorded.plan.duration_s, last_s)


def _differences(stored: Stored, again: SimulatedRun) -> Iterator[Difference | None]:
    recorded, first_s = stored.history, first_due_s(stored.history)
    yield events_differ(recorded, again.history)
    yield rows_differ(recorded.rows, again.history.rows, first_s)
    for name in BESIDE:
        path = stored.folder / name
        was = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        yield lines_differ(name, was, again.files.get(name, b""), again.virtual_s - first_s)


def _manifest(stored: Stored) -> Manifest:
    path = stored.folder / _MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Untrustworthy(
            f"{path} cannot be read: {reason_of(error)}; it says how the run was observed"
        ) from error


def _changed(stored: Stored, code_sha256: str) -> tuple[str, ...]:
    manifest, now = _manifest(stored), versions()
    found = [
        f"{name} was {manifest.versions.get(name, 'not there')} and is {now.get(name, 'not there')}"
        for name in dict.fromkeys((*manifest.versions, *now))
        if manifest.versions.get(name) != now.get(name)
    ]
    recorded = stored.campaign.code_sha256  # over the versions, too
    if not found and recorded and code_sha256 and code_sha256 != recorded:
        found.append("the code of the harness or of the system was changed")
    return (*found, *(["the machine is another one"] if manifest.machine != fingerprint() else []))
