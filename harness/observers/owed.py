"""How many accepted units a system still owes: neither in its sink nor in its dead letters.

Comes in: the listings that the audit reads at the end, by cursor while the run goes on. Goes out: ``Owed``
events, one a look. A look that fails gives none: where nothing was seen, nothing is said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from harness.experiment.model import Audit
from harness.history.events import Owed
from harness.observers.fetch import Unseen
from harness.observers.listing import pages
from harness.shell import monotonic_s

LOOK_WITHIN_S = 1.0


class Account:
    """What is owed, by id; ends may be heard of before the acceptance.

    >>> account = Account()
    >>> account.end(["b"]); account.accept(["a", "b"]); account.owed, account.accepted
    (1, 2)
    """

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._ended: set[str] = set()
        self.accepted = 0

    @property
    def owed(self) -> int:
        """Accepted units that have not ended."""
        return len(self._open)

    def accept(self, ids: list[str]) -> None:
        """Take accepted ids in, each once."""
        self.accepted += len(ids)
        self._open.update(one for one in ids if one not in self._ended)

    def end(self, ids: list[str]) -> None:
        """Take delivered ids or dead letters in; an id may end more than once."""
        self._ended.update(ids)
        self._open.difference_update(ids)


class OwedWatch:
    """Reads the listings every ``every_s`` seconds, in one thread, until it is over, and once more."""

    def __init__(
        self, audit: Audit, urls: Mapping[str, str], put: Callable[[Owed], None], *, every_s: float
    ) -> None:
        self._account = Account()
        # What has ended is read last, so that a unit is never owed only because it was looked for too early.
        places = (
            (audit.accepted, self._account.accept),
            (audit.dead_letters, self._account.end),
            (audit.sink, self._account.end),
        )
        self._places = [(where, take) for where, take in places if where]
        self._cursors = {where: 0 for where, _ in self._places}
        self._urls, self._put, self._every_s = urls, put, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="owed", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self, within_s: float) -> None:
        """Look once more, for ``within_s`` seconds at most."""
        self._over.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._over.is_set()
            try:
                self._look()
            except Unseen:
                pass  # no event: nothing was seen
            else:
                seen = Owed(at_s=monotonic_s(), accepted=self._account.accepted, owed=self._account.owed)
                self._put(seen)
            self._over.wait(self._every_s)

    def _look(self) -> None:
        for where, take in self._places:
            for page in pages(where, self._urls, after=self._cursors[where], within_s=LOOK_WITHIN_S):
                take([one.id for one in page.ids])
                self._cursors[where] = page.last


def can_be_seen(audit: Audit, urls: Mapping[str, str]) -> bool:
    """Whether what is owed can be seen: acceptance and sink are listed by services that run here."""
    named = [where for where in (audit.accepted, audit.sink, audit.dead_letters) if where]
    return bool(audit.accepted and audit.sink) and all(one.partition(":")[0] in urls for one in named)
