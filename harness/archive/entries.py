"""All campaigns of a store, one line each; what cannot be read is listed as damaged, never left out.

Comes in: a store. Goes out: ``Entry`` by ``Entry``, newest last. Figures of runs are those of report.json:
where that is missing, of another version or of other runs, they are computed anew. Links are not followed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.archive.entry import Entry, Point
from harness.archive.reading import read_pairs
from harness.campaign.table import Table
from harness.errors import HormesisError, Problem, Refused, Untrustworthy, UsageProblem
from harness.history.model import QUESTION_FILE, CampaignFile
from harness.history.plain import Folder, NotPlain
from harness.plan.safety import SIMULATION
from harness.report.compose import compose, decode
from harness.report.document import Document

_RUN = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
_REPORT_BYTES_MAX = 256 * 1024**2
_CAMPAIGN, _REPORT = "campaign.json", "report.json"
_MARKS = (_CAMPAIGN, QUESTION_FILE, "runs", "parts")
"""What only a campaign's folder holds: one of them without the rest is a damaged one."""


def entries(store: Path) -> tuple[Entry, ...]:
    """List all campaigns of ``store``, those without a date first, then by date and name.

    A store that is not there yet holds none. Raises Refused where nobody lets us look.
    """
    try:
        names = sorted(name for name in os.listdir(store) if not name.startswith("."))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Refused(f"cannot look at {store}: {(error.strerror or str(error)).lower()}") from error
    found = [_entry(store / name) for name in names if _is_meant(store / name)]
    return tuple(sorted(found, key=lambda one: (one.started_utc, one.id)))


def read_document(folder: Path) -> Document:
    """The document of a campaign of runs: report.json, or anew where that is none of this version.

    Raises UsageProblem or Untrustworthy where the campaign cannot be read.
    """
    file = read_file(folder)
    try:
        with Folder(folder, os.O_NOFOLLOW) as opened:
            document = decode(opened.read(_REPORT, _REPORT_BYTES_MAX))
    except (OSError, NotPlain, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return compose(folder)  # the record is the truth; a report is a copy of what was computed of it
    return document if _is_of(document, file, folder) else compose(folder)


def _is_of(document: Document, file: CampaignFile, folder: Path) -> bool:
    """Whether a report is of this campaign and of the histories that lie there now, by their digests."""
    told = document.inputs
    if (document.campaign, told.experiment_sha256, told.seed) != (file.id, file.experiment_sha256, file.seed):
        return False
    runs = {run.run_id: run.history_sha256 for run in (*document.runs, *document.repeated)}
    try:
        with Folder(folder, os.O_NOFOLLOW) as opened:
            there = {name for name in opened.names("runs") if _RUN.fullmatch(name)}
        return there == set(runs) and all(_sha256(folder / "runs" / name) == runs[name] for name in there)
    except (OSError, NotPlain):
        return False


def _sha256(run: Path) -> str:
    with Folder(run, os.O_NOFOLLOW) as opened:
        return hashlib.sha256(opened.read("history.jsonl")).hexdigest()


def _is_meant(folder: Path) -> bool:
    """Whether a name of the store is, or was, a campaign."""
    if folder.is_symlink():
        return True
    return folder.is_dir() and any(os.path.lexists(folder / mark) for mark in _MARKS)


def _entry(folder: Path) -> Entry:
    try:
        if folder.is_symlink():
            raise Untrustworthy("a link, and links are not followed")
        if os.path.lexists(folder / QUESTION_FILE):
            return _of_pairs(folder)
        return _of_runs(folder)
    except Refused as refused:
        return Entry(id=folder.name, kind="pairs", state="not over", why=_in(folder, str(refused)))
    except (HormesisError, OSError) as error:
        return Entry(id=folder.name, state="damaged", why=damage(folder, error))


def damage(folder: Path, error: Exception) -> str:
    """What is wrong with a campaign that cannot be read, without the store's own path."""
    return _in(folder, _told(error))


def _told(error: Exception) -> str:
    problems: Sequence[Problem] = error.problems if isinstance(error, UsageProblem) else ()
    return "; ".join(problem.message for problem in problems) or str(error)


def _in(folder: Path, words: str) -> str:
    """Take the store's own path out of a message: a page made of a copy says the same."""
    return words.replace(str(folder) + os.sep, "").replace(str(folder), "it")


def _of_runs(folder: Path) -> Entry:
    return entry_of(read_document(folder), folder.name)


def entry_of(document: Document, name: str) -> Entry:
    """A campaign of runs as a line of a list; ``name`` is its folder's."""
    asked = document.inputs
    return Entry(
        id=name,
        kind="runs",
        title=asked.title,
        system=asked.system,
        target=asked.target,
        started_utc=asked.started_utc,
        word=document.verdict.word,
        why=document.verdict.why,
        seed=asked.seed,
        runs=document.estimates.runs,
        harness_version=asked.harness_version,
        profile_name=asked.profile.name,
        profile=asked.profile,
        classes=tuple(
            Point(
                fault=one.fault,
                subject=one.service,
                arm=one.arm,
                restart_profile=one.restart_profile,
                n=one.n,
                back=one.recovered,
                median=one.served_median,
                p90=one.served_p90,
                horizon_s=one.tau_s,
            )
            for one in document.estimates.classes
        ),
    )


def _of_pairs(folder: Path) -> Entry:
    question, table, verdict = read_pairs(folder)
    kept = read_file(folder / "kept") if os.path.lexists(folder / "kept" / _CAMPAIGN) else None
    return Entry(
        id=folder.name,
        kind="pairs",
        title=question.title,
        system=question.system,
        target=SIMULATION,
        pace=question.pace,
        started_utc=kept.started_utc if kept else "",
        word=verdict.word,
        why=verdict.why,
        seed=question.seed,
        runs=sum(arm.runs + arm.void for arm in table.arms),
        harness_version=question.harness_version,
        profile_name=question.profile or (kept.profile.name if kept else ""),
        profile=kept.profile if kept else None,
        classes=_points(table),
    )


def _points(table: Table) -> tuple[Point, ...]:
    return tuple(
        Point(
            fault=one.fault,
            subject=one.subject,
            arm=one.arm,
            restart_profile=one.restart_profile,
            n=one.n,
            back=one.recovered,
            median=one.median,
            p90=one.p90,
            horizon_s=one.tau_s,
        )
        for one in table.classes
    )


def read_file(folder: Path) -> CampaignFile:
    """``campaign.json``; Untrustworthy where it cannot be read."""
    try:
        with Folder(folder, os.O_NOFOLLOW) as opened:
            return msgspec.json.decode(opened.read(_CAMPAIGN), type=CampaignFile)
    except (OSError, NotPlain, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Untrustworthy(f"{_CAMPAIGN} cannot be read: {words}") from error
