"""Looks at what is observed again and again, one thread a place, so that a hung one blocks nobody.

Comes in: ``System.observe`` and addresses. Goes out: ``drain`` and ``journal`` give what was seen since the
last call; where the system lists what it accepted and what has ended, ``Owed`` counts what has not.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Self

from harness.experiment.model import Audit
from harness.experiment.places import Observe
from harness.observers.fetch import Reply, Unseen, fetch
from harness.observers.looking import (
    EVERY_S,
    LOOK_WITHIN_S,
    Inbox,
    Looking,
    Seen,
    looked,
    lookings,
)
from harness.observers.outside import Roots, outside
from harness.observers.owed import OwedLook, can_be_seen
from harness.observers.reading import JournalLine
from harness.observers.steps import walk
from harness.shell import monotonic_s

END_WITHIN_S = 3.0


class Observers:
    """All observers of one run; a context manager. ``urls`` are the services' own addresses by name.

    ``audit``: where ids are listed, for what is owed. ``roots``: where the paths of places outside of the
    services begin; without it they are not looked at, and counted so. Nor is a route of a service that does
    not run in this arm. Leaving ends the looks: after it ``drain`` and ``journal`` give the rest, what is
    still unseen as ``Blind``, and each place's ``Looked``.
    """

    def __init__(
        self,
        observed: Observe,
        urls: Mapping[str, str],
        audit: Audit | None = None,
        *,
        roots: Roots | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._inbox, self._observed = Inbox(), observed
        made = lookings(observed, urls, self._inbox, monotonic_s())
        if roots is not None:
            made += outside(observed, roots, self._inbox, monotonic_s())
        self._watches = [_Watch(one, urls, every_s) for one in made]
        self._owed = None
        if audit is not None and can_be_seen(audit, urls):
            self._owed = _OwedWatch(OwedLook(audit), urls, self._inbox, every_s)

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
            self._owed.end()
        self._inbox.put(looked(self._observed, [watch.looking for watch in self._watches]))

    def drain(self) -> list[Seen]:
        """Give acts and gaps since the last call. A gap is given once it has ended."""
        return self._inbox.take_events()

    def journal(self) -> list[JournalLine]:
        """Give the healer's own words since the last call."""
        return self._inbox.take_lines()


class _Watch:
    """One place, looked at by one thread until it is over, and once more then."""

    def __init__(self, looking: Looking, urls: Mapping[str, str], every_s: float) -> None:
        self.over = threading.Event()
        self.looking = looking
        self._urls, self._every_s = urls, every_s
        self._thread = threading.Thread(target=self._run, name=looking.place, daemon=True)

    def start(self) -> None:
        self.looking.began(monotonic_s())
        self._thread.start()

    def end(self) -> None:
        """Wait for the last look, but never longer than a look may hang; tell what stayed unseen."""
        self._thread.join(END_WITHIN_S)
        if self._thread.is_alive():
            self.looking.failed("the last look hangs")
        self.looking.ended(monotonic_s())

    def _run(self) -> None:
        last = False
        while not last:
            last = self.over.is_set()
            began_s = monotonic_s()
            try:
                walk(self.looking.look(), self._ask)
            except Unseen as unseen:
                self.looking.failed(str(unseen))
            except Exception as error:  # noqa: BLE001 (whatever a look ends in, it saw nothing, and is told)
                self.looking.failed(f"{type(error).__name__}: {error}")
            else:
                self.looking.succeeded(began_s)
            self.over.wait(self._every_s)

    def _ask(self, service: str, route: str) -> Reply:
        return fetch(self._urls[service], route, LOOK_WITHIN_S)


class _OwedWatch:
    """What is owed, looked at by one thread until it is over, and once more then."""

    def __init__(self, look: OwedLook, urls: Mapping[str, str], inbox: Inbox, every_s: float) -> None:
        self._look, self._urls, self._inbox, self._every_s = look, urls, inbox, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="owed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Look once more."""
        self._over.set()
        self._thread.join(END_WITHIN_S)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._over.is_set()
            try:
                walk(self._look.look(), self._ask)
            except Unseen:
                pass  # no event: nothing was seen
            else:
                self._inbox.put([self._look.owed(monotonic_s())])
            self._over.wait(self._every_s)

    def _ask(self, service: str, route: str) -> Reply:
        return fetch(self._urls[service], route, LOOK_WITHIN_S)
