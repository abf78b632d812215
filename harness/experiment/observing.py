"""What ``observe:`` of a system file says of places outside of its services, checked; nothing is looked at.

Comes in: a decoded ``System``. Goes out: findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from harness.experiment.activities import check_service
from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path
from harness.experiment.model import System
from harness.experiment.places import (
    WORDS,
    FilePlace,
    GitPlace,
    MlflowPlace,
    Observe,
    Place,
    SqlitePlace,
    root_of,
)

_WORD = re.compile(r"\{[^/{}]*\}")
_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_REF = re.compile(r"HEAD|refs/(?!.*\.\.)[^\s~^:?*\[\\]+(?<!/)")
_NEAR = ("127.0.0.1", "localhost", "::1")
Named = tuple[Place, Path]


def check_observe(system: System, findings: Findings) -> None:
    """Note places that cannot be looked at, stand twice, or are of an unknown service."""
    observe = system.observe
    known: set[str] = set()
    for place, path in _places(observe):
        if place.of:
            check_service(place.of, (*path, "of"), system.services, findings, code="HRM302")
        if place.address in known:
            message = f"{quoted(place.address)} stands twice"
            findings.add(
                "HRM224", message, path, why="its changes would be counted double", help="remove one"
            )
        known.add(place.address)
        _check_place(place, path, findings)
    _check_path(observe.journal_file, ("observe", "journal_file"), findings)
    _check_url(observe.journal_url, ("observe", "journal_url"), findings)
    named = [key for key in ("journal", "journal_file", "journal_url") if getattr(observe, key)]
    for key in named[1:]:
        findings.add(
            "HRM204",
            f"{quoted(named[0])} and {quoted(key)} both name a journal",
            ("observe", key),
            why="a system has one; which words came from where could not be told",
            help="remove one",
        )


def _places(observe: Observe) -> Iterator[Named]:
    for key in ("sqlite", "files", "git", "mlflow"):
        named: tuple[Place, ...] = getattr(observe, key)
        yield from ((place, ("observe", key, n)) for n, place in enumerate(named))


def _check_place(place: Place, path: Path, findings: Findings) -> None:
    match place:
        case SqlitePlace():
            _check_path(place.file, (*path, "file"), findings)
            _check_query(place.query, (*path, "query"), findings)
        case FilePlace():
            _check_path(place.path, (*path, "path"), findings)
        case GitPlace():
            _check_path(place.repository, (*path, "repository"), findings)
            if not _REF.fullmatch(place.ref):
                findings.add(
                    "HRM204",
                    f"{quoted(place.ref)} is no full name of a ref",
                    (*path, "ref"),
                    help="write HEAD, or e.g. refs/heads/main",
                )
        case MlflowPlace():
            _check_url(place.url, (*path, "url"), findings)


def _check_query(query: str, path: Path, findings: Findings) -> None:
    """Note what does not only read; the file is opened read-only besides."""
    if not _READS.match(query) or ";" in query.rstrip().removesuffix(";"):
        findings.add(
            "HRM204",
            f"{quoted(query)} is no single query",
            path,
            why="an observer looks and changes nothing",
            help="write one SELECT that gives one value",
        )


def _check_path(text: str, path: Path, findings: Findings) -> None:
    """Note a word that is filled in nowhere, or not at the start of a path."""
    _, rest = root_of(text)
    if stray := _WORD.search(rest):
        findings.add(
            "HRM204",
            f"{quoted(stray[0])} is not filled in here",
            path,
            why=f"a path may begin with {', '.join(WORDS)}; else it counts from the system file's folder",
            help="write e.g. {state}/registry/champion, or registry/champion",
        )


def _check_url(text: str, path: Path, findings: Findings) -> None:
    """Note what is no address of this machine: nothing else is asked by what a file says."""
    if text and not _is_near(text):
        findings.add(
            "HRM204",
            f"{quoted(text)} is no address of this machine",
            path,
            why="only loopback is looked at",
            help="write e.g. http://127.0.0.1:5000",
        )


def _is_near(text: str) -> bool:
    try:
        parts = urlsplit(text)
        near = parts.scheme == "http" and parts.hostname in _NEAR and bool(parts.port)
    except ValueError:
        return False
    more = parts.query or parts.fragment or parts.username or any(one.isspace() for one in text)
    return near and not more
