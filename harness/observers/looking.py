"""What looks at the places of one run have given, whoever looks: acts, journal lines, gaps, what is owed.

Comes in: ``System.observe``, replies as steps ask for them, instants. Goes out: an ``Inbox`` of what was
seen. Where looks failed, one ``Blind`` event goes from the last that succeeded to the next. After the end
``Looked`` counts the looks at each place that can show an act.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterable, Mapping
from typing import Protocol

from harness.history.events import Acted, Blind, Looked, Owed
from harness.observers.reading import ActsReader, AliasReader, Item, JournalLine, JournalReader, Lost, Reader
from harness.observers.steps import Steps

EVERY_S = 0.25
LOOK_WITHIN_S = 1.0
PAGES_MAX = 100  # a listing that never ends is read on at the next look
VERSION_AT = "#"
"""Between a route and the JSON Pointer of a version in what it answers."""
NOT_HERE = "status 404"
"""Where all looks end so, the route is not there in this arm: no blindness, and no look that saw anything."""
Seen = Acted | Blind | Looked | Owed


class Observed(Protocol):
    """Routes as ``service:/route``, and places (``harness.experiment.model.Observe``)."""

    @property
    def acts(self) -> tuple[str, ...]:
        """Routes that list acts by cursor."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Routes whose ``version`` is looked at."""
        ...

    @property
    def journal(self) -> str:
        """Where the healer keeps its journal; "" for none."""
        ...

    @property
    def outside(self) -> tuple[str, ...]:
        """Addresses of what is looked at outside of the services."""
        ...


class Inbox:
    """What was seen and nobody has taken yet; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Seen] = []
        self._lines: list[JournalLine] = []

    def put(self, items: Iterable[Seen | JournalLine]) -> None:
        """Take in."""
        with self._lock:
            for item in items:
                if isinstance(item, JournalLine):
                    self._lines.append(item)
                else:
                    self._events.append(item)

    def take_events(self) -> list[Seen]:
        """Give the events since the last call."""
        with self._lock:
            events, self._events = self._events, []
        return events

    def take_lines(self) -> list[JournalLine]:
        """Give the journal's lines since the last call."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines


class Looking(abc.ABC):
    """One place that is looked at since ``now_s``: how often, and whether it was seen.

    ``is_here`` False: a place that no look has met may be one that this arm does not have.
    """

    def __init__(self, place: str, inbox: Inbox, now_s: float, *, is_here: bool) -> None:
        self.place, self.looks, self.failures = place, 0, 0
        self._inbox, self._is_here = inbox, is_here
        self._seen_s, self._why, self._lost = now_s, "", False

    @abc.abstractmethod
    def look(self) -> Steps:
        """Look once, at all that there is; ``Unseen`` if that cannot be done."""

    def began(self, now_s: float) -> None:
        """Looks begin now."""
        self._seen_s = now_s

    def succeeded(self, began_s: float) -> None:
        """A look that began then has seen all that there was."""
        self.looks, self._is_here = self.looks + 1, True
        self._tell_gap(began_s)
        self._seen_s = began_s

    def failed(self, why: str) -> None:
        """A look saw nothing."""
        self.failures += 1
        self._is_here = self._is_here or why != NOT_HERE
        self._why = self._why or why

    def ended(self, now_s: float) -> None:
        """No look comes any more: tell what stayed unseen."""
        if self._is_here:
            self._tell_gap(now_s)

    def _take(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Lost):
                self._why, self._lost = self._why or item.why, True
            else:
                self._inbox.put([item])

    def _tell_gap(self, until_s: float) -> None:
        (why, lost), (self._why, self._lost) = (self._why, self._lost), ("", False)
        if why:
            gap = Blind(observer=self.place, since_s=self._seen_s, until_s=until_s, why=why, lost=lost)
            self._inbox.put([gap])


class RouteLooking(Looking):
    """One route of a service, ``service:/route``."""

    def __init__(self, place: str, reader: Reader, inbox: Inbox, now_s: float) -> None:
        super().__init__(place, inbox, now_s, is_here=False)  # until any look ends otherwise than NOT_HERE
        self._service, _, route = place.partition(":")
        self._route, self._reader = route.partition(VERSION_AT)[0], reader

    def look(self) -> Steps:
        """Read until there is nothing more."""
        for _ in range(PAGES_MAX):
            reply = yield self._service, self._route + self._reader.query()
            items, more = self._reader.read(reply)
            self._take(items)
            if not more:
                return


def lookings(observed: Observed, services: Iterable[str], inbox: Inbox, now_s: float) -> list[Looking]:
    """One for each place; a route of a service that does not run in this arm is not looked at."""
    readers: dict[str, Reader] = {}
    for place in observed.acts:
        readers[place] = ActsReader(place, place.partition(":")[0])
    for place in observed.aliases:
        _, found, pointer = place.partition(VERSION_AT)
        readers[place] = AliasReader(place, place.partition(":")[0], pointer if found else None)
    if observed.journal:
        readers[observed.journal] = JournalReader()
    running = set(services)
    return [
        RouteLooking(place, reader, inbox, now_s)
        for place, reader in readers.items()
        if place.partition(":")[0] in running
    ]


def looked(observed: Observed, made: Iterable[Looking]) -> list[Looked]:
    """Count the looks at each place that can show an act, and at a journal outside of the services."""
    counts: Mapping[str, tuple[int, int]] = {one.place: (one.looks, one.failures) for one in made}
    return [
        Looked(observer=place, looks=looks, failures=failures, listed=place in observed.acts)
        for place in dict.fromkeys((*observed.acts, *observed.aliases, *observed.outside))
        for looks, failures in (counts.get(place, (0, 0)),)
    ]
