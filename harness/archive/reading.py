"""Reads a stored campaign of either kind from its folder.

Comes in: a store, and an id or a path. Goes out: ``Side``. Every figure of runs is computed anew from their
histories, and the rows of pairs must be those that their table was made of. Links are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.archive.comparing import UNTRUSTED
from harness.archive.model import Identity, Side
from harness.archive.sides import identity_of, side_of_pairs, side_of_runs
from harness.campaign.model import Question, RunRow, chained
from harness.campaign.parts import TABLE_FILE, VERDICT_FILE, Parts, unfinished
from harness.campaign.table import Table
from harness.errors import Refused, Untrustworthy
from harness.history.model import QUESTION_FILE, Campaign, Manifest
from harness.history.plain import Folder, NotPlain
from harness.history.store import find_campaign, read_campaign
from harness.plan.safety import SIMULATION
from harness.report.compose import compose
from harness.report.document import Document
from harness.verdict.model import Verdict

_T = TypeVar("_T")


def read_side(store: Path, name: str) -> Side:
    """Read the campaign ``name``, an id in ``store`` or a path.

    Raises UsageProblem where there is none, Refused where one of pairs is not over, Untrustworthy where what
    is there is not what was written.
    """
    folder = pairs_folder(store, name)
    return _side_of_runs(find_campaign(store, name)) if folder is None else _side_of_pairs(folder)


def pairs_folder(store: Path, name: str) -> Path | None:
    """The folder of a campaign of pairs of that name; None: there is none."""
    # A name that no file system takes is none; Path.is_file raises there.
    named = () if os.path.islink(store / name) else (store / name,)
    return next((folder for folder in (*named, Path(name)) if os.path.isfile(folder / QUESTION_FILE)), None)


def _side_of_runs(folder: Path) -> Side:
    return side_of_document(folder, compose(folder))


def side_of_document(folder: Path, document: Document) -> Side:
    """The campaign of runs in ``folder``, by a document that was made of it; pace and versions are added."""
    manifests = _manifests(folder)
    paces = sorted({one.pace for one in manifests}) if document.inputs.target == SIMULATION else []
    versions = {key: value for one in manifests for key, value in one.versions.items()}
    identity = identity_of(document, pace=" and ".join(paces), versions=versions)
    return side_of_runs(document, identity)


def _manifests(folder: Path) -> Sequence[Manifest]:
    """Manifests that can be read; a run whose manifest cannot is void already."""
    found = []
    with Folder(folder) as opened:
        names = sorted(opened.names("runs"))
    for name in names:
        try:
            with Folder(folder / "runs" / name, os.O_NOFOLLOW) as run:
                found.append(msgspec.json.decode(run.read("manifest.json"), type=Manifest))
        except (OSError, NotPlain, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return found


def _side_of_pairs(folder: Path) -> Side:
    question, table, verdict = read_pairs(folder)
    rows = () if verdict.word in UNTRUSTED else _rows(folder, table)
    return side_of_pairs(folder.name, _identity(folder, question), table, verdict=verdict, rows=rows)


def read_pairs(folder: Path) -> tuple[Question, Table, Verdict]:
    """What a campaign of pairs was asked, and what came of it; Refused where it is not over."""
    with Folder(folder) as opened:
        question = _decoded(opened, QUESTION_FILE, Question, folder)
        if not (opened.holds(TABLE_FILE) and opened.holds(VERDICT_FILE)):
            raise Refused("; ".join(unfinished(folder)))
        return (
            question,
            _decoded(opened, TABLE_FILE, Table, folder),
            _decoded(opened, VERDICT_FILE, Verdict, folder),
        )


def _decoded(opened: Folder, name: str, kind: type[_T], folder: Path) -> _T:
    try:
        return msgspec.json.decode(opened.read(name), type=kind)
    except (OSError, NotPlain, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Untrustworthy(f"{folder / name} cannot be read: {error}") from error


def _rows(folder: Path, table: Table) -> tuple[RunRow, ...]:
    """The rows of all chunks that the table was made of, checked by the digest over their worlds."""
    parts, question, rows = Parts(folder), table.question, list[RunRow]()
    _refuse_links(folder / "parts")
    chunks = -(-table.pairs // question.pairs_a_chunk)
    for chunk in range(chunks):
        rows += parts.read(chunk)
    digest = ""
    for row in rows:
        digest = chained(digest, row)
    if digest != table.digest:
        raise Untrustworthy(f"the parts of {folder} are not those that its table was made of; ask it again")
    return tuple(rows)


def _identity(folder: Path, question: Question) -> Identity:
    """What was asked; profile, scenario and machine as the runs that were kept whole have them."""
    kept = _kept(folder)
    file = None if kept is None else kept.file
    return Identity(
        kind="pairs",
        title=question.title,
        system=question.system,
        target=SIMULATION,
        pace=question.pace,
        fidelity=question.fidelity,
        seed=question.seed,
        profile_name=question.profile or (file.profile.name if file else ""),
        profile=file.profile if file else None,
        experiment_file=question.experiment_file,
        experiment_sha256=question.experiment_sha256,
        scenario=file.scenario if file else "",
        scenario_sha256=file.scenario_sha256 if file else "",
        harness_version=question.harness_version,
        code_sha256=question.code_sha256,
        machine=file.machine if file else "",
        started_utc=file.started_utc if file else "",
        plans=_plans(kept),
    )


def _kept(folder: Path) -> Campaign | None:
    if not os.path.lexists(folder / "kept"):
        return None
    _refuse_links(folder / "kept")
    return read_campaign(folder / "kept")


def _refuse_links(folder: Path) -> None:
    try:
        links = [p for p in (folder, *folder.iterdir()) if p.is_symlink()]
    except OSError as error:
        raise Untrustworthy(f"{folder} cannot be read: {error.strerror}") from error
    if links:
        raise Untrustworthy(f"{links[0]} is a link, and links are not followed")


def _plans(kept: Campaign | None) -> dict[tuple[int, str, str, bool], str]:
    plans = [run.plan for run in kept.runs] if kept else []
    return {(p.pair, p.arm, p.restart_profile, p.sham): p.sha256 for p in plans if p.sha256}
