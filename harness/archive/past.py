"""Keeps beside a campaign what its store held of the same question, for its report to show.

Comes in: the folder of a campaign that has just ended. Goes out: ``past.json`` in it, and its reports anew.
It is kept because a report is of its folder alone: the same on a machine that has no store.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.archive.comparing import UNTRUSTED, compare
from harness.archive.comparison import Comparison
from harness.archive.entries import damage, entry_of, read_document, read_file
from harness.archive.entry import Entry
from harness.archive.reading import side_of_document
from harness.archive.trends import breaks
from harness.errors import HormesisError
from harness.history.model import PAST_FILE, CampaignFile
from harness.report.document import Document
from harness.report.past import (
    ClassSince,
    InputChange,
    Past,
    PastCampaign,
    PastClass,
    PastScore,
    Since,
)
from harness.run.campaign import write_reports
from harness.run.writing import write_whole

PAST_MAX = 15
"""So many earlier campaigns are kept, the newest: a picture shows no more."""
NO_CHANGE = frozenset({"begun", "plans"})
"""What differs between any two, or is told by another line."""


@dataclass(frozen=True, slots=True)
class _Read:
    """An earlier campaign; ``document`` None: it could not be read, and ``entry`` says why."""

    folder: Path
    entry: Entry
    document: Document | None


def remember(folder: Path) -> bool:
    """Write what came before the campaign in ``folder``, and its reports with it; False: nothing came before.

    Raises UsageProblem or Untrustworthy where the campaign itself cannot be read, OSError where nothing can
    be written.
    """
    past = past_of(folder)
    if past is None:
        return False
    write_whole(folder / PAST_FILE, msgspec.json.format(msgspec.json.encode(past), indent=1) + b"\n")
    write_reports(folder)
    return True


def past_of(folder: Path, most: int = PAST_MAX) -> Past | None:
    """The newest ``most`` of its question that the store of ``folder`` holds from before it; None: none."""
    earlier = [_read(one) for one in _earlier(folder)[-most:]]
    if not earlier:
        return None
    document = read_document(folder)
    now = _Read(folder, entry_of(document, folder.name), document)
    readable = [one for one in earlier if one.document is not None]
    return Past(
        campaigns=tuple(_campaign(one, earlier[:i]) for i, one in enumerate(earlier)),
        breaks=tuple(breaks(readable[-1].entry, now.entry)) if readable else (),
        since=_since(_last(readable), document, folder) if readable else None,
    )


def _earlier(folder: Path) -> list[Path]:
    """Campaigns of runs of the same question, oldest first; what has no readable file is of no question."""
    mine, found = read_file(folder), []
    for name in sorted(os.listdir(folder.parent)):
        other = folder.parent / name
        if name == folder.name or other.is_symlink() or not (other / "campaign.json").is_file():
            continue
        try:
            file = read_file(other)
        except HormesisError:
            continue
        if _question(file) == _question(mine) and file.started_utc < mine.started_utc:
            found.append((file.started_utc, name))
    return [folder.parent / name for _, name in sorted(found)]


def _question(file: CampaignFile) -> tuple[str, str, str, str]:
    return file.title, file.system, file.target, file.experiment_file.rpartition("/")[2]


def _read(folder: Path) -> _Read:
    try:
        document = read_document(folder)
    except (HormesisError, OSError) as error:
        started = read_file(folder).started_utc
        entry = Entry(
            id=folder.name, state="damaged", started_utc=started, why=f"damaged: {damage(folder, error)}"
        )
        return _Read(folder, entry, None)
    return _Read(folder, entry_of(document, folder.name), document)


def _campaign(one: _Read, before: Sequence[_Read]) -> PastCampaign:
    entry, document = one.entry, one.document
    if document is None:
        return PastCampaign(id=entry.id, started_utc=entry.started_utc, gap=entry.why)
    last = next((other.entry for other in reversed(before) if other.document is not None), None)
    void = entry.word in UNTRUSTED
    return PastCampaign(
        id=entry.id,
        started_utc=entry.started_utc,
        word=entry.word,
        gap=f"{entry.word}: {entry.why}" if void else "",
        breaks=tuple(breaks(last, entry)) if last else (),
        scores=()
        if void
        else tuple(
            PastScore(
                name=score.name,
                arm=score.arm,
                restart_profile=score.restart_profile,
                points=score.points,
                why=score.why if score.word else "",
            )
            for score in document.scores
        ),
        classes=()
        if void
        else tuple(
            PastClass(
                fault=point.fault,
                service=point.subject,
                arm=point.arm,
                restart_profile=point.restart_profile,
                horizon_s=point.horizon_s,
                median=point.median,
            )
            for point in entry.classes
        ),
    )


def _last(readable: Sequence[_Read]) -> _Read:
    """The newest of which figures count; where none does, the newest."""
    return next((one for one in reversed(readable) if one.entry.word not in UNTRUSTED), readable[-1])


def _since(last: _Read, document: Document, folder: Path) -> Since | None:
    if last.document is None:
        return None
    found = compare(side_of_document(last.folder, last.document), side_of_document(folder, document))
    return Since(
        id=last.entry.id,
        started_utc=last.entry.started_utc,
        word=last.entry.word,
        changes=tuple(
            InputChange(what=one.what, before=one.a, now=one.b, blocks=one.blocks)
            for one in found.changes
            if one.what not in NO_CHANGE
        ),
        refused="; ".join(found.refused),
        pairing=found.pairing,
        classes=_classes(found),
    )


def _classes(found: Comparison) -> tuple[ClassSince, ...]:
    return tuple(
        ClassSince(
            fault=one.fault,
            service=one.subject,
            arm=one.arm,
            restart_profile=one.restart_profile,
            horizon_s=one.horizon_s,
            before=one.median_a,
            ratio=one.ratio,
        )
        for one in found.classes
        if not one.why
    )
