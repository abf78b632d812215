"""Reads the system's own listings of ids for the audit; what cannot be read is an error."""

from __future__ import annotations

from collections.abc import Callable

from harness.driver.stream_ledger import Accepted, Decided, Held, read_stream
from harness.errors import Untrustworthy
from harness.experiment.model import Audit
from harness.history.observations import answer_digest
from harness.observers.fetch import Reply, Unseen
from harness.observers.listing import Listed, Page, pages
from harness.observers.steps import walk
from harness.run.audit import Listings

Ask = Callable[[str, str], Reply]
"""Ask a service for a route; ``Unseen`` where there is no answer."""


class ListingsReader:
    """Reads what a system lists, again and again: of acceptances and sink only what is new, as they grow.

    Dead letters are read anew: one that is replayed leaves them. So is a listing that has become another.
    """

    def __init__(self, audit: Audit, ask: Ask) -> None:
        self._audit, self._ask = audit, ask
        self._accepted, self._sink = _Grown(audit.accepted), _Grown(audit.sink)
        self._last: Listings | None = None

    def look(self) -> Listings:
        """Read each listing once; gives the very value of the look before where nothing has changed.

        Raises Untrustworthy where one cannot be read.
        """
        grown = [one.read(self._ask) for one in (self._sink, self._accepted)]
        dead = tuple(one.id for one in _read(self._audit.dead_letters, 0, self._ask))
        last = self._last
        if last is None or any(grown) or dead != last.dead_letters:
            last = self._last = Listings(
                accepted=tuple(self._accepted.ids),
                sink=tuple(zip(self._sink.ids, self._sink.digests, strict=True)),
                dead_letters=dead,
                lists_dead_letters=bool(self._audit.dead_letters),
            )
        return last


class LedgerReader:
    """Reads what a stream took and decided from the witness's own ledger, which holds every record of it."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._data = b""
        self._last = Listings((), (), (), lists_dead_letters=False)

    def look(self) -> Listings:
        """Read it; gives the very value of the look before where nothing has changed."""
        data = self._read()
        if data != self._data:
            lines = read_stream(data)
            self._data = data
            self._last = Listings(
                accepted=tuple(line.id for line in lines if isinstance(line, Accepted)),
                # Without a digest it is no decision, whatever it names.
                sink=tuple((one.id, one.digest) for one in lines if isinstance(one, Decided) and one.digest),
                dead_letters=(),
                lists_dead_letters=False,
                held=next((line.count for line in reversed(lines) if isinstance(line, Held)), 0),
            )
        return self._last


class _Grown:
    """One listing (``service:/route``; "" lists nothing), read so far."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._last: Listed | None = None
        self.ids: list[str] = []
        self.digests: list[int] = []

    def read(self, ask: Ask) -> bool:
        """Read what is new; False if nothing is."""
        last = self._last
        # From the last known entry on: where another one stands there, it is another listing than before.
        new = _read(self._where, 0 if last is None else last.seq - 1, ask)
        if last is not None and (not new or new[0].id != last.id):
            self._last, self.ids, self.digests = None, [], []
            self.read(ask)
            return True
        added = new if last is None else new[1:]
        self.ids += [one.id for one in added]
        self.digests += [answer_digest(one.decision, one.score or 0.0) for one in added]
        self._last = added[-1] if added else last
        return bool(added)


def _read(where: str, after: int, ask: Ask) -> list[Listed]:
    if not where:
        return []
    found: list[Page] = []
    try:
        walk(pages(where, after, found.append), ask)
    except Unseen as error:
        raise Untrustworthy(f"audit: {where} cannot be read: {error}") from error
    return [one for page in found for one in page.ids]
