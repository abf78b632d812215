"""A stored run once more: the very plan on a virtual clock, compared event by event with what was recorded.

Comes in: a run's folder. Goes out: ``Replayed``, which says that both are the same to the last bit, or names
the first thing in which they differ, both sides in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import msgspec

from harness.errors import Problem, Refused, Untrustworthy, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.model import PROFILES, Experiment
from harness.history.events import Entry, Event, FirstDue, RunEnded, RunStarted
from harness.history.model import CampaignFile, History, Manifest
from harness.history.observations import DTYPE, WITNESS, Rows
from harness.history.store import find_campaign, read_campaign, read_run
from harness.plan.model import Plan
from harness.plan.schedule import make_plans, plan_sha256
from harness.report.trace import event_words
from harness.run.code import versions
from harness.run.evidence import JOURNAL, RESENDS, TAINT
from harness.run.machine import fingerprint
from harness.run.material import Material, open_material
from harness.run.modules import import_path
from harness.run.simulated import SimulatedRun
from harness.run.template import ensure_template

BESIDE = (TAINT, RESENDS, JOURNAL)
_Told = tuple[float, Event]
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


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where two runs of one plan part, ``at_s`` seconds after the first unit was due.

    ``what``: the file that tells it.
    """

    what: str
    at_s: float
    recorded: str
    again: str


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
        for where, was, value in _differing("", before, msgspec.to_builtins(now))
        if where.partition(".")[0] in ("profile", "system", "world_s_per_run_s")
        or where.endswith(("kind", "name"))
        or ".effect" in where
    ]
    if now.scenario_sha256 != plan.scenario_sha256:
        knobs.append("the scenario is another one")
    return "; ".join(knobs[:3]) or "its system file, or what it asks of the runs, is another one"


def _differing(where: str, was: object, now: object) -> Iterator[tuple[str, object, object]]:
    """Leaves of two plain values that differ, each with its path."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*was, *now)):
            yield from _differing(f"{where}.{key}".strip("."), was.get(key), now.get(key))
    elif isinstance(was, list | tuple) and isinstance(now, list | tuple) and len(was) == len(now):
        for index, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _differing(f"{where}[{index}]", one, other)
    elif was != now:
        yield where, was, now


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
    found = sorted(_differences(stored, again), key=lambda one: one.at_s)
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
    last_s = max((entry.mono_s for entry in recorded.entries), default=0.0) - _first_due_s(recorded)
    return recorded.plan.duration_s if recorded.cut else max(recorded.plan.duration_s, last_s)


def begins_otherwise(stored: Stored, begun: History) -> Difference | None:
    """Where a run that was stopped in its middle had parted from its record; None = nowhere so far."""
    told = _told(begun)
    return _parted(_told(stored.history)[: len(told)], told, _first_due_s(stored.history))


def _parted(recorded: Sequence[_Told], now: Sequence[_Told], first_s: float) -> Difference | None:
    pairs = zip_longest(recorded, now)
    parted = next((pair for pair in pairs if pair[0] != pair[1]), None)
    if parted is None:
        return None
    at_s = min(one[0] for one in parted if one is not None)
    words = _event_texts(*parted, first_s)
    return Difference(what="history.jsonl", at_s=at_s - first_s, recorded=words[0], again=words[1])


def _differences(stored: Stored, again: SimulatedRun) -> Iterator[Difference]:
    recorded, now = stored.history, again.history
    first_s = _first_due_s(recorded)
    if (parted := _parted(_told(recorded), _told(now), first_s)) is not None:
        yield parted
    if (row := _first_row(recorded.rows, now.rows)) is not None:
        texts = _row_texts(recorded.rows, now.rows, row, first_s)
        at_s = min(float(r[row]["ended"]) for r in (recorded.rows, now.rows) if row < len(r))
        yield Difference(what="observations.bin", at_s=at_s - first_s, recorded=texts[0], again=texts[1])
    for name in BESIDE:
        path = stored.folder / name
        was = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if (after := again.files.get(name, b"")) != was:
            yield _lines_differ(name, was, after, again.virtual_s - first_s)


def _told(history: History) -> list[_Told]:
    """What a history says but for the names of run and rows: those are told of on their own."""
    return [(entry.mono_s, _nameless(entry)) for entry in history.entries]


def _nameless(entry: Entry) -> Event:
    if isinstance(entry.event, RunStarted):
        return msgspec.structs.replace(entry.event, run_id="")
    return entry.event


def _first_due_s(history: History) -> float:
    dues = [entry.event.at_s for entry in history.entries if isinstance(entry.event, FirstDue)]
    return dues[0] if dues else 0.0


def _event_texts(recorded: _Told | None, again: _Told | None, first_s: float) -> tuple[str, str]:
    """Both in words; where these are the same, with what words leave out and is not the same."""
    one, other = _event_text(recorded, first_s), _event_text(again, first_s)
    if one != other or recorded is None or again is None:
        return one, other
    events = (msgspec.to_builtins(event) for _, event in (recorded, again))
    leaves = list(_differing("", *events)) or [("instant_s", recorded[0], again[0])]
    was, now = (", ".join(f"{leaf[0]} {leaf[side]!r}" for leaf in leaves) for side in (1, 2))
    return f"{one} ({was})", f"{other} ({now})"


def _event_text(told: _Told | None, first_s: float) -> str:
    if told is None:
        return "nothing: it was over"
    at_s, event = told
    words = event_words(event)
    plain = f"{type(event).__struct_config__.tag} {msgspec.json.encode(event).decode()}"
    return f"at {at_s - first_s:.6f} s {': '.join(words) if words else plain}"


def _first_row(recorded: Rows, again: Rows) -> int | None:
    if recorded.tobytes() == again.tobytes():
        return None
    both = zip(recorded, again, strict=False)
    shorter = min(len(recorded), len(again))
    return next((n for n, (one, other) in enumerate(both) if one.tobytes() != other.tobytes()), shorter)


def _row_texts(recorded: Rows, again: Rows, number: int, first_s: float) -> list[str]:
    """Row ``number`` of both: which unit it is of, and the columns that are not the same."""
    there = [rows[number] for rows in (recorded, again) if number < len(rows)]
    differ = [name for name in DTYPE.names or () if len({row[name].tobytes() for row in there}) > 1]
    return [_row_text(rows, number, differ or ("due", "status"), first_s) for rows in (recorded, again)]


def _row_text(rows: Rows, number: int, names: Sequence[str], first_s: float) -> str:
    if number >= len(rows):
        return "no row: it was the last one before"
    row = rows[number]
    shown = {name: row[name].item() for name in names}
    for name in {"due", "sent", "ended"} & set(names):
        shown[name] = round(shown[name] - first_s, 6)
    told = ", ".join(f"{name} {value}" for name, value in shown.items())
    stream = "witness" if row["stream"] == WITNESS else "load"
    return f"row {number + 1}, unit {row['unit']} of the {stream}: {told}"


def _lines_differ(name: str, was: bytes, now: bytes, end_s: float) -> Difference:
    lines = zip_longest(was.split(b"\n"), now.split(b"\n"))
    number, (one, other) = next((n, pair) for n, pair in enumerate(lines, start=1) if pair[0] != pair[1])

    def shown(line: bytes | None) -> str:
        return f"line {number}: " + ("none" if line is None else line[:300].decode("utf-8", "replace"))

    return Difference(what=name, at_s=end_s, recorded=shown(one), again=shown(other))


def _manifest(stored: Stored) -> Manifest:
    path = stored.folder / _MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise Untrustworthy(f"{path} cannot be read: {why}; it says how the run was observed") from error


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
