"""The healer's own words as transitions and events: its journal, each line by kind and coarse target.

Comes in: lines of the journal as an observer got them. Goes out: "started model", and the event that a fault
may wait for. Targets are coarse because a trigger that names one service is hardly ever met again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from harness.history.journal import read_journal
from harness.observers.reading import JournalLine
from harness.run.evidence import words_of
from harness.search.schedule import Event

SERVICE = "service"
_STARTED: Mapping[str, Event] = {SERVICE: "restart", "model": "rollback", "training": "retrain"}
_PLAIN: Mapping[str, Event] = {event: event for event in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Word:
    """One line: ``at_s`` when it was had (the kernel's clock), its kind, its target as said and coarse."""

    at_s: float
    kind: str
    target: str
    coarse: str

    @property
    def transition(self) -> str:
        """Kind and coarse target: "started service"."""
        return f"{self.kind} {self.coarse}"

    @property
    def event(self) -> Event | None:
        """The event that a fault may wait for; None where it is none."""
        return _STARTED.get(self.coarse, "repair") if self.kind == "started" else _PLAIN.get(self.kind)


def words(lines: Sequence[JournalLine], services: Collection[str]) -> list[Word]:
    """Read lines of the journal; those that are not understood are left out."""
    return [
        Word(said.received_s, said.kind, said.target, coarse(said.target, services))
        for said in read_journal(b"".join(map(words_of, lines)))
    ]


def coarse(target: str, services: Collection[str]) -> str:
    """Name a target coarsely: any service is one, "records.amount" is "records".

    >>> coarse("gateway", {"gateway"}), coarse("records.amount", {"gateway"}), coarse("model", ())
    ('service', 'records', 'model')
    """
    return SERVICE if target in services else target.partition(".")[0] or "all"
