"""The store: one folder a campaign, one folder a run in it, found again on any machine.

``<store>/<campaign>/campaign.json`` and ``runs/<run>/{manifest.json, plan.json, history.jsonl,
observations.bin, logs/}``. No file holds an absolute path, so a copied folder reads the same.
What is sealed: the history's chain starts from campaign, manifest and plan as stored, and its last
event holds count and digest of the observations; any later edit makes the run *cut*.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.errors import Problem, Refused, UsageProblem
from harness.experiment.model import Pace, Profile
from harness.history.events import RunEnded, RunStarted
from harness.history.journal import read_journal
from harness.history.log import HistoryWriter, Recorded, read_history
from harness.history.model import PAST_FILE, QUESTION_FILE, Campaign, CampaignFile, History, Manifest
from harness.history.observations import DTYPE, read_rows
from harness.history.plain import Folder, NotPlain, reason_of
from harness.plan.model import Plan

_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
_NUMBER = re.compile(r"r(\d{4,})(?:-|$)")  # as _run_id writes it
_COLUMNS = tuple((name, DTYPE[name].str) for name in DTYPE.names or ())
_T = TypeVar("_T")


def campaign_id(title: str, started_utc: str, seed: int) -> str:
    """Make a campaign's id of its title, start (ISO 8601) and seed.

    >>> campaign_id("Kill the scorer!", "2026-03-01T10:20:30.456+00:00", 7)
    'kill-the-scorer-20260301-102030456-s7'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:24].strip("-") or "campaign"
    digits = re.sub(r"[^0-9]", "", started_utc.split("+")[0])
    return f"{slug}-{digits[:8]}-{digits[8:17]}-s{seed}"


def _run_id(number: int, plan: Plan) -> str:
    """Make a run's id: its place in the campaign first, so that names sort in order of running."""
    side = "sham" if plan.sham else "fault"
    return f"r{number:04d}-{plan.arm}-{plan.restart_profile}-{side}-p{plan.pair}"[:64]


def run_number(run_id: str) -> int | None:
    """Give a run's place in its campaign, from 1; None: its id tells none.

    >>> run_number("r0012-none-fast-sham-p0"), run_number("unreadable")
    (12, None)
    """
    found = _NUMBER.match(run_id)
    return int(found[1]) if found else None


