"""How many accepted units a system still owes: neither in its sink nor in its dead letters.

Comes in: the listings that the audit reads at the end, by cursor while the run goes on. Goes out: ``Owed``
events, one a look. A look that fails gives none: where nothing was seen, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from harness.experiment.model import Audit
from harness.history.events import Owed
from harness.observers.listing import Page, pages
from harness.observers.steps import Steps


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


class OwedLook:
    """Reads the listings on from where the last look ended."""

    def __init__(self, audit: Audit) -> None:
        self._account = Account()
        # What has ended is read last, so that a unit is never owed only because it was looked for too early.
        places = (
            (audit.accepted, self._account.accept),
            (audit.dead_letters, self._account.end),
            (audit.sink, self._account.end),
        )
        self._places = [(where, take) for where, take in places if where]
        self._cursors = {where: 0 for where, _ in self._places}

    def look(self) -> Steps:
        """Read all that is new; ``Unseen`` if that cannot be done."""
        for where, take in self._places:

            def taken(page: Page, where: str = where, take: Callable[[list[str]], None] = take) -> None:
                take([one.id for one in page.ids])
                self._cursors[where] = page.last

            yield from pages(where, self._cursors[where], taken)

    def owed(self, now_s: float) -> Owed:
        """What is owed after a look that has seen all."""
        return Owed(at_s=now_s, accepted=self._account.accepted, owed=self._account.owed)


def can_be_seen(audit: Audit, services: Container[str]) -> bool:
    """Whether what is owed can be seen: acceptance and sink are listed by services that run here."""
    named = [where for where in (audit.accepted, audit.sink, audit.dead_letters) if where]
    return bool(audit.accepted and audit.sink) and all(one.partition(":")[0] in services for one in named)
