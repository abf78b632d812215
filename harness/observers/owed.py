"""How many accepted units a system still owes: neither in its sink nor in its dead letters.

Comes in: the listings that the audit reads at the end, by cursor while the run goes on. Goes out: ``Owed``
events, one a look. A look that fails gives none: where nothing was seen, nothing is said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from harness.history.events import Owed
from harness.observers.fetch import Unseen, fetch
from harness.shell import monotonic_s

PAGE = 5000
LOOK_WITHIN_S = 1.0


class Listed(Protocol):
    """Routes that list ids as ``service:/route`` (``harness.experiment.model.Audit``); "" for none."""

    @property
    def accepted(self) -> str:
        """Ids that were accepted."""
        ...

    @property
    def sink(self) -> str:
        """Ids that were delivered."""
        ...

    @property
    def dead_letters(self) -> str:
        """Ids that were put aside."""
        ...


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Page(msgspec.Struct, frozen=True):
    ids: tuple[_Id, ...]
    last: int
    end: bool


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
        self, listed: Listed, urls: Mapping[str, str], put: Callable[[Owed], None], *, every_s: float
    ) -> None:
        # What has ended is read last, so that a unit is never owed only because it was looked for too early.
        places = {
            "accepted": listed.accepted,
            "dead_letters": listed.dead_letters,
            "sink": listed.sink,
        }
        self._places = {name: where.partition(":") for name, where in places.items() if where}
        self._cursors = dict.fromkeys(self._places, 0)
        self._urls, self._put, self._every_s = urls, put, every_s
        self._account = Account()
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
                for name in self._places:
                    self._read(name)
            except Unseen:
                pass  # no event: nothing was seen
            else:
                self._put(Owed(at_s=monotonic_s(), accepted=self._account.accepted, owed=self._account.owed))
            self._over.wait(self._every_s)

    def _read(self, name: str) -> None:
        service, _, route = self._places[name]
        end = False
        while not end:
            after = self._cursors[name]
            reply = fetch(self._urls[service], f"{route}?after={after}&limit={PAGE}", LOOK_WITHIN_S)
            page = _decoded(reply.status, reply.body)
            ids = [one.id for one in page.ids]
            if name == "accepted":
                self._account.accept(ids)
            else:
                self._account.end(ids)
            end = page.end or page.last <= after
            self._cursors[name] = max(after, page.last)


def _decoded(status: int, body: bytes) -> _Page:
    if status != 200:
        raise Unseen(f"status {status}")
    try:
        return msgspec.json.decode(body, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unseen(f"no listing: {error}") from error


def can_be_seen(listed: Listed, urls: Mapping[str, str]) -> bool:
    """Whether what is owed can be seen: acceptance and sink are listed by services that run here."""
    named = [where for where in (listed.accepted, listed.sink, listed.dead_letters) if where]
    return bool(listed.accepted and listed.sink) and all(one.partition(":")[0] in urls for one in named)