def new_campaign(store: Path, file: CampaignFile) -> Path:
    """Create the campaign's folder in ``store`` and write ``campaign.json``; gives the folder.

    Raises Refused where the folder exists, ValueError for an id that is not one.
    """
    folder = store / _checked(file.id)
    try:
        (folder / "runs").mkdir(parents=True)
    except FileExistsError as error:
        raise Refused(f"campaign folder {folder} exists already; nothing was run") from error
    _write_once(folder / "campaign.json", msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n")
    return folder


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run that is being recorded: its files' paths and its open history."""

    run_id: str
    path: Path
    writer: HistoryWriter

    @property
    def observations(self) -> Path:
        """Where the driver appends its rows; absent until it does."""
        return self.path / "observations.bin"

    @property
    def logs(self) -> Path:
        """A folder for what the processes of the run print; not part of the evidence."""
        return self.path / "logs"

    def finish(self, state: str, *, world_digest: str = "") -> None:
        """Seal the observations and end the history. Call once the driver is gone."""
        data = self.observations.read_bytes() if self.observations.exists() else b""
        rows = len(data) // DTYPE.itemsize
        sha256 = hashlib.sha256(data).hexdigest()
        ended = RunEnded(state=state, rows=rows, rows_sha256=sha256, world_digest=world_digest)
        self.writer.append(ended)
        self.writer.close()


def new_run(
    campaign: Path,
    plan: Plan,
    *,
    clock: Callable[[], tuple[float, str]],
    versions: dict[str, str],
    machine: str,
    abilities: tuple[str, ...] = (),
    observe_every_s: float = 0.0,
    pace: Pace = "dense",
    hide: Callable[[str], str] | None = None,
) -> RunFolder:
    """Create the next run's folder, write manifest and plan, open its history.

    ``clock`` gives (monotonic seconds, wall text); ``hide`` as of ``HistoryWriter``. Writes
    ``run.started`` as the first event.
    """
    name = _run_id(len(os.listdir(campaign / "runs")) + 1, plan)
    folder = campaign / "runs" / _checked(name)
    folder.mkdir()
    (folder / "logs").mkdir()
    manifest = Manifest(
        run_id=name,
        seed=plan.seed,
        plan_sha256=plan.sha256,
        campaign_sha256=hashlib.sha256((campaign / "campaign.json").read_bytes()).hexdigest(),
        versions=versions,
        machine=machine,
        abilities=abilities,
        columns=_COLUMNS,
        observe_every_s=observe_every_s,
        pace=pace,
    )
    manifest_bytes = msgspec.json.encode(manifest) + b"\n"
    plan_bytes = msgspec.json.encode(plan) + b"\n"
    _write_once(folder / "manifest.json", manifest_bytes)
    _write_once(folder / "plan.json", plan_bytes)
    writer = HistoryWriter(folder / "history.jsonl", clock, _genesis(manifest_bytes, plan_bytes), hide)
    writer.append(RunStarted(run_id=name, plan_sha256=plan.sha256))
    return RunFolder(name, folder, writer)


def find_campaign(store: Path, name: str) -> Path:
    """Resolve what a user typed, an id in ``store`` or a path, to a campaign's folder.

    A run's folder inside a campaign leads to its campaign. Raises UsageProblem, Refused where nobody lets us
    look.
    """
    try:
        return _found(store, name)
    except PermissionError as error:
        raise Refused(f"cannot look at {error.filename}: {(error.strerror or str(error)).lower()}") from error


def _found(store: Path, name: str) -> Path:
    named = store / name
    is_kept = _ID.fullmatch(name) and named.is_dir() and not named.is_symlink()
    if is_kept and not (named / "kept").is_dir() and not (named / QUESTION_FILE).is_file():
        return named
    folder = named if is_kept else _existing(name)
    # A name that leads nowhere must not lead to the campaign that the user happens to stand in.
    for candidate in (folder, folder.parent, folder.parent.parent) if folder else ():
        if (candidate / "campaign.json").is_file() and (candidate / "runs").is_dir():
            return candidate
    if folder and (folder / "kept" / "campaign.json").is_file():
        words = f"holds a table of pairs, for `hormesis report`; its whole runs are in {folder / 'kept'}"
        raise _problem("no-campaign", name, f"{name!r} {words}")
    if folder and (folder / QUESTION_FILE).is_file():
        words = (
            "is a campaign of pairs that is not over, for `hormesis report`, and keeps no whole run so far"
        )
        raise _problem("no-campaign", name, f"{name!r} {words}")
    raise _problem("no-campaign", name, _what_else(store, name, folder))


def _what_else(store: Path, name: str, folder: Path | None) -> str:
    """Say what the name of no campaign leads to."""
    if folder:
        return f"{name!r} is a folder, and no campaign and no run of one"
    if os.path.isfile(name):  # Path.is_file raises where a name is too long
        return f"{name!r} is a file, and a campaign is a folder, as is a run"
    return f"no campaign {name!r} in {store}, and no such campaign folder"


def _existing(name: str) -> Path | None:
    """Give the folder of that name; a name that no file system takes is none."""
    folder = Path(name).absolute()
    try:
        return folder if folder.is_dir() else None
    except (OSError, ValueError):
        return None


def read_campaign(folder: Path) -> Campaign:
    """Read a whole campaign; a damaged run comes back as cut, never left out.

    Fewer runs than ``file.planned_runs`` means that some were never started or were removed.
    Raises UsageProblem where ``campaign.json`` is missing or damaged.
    """
    try:
        with Folder(folder) as opened:
            data = opened.read("campaign.json")
            file = msgspec.json.decode(data, type=CampaignFile)
            names = sorted(name for name in opened.names("runs") if _ID.fullmatch(name))
            past = _past(opened)
    except (OSError, NotPlain) as error:
        raise _problem("no-campaign", folder, f"{folder} is no campaign folder: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"campaign.json is damaged: {error}"
        raise _problem("damaged-campaign", folder / "campaign.json", text) from error
    sha256 = hashlib.sha256(data).hexdigest()
    return Campaign(file, tuple(_read_or_cut(folder / "runs" / name, sha256) for name in names), past)


def _past(opened: Folder) -> bytes | None:
    try:
        return opened.read(PAST_FILE) if opened.holds(PAST_FILE) else None
    except (OSError, NotPlain):
        return b""  # what can be no past is told as damaged by who decodes it


def _read_or_cut(folder: Path, campaign_sha256: str) -> History:
    try:
        return read_run(folder, campaign_sha256)
    except UsageProblem as problem:
        return History(folder.name, _UNREADABLE, (), read_rows(b""), str(problem), "")


def read_run(folder: Path, campaign_sha256: str = "") -> History:
    """Read one run. Whatever is wrong with it goes into ``cut``; the rest is still given.

    ``campaign_sha256`` is the digest of the campaign's file, checked where it is not empty. A plan
    that cannot be read is replaced by an empty one of arm "unreadable". Raises UsageProblem where
    ``folder`` is no folder of its own (a link counts as none).
    """
    try:
        with Folder(folder, os.O_NOFOLLOW) as opened:
            return _read_run(opened, folder.name, campaign_sha256)
    except (OSError, NotPlain) as error:
        raise _problem("no-run", folder, f"{folder} is no run folder: {error}") from error


def _read_run(opened: Folder, name: str, campaign_sha256: str) -> History:
    doubts: list[str] = []
    parts = {file: _part(opened, file, doubts) for file in ("manifest.json", "plan.json")}
    plan = _decoded(parts["plan.json"], Plan, "plan.json", doubts) or _UNREADABLE
    manifest = _decoded(parts["manifest.json"], Manifest, "manifest.json", doubts)
    recorded = _recorded(opened, _genesis(parts["manifest.json"], parts["plan.json"]), doubts)
    data = _part(opened, "observations.bin", doubts) if opened.holds("observations.bin") else b""
    if manifest is not None:
        doubts += _manifest_doubts(manifest, name, campaign_sha256)
    if recorded.cut:
        doubts.append(recorded.cut)
    doubts += _rows_doubts(recorded, data)
    rows = read_rows(data) if manifest is None or manifest.columns == _COLUMNS else read_rows(b"")
    words = _part(opened, "journal.jsonl", []) if opened.holds("journal.jsonl") else b""
    cut = "; ".join(doubts)
    return History(name, plan, recorded.entries, rows, cut, recorded.sha256, read_journal(words))


def _manifest_doubts(manifest: Manifest, name: str, campaign_sha256: str) -> list[str]:
    doubts = []
    if manifest.columns != _COLUMNS:
        doubts.append("observations.bin has the columns of another version")
    if manifest.run_id != name:
        doubts.append(f"the folder holds run {manifest.run_id}")
    if campaign_sha256 and manifest.campaign_sha256 != campaign_sha256:
        doubts.append("campaign.json was changed after this run, or the run is of another campaign")
    return doubts


def _rows_doubts(recorded: Recorded, data: bytes) -> list[str]:
    last = recorded.entries[-1].event if recorded.entries else None
    if not isinstance(last, RunEnded):
        return []
    if last.rows < 0:
        return ["the run ended without counting its observations"]
    if last.rows_sha256 == hashlib.sha256(data).hexdigest():
        return []
    whole = len(data) // DTYPE.itemsize
    if whole == last.rows:
        return ["observations.bin was changed after the run"]
    return [f"observations.bin holds {whole} of {last.rows} rows"]


def _recorded(opened: Folder, genesis: str, doubts: list[str]) -> Recorded:
    try:
        with os.fdopen(opened.open("history.jsonl"), "rb") as file:
            return read_history(file, genesis)
    except (OSError, NotPlain) as error:
        doubts.append(f"history.jsonl: {reason_of(error)}")
        return Recorded((), "", 0, "")


def _part(opened: Folder, name: str, doubts: list[str]) -> bytes:
    try:
        return opened.read(name)
    except (OSError, NotPlain) as error:
        doubts.append(f"{name}: {reason_of(error)}")
        return b""


def _decoded(data: bytes, kind: type[_T], name: str, doubts: list[str]) -> _T | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        doubts.append(f"{name} is damaged: {error}")
        return None


def _genesis(manifest: bytes, plan: bytes) -> str:
    return hashlib.sha256(b"hormesis history 1\n" + manifest + plan).hexdigest()


def _checked(name: str) -> str:
    if not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is no id: {_ID.pattern}")
    return name


def _write_once(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _problem(code: str, file: Path | str, message: str) -> UsageProblem:
    return UsageProblem((Problem(code=code, message=message, file=str(file)),))


_UNREADABLE = Plan(
    experiment="",
    experiment_sha256="",
    system="",
    scenario_sha256="",
    target="",
    seed=0,
    pair=0,
    arm="unreadable",
    sham=False,
    restart_profile="",
    profile=Profile(),
    world_s_per_run_s=1.0,
    episodes=(),
    duration_s=0.0,
    sha256="",
)
