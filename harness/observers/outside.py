"""Places outside of the services, each looked at by itself: what changes there is an act, whoever made it.

Comes in: ``System.observe``, and where on this machine its paths begin. Goes out: one ``Looking`` a place. A
place where nothing ever stood was not seen: a run of which that holds cannot say that nobody acted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.experiment.places import FilePlace, GitPlace, MlflowPlace, Observe, Place, SqlitePlace, root_of
from harness.history.events import Acted
from harness.observers.kinds.files import FileState
from harness.observers.kinds.git import GitRef
from harness.observers.kinds.journal import JournalFile, JournalPage
from harness.observers.kinds.mlflow import MlflowAlias
from harness.observers.kinds.sqlite import SqliteValue
from harness.observers.looking import LOOK_WITHIN_S, Inbox, Looking
from harness.observers.reading import TEXT_MAX, JournalLine
from harness.observers.steps import Steps
from harness.shell import monotonic_s

NOTHING = "nothing"
NEVER_THERE = "nothing ever stood there"
CHANGED, ALIAS_CHANGED = "changed", "alias_changed"


class Source(Protocol):
    """One place that can be looked at."""

    def look(self) -> str | None:
        """What stands there now, None for nothing; ``Unseen`` if that cannot be seen."""
        ...


class Words(Protocol):
    """One journal that can be read on."""

    def look(self) -> list[bytes] | None:
        """Lines not given before, None where there is no journal; ``Unseen`` if it cannot be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where a system's paths begin on this machine, and the service whose acts are nobody else's."""

    service: str
    system: Path
    state: Path
    template: Path

    def of(self, text: str, service: str) -> tuple[Path, str]:
        """The folder that a path counts from, and the rest of it."""
        if text.startswith("/"):
            return Path("/"), text.lstrip("/")
        word, rest = root_of(text)
        folders: Mapping[str, Path] = {
            "": self.system,
            "{system}": self.system,
            "{template}": self.template,
            "{state}": self.state / (service or self.service),
        }
        return folders[word], rest

    def path(self, text: str, service: str) -> Path:
        """One whole path."""
        folder, rest = self.of(text, service)
        return folder / rest


def source_of(place: Place, roots: Roots) -> Source:
    """What looks at ``place``."""
    match place:
        case SqlitePlace():
            return SqliteValue(roots.path(place.file, place.of), place.query, LOOK_WITHIN_S)
        case FilePlace():
            return FileState(*roots.of(place.path, place.of), place.by)
        case GitPlace():
            return GitRef(roots.path(place.repository, place.of), place.ref)
        case MlflowPlace():
            return MlflowAlias(place.url, place.model, place.alias, LOOK_WITHIN_S)


class _Outside(Looking):
    """Looks without asking a service. Until something stood there, no look has seen anything."""

    def __init__(self, address: str, inbox: Inbox, now_s: float) -> None:
        super().__init__(address, inbox, now_s, is_here=True)
        self._since_s, self._stood = now_s, False

    def began(self, now_s: float) -> None:
        self._since_s = now_s
        super().began(now_s)

    def ended(self, now_s: float) -> None:
        if not self._stood:
            self.looks, self.failures = 0, self.failures + self.looks
            self._seen_s = self._since_s
            self._why = self._why or NEVER_THERE
        super().ended(now_s)


class ChangesLooking(_Outside):
    """One place: what stands there otherwise than at the look before is an act, seen when we looked."""

    def __init__(self, place: Place, source: Source, inbox: Inbox, *, service: str, now_s: float) -> None:
        super().__init__(place.address, inbox, now_s)
        self._source, self._of = source, place.of or service
        self._act = ALIAS_CHANGED if isinstance(place, MlflowPlace) else CHANGED
        self._before: str | None = None
        self._begun = False

    def look(self) -> Steps:
        """Look once."""
        now = self._source.look()
        begun, before = self._begun, self._before
        self._begun, self._before = True, now
        self._stood = self._stood or now is not None
        if begun and now != before:
            seen_s = monotonic_s()
            act = Acted(
                at_s=seen_s,
                received_s=seen_s,
                observer=self.place,
                service=self._of,
                act=self._act,
                detail=f"{_told(before)} -> {_told(now)}"[:TEXT_MAX],
            )
            self._take([act])
        yield from ()


def _told(value: str | None) -> str:
    return NOTHING if value is None else value


class WordsLooking(_Outside):
    """One journal; a missing one is no blindness, because no figure hangs on it."""

    def __init__(self, address: str, words: Words, inbox: Inbox, now_s: float) -> None:
        super().__init__(address, inbox, now_s)
        self._words = words

    def look(self) -> Steps:
        """Read on."""
        lines = self._words.look()
        self._stood = self._stood or lines is not None
        self._take(JournalLine(received_s=monotonic_s(), line=line) for line in lines or ())
        yield from ()

    def _tell_gap(self, until_s: float) -> None:
        """Nothing."""


def outside(observe: Observe, roots: Roots, inbox: Inbox, now_s: float) -> list[Looking]:
    """One for each place, and for the journal where it is none of a service."""
    made: list[Looking] = [
        ChangesLooking(place, source_of(place, roots), inbox, service=roots.service, now_s=now_s)
        for place in observe.places
    ]
    if words := journal_of(observe, roots):
        made.append(WordsLooking(observe.outside[-1], words, inbox, now_s))
    return made


def journal_of(observe: Observe, roots: Roots) -> Words | None:
    """What reads the journal, where it is none of a service."""
    if observe.journal_url:
        return JournalPage(observe.journal_url, LOOK_WITHIN_S)
    return JournalFile(roots.path(observe.journal_file, "")) if observe.journal_file else None
