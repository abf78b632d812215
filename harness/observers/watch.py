"""Looks at the observed routes again and again, one thread a route, so that a hung service blocks nobody.

Comes in: ``System.observe`` and addresses. Goes out: ``drain`` and ``journal`` give what was seen since the
last call. Where looks failed, one ``Blind`` event goes from the last that succeeded to the next. After the
end ``Looked`` counts the looks at each place that can show an act. Where the system lists what it accepted
and what has ended, ``Owed`` counts what has not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Protocol, Self

from harness.experiment.model import Audit
from harness.history.events import Acted, Blind, Looked, Owed
from harness.observers.fetch import Unseen, fetch
from harness.observers.owed import OwedWatch, can_be_seen
from harness.observers.reading import ActsReader, AliasReader, Item, JournalLine, JournalReader, Lost, Reader
from harness.shell import monotonic_s

EVERY_S = 0.25
LOOK_WITHIN_S = 1.0
END_WITHIN_S = 3.0
PAGES_MAX = 100  # a listing that never ends is read on at the next look
NOT_HERE = "status 404"
"""Where all looks end so, the route is not there in this arm: no blindness, and no look that saw anything."""
Seen = Acted | Blind | Looked | Owed


class Observed(Protocol):
    """Routes as ``service:/route`` (``harness.experiment.model.Observe``)."""

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


class Observers:
    """All observers of one run; a context manager. ``urls`` are the services' own addresses by name.

    ``audit``: where ids are listed, for what is owed. A route of a service that does not run in this arm is
    not looked at. Leaving ends the looks: after it ``drain`` and ``journal`` give the rest, what is still
    unseen as ``Blind``, and each place's ``Looked``.
    """

    def __init__(
        self,
        observed: Observed,
        urls: Mapping[str, str],
        audit: Audit | None = None,
        *,
        every_s: float = EVERY_S,
    ) -> None:
        readers: dict[str, Reader] = {}
        for place in observed.acts:
            readers[place] = ActsReader(place, place.partition(":")[0])
        for place in observed.aliases:
            readers[place] = AliasReader(place, place.partition(":")[0])
        if observed.journal:
            readers[observed.journal] = JournalReader()
        self._inbox = _Inbox()
        self._declared = {place: place in observed.acts for place in (*observed.acts, *observed.aliases)}
        self._watches = [
            _Watch(place, urls[service], reader, inbox=self._inbox, every_s=every_s)
            for place, reader in readers.items()
            if (service := place.partition(":")[0]) in urls
        ]
        self._owed = None
        if audit is not None and can_be_seen(audit, urls):
            self._owed = OwedWatch(audit, urls, lambda one: self._inbox.put([one]), every_s=every_s)

    def __enter__(self) -> Self:
        for watch in self._watches:
            watch.start()
        if self._owed is not None:
            self._owed.start()
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self._watches:
            watch.over.set()
        for watch in self._watches:
            watch.end()
        if self._owed is not None:
            self._owed.end(END_WITHIN_S)
        counts = {watch.place: (watch.looks, watch.failures) for watch in self._watches}
        for place, listed in self._declared.items():
            looks, failures = counts.get(place, (0, 0))
            self._inbox.put([Looked(observer=place, looks=looks, failures=failures, listed=listed)])

    def drain(self) -> list[Seen]:
        """Give acts and gaps since the last call. A gap is given once it has ended."""
        return self._inbox.take_events()

    def journal(self) -> list[JournalLine]:
        """Give the healer's own words since the last call."""
        return self._inbox.take_lines()


class _Inbox:
    """What the threads have seen and nobody has taken yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Seen] = []
        self._lines: list[JournalLine] = []

    def put(self, items: Iterable[Seen | JournalLine]) -> None:
        with self._lock:
            for item in items:
                if isinstance(item, JournalLine):
                    self._lines.append(item)
                else:
                    self._events.append(item)

    def take_events(self) -> list[Seen]:
        with self._lock:
            events, self._events = self._events, []
        return events

    def take_lines(self) -> list[JournalLine]:
        with self._lock:
            lines, self._lines = self._lines, []
        return lines


class _Watch:
    """One route, looked at by one thread until it is over, and once more then."""

    def __init__(self, place: str, url: str, reader: Reader, *, inbox: _Inbox, every_s: float) -> None:
        self.over = threading.Event()
        self.place, self.looks, self.failures = place, 0, 0
        self._url, self._route = url, place.partition(":")[2]
        self._reader, self._inbox, self._every_s = reader, inbox, every_s
        self._seen_s, self._why, self._lost = monotonic_s(), "", False
        self._is_here = False  # until any look ends otherwise than NOT_HERE
        self._thread = threading.Thread(target=self._run, name=place, daemon=True)

    def start(self) -> None:
        self._seen_s = monotonic_s()
        self._thread.start()

    def end(self) -> None:
        """Wait for the last look, but never longer than a look may hang; tell what stayed unseen."""
        self._thread.join(END_WITHIN_S)
        if self._thread.is_alive():
            self._failed("the last look hangs")
        if self._is_here:
            self._tell_gap(monotonic_s())

    def _run(self) -> None:
        last = False
        while not last:
            last = self.over.is_set()
            began_s = monotonic_s()
            try:
                self._look()
            except Unseen as unseen:
                self._failed(str(unseen))
            except Exception as error:  # noqa: BLE001 (whatever a look ends in, it saw nothing, and is told)
                self._failed(f"{type(error).__name__}: {error}")
            else:
                self.looks, self._is_here = self.looks + 1, True
                self._tell_gap(began_s)
                self._seen_s = began_s
            self.over.wait(self._every_s)

    def _failed(self, why: str) -> None:
        self.failures += 1
        self._is_here = self._is_here or why != NOT_HERE
        self._why = self._why or why

    def _look(self) -> None:
        """Read until there is nothing more; ``Unseen`` if that cannot be done."""
        for _ in range(PAGES_MAX):
            reply = fetch(self._url, self._route + self._reader.query(), LOOK_WITHIN_S)
            items, more = self._reader.read(reply)
            self._take(items)
            if not more:
                return

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
