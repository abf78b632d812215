"""What a workload of archetype ``stream`` says, checked: its subjects, and what does not go together.

Comes in: a decoded ``System``. Goes out: findings.
"""

from __future__ import annotations

import re

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path
from harness.experiment.model import System, Workload
from harness.experiment.pointers import pointer_problem
from harness.experiment.subjects import Subjects

_HERE: Path = ("workload",)
_SUBJECT = re.compile(r"[^\s.*>$][^\s.*>]*(\.[^\s.*>]+)*")
_HEADER = re.compile(r"[A-Za-z0-9_-]+")


def check_stream(system: System, findings: Findings) -> None:
    """Note what is wrong with the subjects, and what a stream has no use for (HRM306)."""
    if system.workload.subjects is not None:
        _check_subjects(system.workload.subjects, findings)
    _check_useless(system, findings)


def _check_subjects(subjects: Subjects, findings: Findings) -> None:
    here: Path = (*_HERE, "subjects")
    for key in ("records", "decisions"):
        subject = getattr(subjects, key)
        if not _SUBJECT.fullmatch(subject):
            message = f"{quoted(subject)} is no subject that a message can be sent to"
            why = "words joined by dots, without spaces, * and >; what begins with $ is the server's own"
            findings.add("HRM204", message, (*here, key), why=why, help="write e.g. payments.records")
    if subjects.records == subjects.decisions:
        why = "decisions would be read as records"
        message = "records and decisions have one subject"
        findings.add("HRM204", message, (*here, "decisions"), why=why, help="name another subject")
    for key in ("id", "decided_id"):
        place: str = getattr(subjects, key)
        if key == "decided_id" and not place:
            continue
        why = pointer_problem(place) if place.startswith("/") else ""
        if why or not (place.startswith("/") or _HEADER.fullmatch(place)):
            message = f"{quoted(place)} is no place for an id"
            wanted = "write a JSON Pointer as /id, or a header as Nats-Msg-Id"
            findings.add("HRM204", message, (*here, key), why=why or "a header is one word", help=wanted)


def _check_useless(system: System, findings: Findings) -> None:
    workload, audit = system.workload, system.audit
    counted = "accepted records and their decisions are counted on the subjects"
    useless = {
        (*_HERE, "body"): (workload.body != Workload(service="any").body, "a record is a message"),
        (*_HERE, "dead_letter"): (bool(workload.pointer("dead_letter")), counted),
        ("audit",): (any((audit.accepted, audit.sink, audit.dead_letters)), counted),
        ("simulation",): (system.simulation is not None, "a NATS server runs on no virtual clock"),
    }
    for path, (stands, why) in useless.items():
        if stands:
            _useless(path[-1], path, why, findings)


def _useless(key: str | int, path: Path, why: str, findings: Findings) -> None:
    named = quoted(key)
    findings.add("HRM306", f"{named} has no use here", path, key=True, why=why, help=f"remove {named}")
