"""What the answers of observed routes say, as events. Pure.

Comes in: replies of one route, one after the other. Goes out: ``Acted`` events and journal lines, each once.
A service that starts again may number from 1 again, or go on: its list is read anew, the known is skipped.
What it did since the last look and before its end nobody has seen: ``Lost`` says so, and where numbers fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from harness.experiment.pointers import parse_pointer, read_pointer
from harness.history.events import Acted
from harness.observers.fetch import Reply, Unseen

PAGE = 500
TEXT_MAX = 500


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the healer's journal as it came (JSON on one line); when we had it (monotonic seconds)."""

    received_s: float
    line: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """Acts since the last look may be gone from the list, and why."""

    why: str


Item = Acted | JournalLine | Lost


class _ActRow(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    act: str
    at_s: float | None = None
    detail: str = ""
    effect: bool = True


class _ActPage(msgspec.Struct, frozen=True, kw_only=True):
    acts: list[_ActRow]
    last: int


class _JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    line: msgspec.Raw


class _JournalPage(msgspec.Struct, frozen=True, kw_only=True):
    lines: list[_JournalRow]
    last: int


class _Alias(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    alias: str = ""


class Reader(Protocol):
    """Reads one route: where to ask next, and what an answer says."""

    def query(self) -> str:
        """What to append to the route."""
        ...

    def read(self, reply: Reply, /) -> tuple[list[Item], bool]:
        """Give what is new, and whether there is more to ask for; ``Unseen`` if it cannot be read."""
        ...


class _Cursor:
    """Where a listing was read up to; from the start again where the service itself started again."""

    def __init__(self) -> None:
        self.after = 0
        self.boot_id = ""

    def query(self) -> str:
        return f"?after={self.after}&limit={PAGE}"

    def rewound(self, boot_id: str, last: int) -> bool:
        """True if this reply must not be used and the list be read from its start."""
        new_boot = self.restarted(boot_id)
        self.boot_id = boot_id
        if self.after and (new_boot or last < self.after):
            self.after = 0
            return True
        return False

    def restarted(self, boot_id: str) -> bool:
        """True if the service is not the one that answered before."""
        return self.boot_id not in ("", boot_id)

    def holes(self, seqs: list[int]) -> bool:
        """True if numbers are missing between what was read and what is here."""
        new = sorted({seq for seq in seqs if seq > self.after})
        return bool(new) and new[-1] - self.after != len(new)

    def moved(self, seqs: list[int]) -> bool:
        """Move behind what was read; True if there may be more."""
        higher = max(seqs, default=0) > self.after
        self.after = max([self.after, *seqs])
        return higher and len(seqs) >= PAGE


class ActsReader:
    """Reads ``{"acts": [{"seq", "at_s", "act", "detail", "effect"}], "last"}`` of one service."""

    def __init__(self, observer: str, service: str) -> None:
        self._observer, self._service = observer, service
        self._cursor = _Cursor()
        self._known: set[tuple[int, float | str, str, str]] = set()

    def query(self) -> str:
        """The cursor."""
        return self._cursor.query()

    def read(self, reply: Reply, /) -> tuple[list[Item], bool]:
        """Give acts not given before."""
        page = _decoded(reply, _ActPage)
        if not reply.boot_id:
            raise Unseen("no x-boot-id: that it started again, and what it did before, could not be told")
        lost: list[Item] = [Lost("it started again")] if self._cursor.restarted(reply.boot_id) else []
        if not lost and page.last < self._cursor.after:
            lost.append(Lost(f"it listed {self._cursor.after} acts before and {page.last} now"))
        if self._cursor.rewound(reply.boot_id, page.last):
            return lost, True
        seqs = [row.seq for row in page.acts]
        if self._cursor.holes(seqs):
            lost.append(Lost(f"acts behind number {self._cursor.after} are no longer listed"))
        if page.last > max([self._cursor.after, *seqs]) and len(seqs) < PAGE:
            lost.append(Lost(f"it says that there are {page.last} acts, and does not list them"))
        new = [row for row in page.acts if self._is_new(row, reply.boot_id)]
        more = self._cursor.moved(seqs)
        return [*lost, *(self._acted(row, reply.received_s) for row in new)], more

    def _is_new(self, row: _ActRow, boot_id: str) -> bool:
        # Without a stamp, the same number after a restart is another act; a stamp tells the two apart.
        key = (row.seq, boot_id if row.at_s is None else row.at_s, row.act, row.detail)
        new = key not in self._known
        self._known.add(key)
        return new

    def _acted(self, row: _ActRow, received_s: float) -> Acted:
        return Acted(
            at_s=received_s if row.at_s is None else row.at_s,
            received_s=received_s,
            observer=self._observer,
            service=self._service,
            act=row.act[:TEXT_MAX],
            detail=row.detail[:TEXT_MAX],
            effect=row.effect,
        )


class AliasReader:
    """Reads a version: one other than the one before is an act, seen when we looked.

    ``pointer``: where it stands in any JSON, as a word or a number; None: in ``{"alias", "version"}``.
    """

    def __init__(self, observer: str, service: str, pointer: str | None = None) -> None:
        self._observer, self._service = observer, service
        self._keys = None if pointer is None else parse_pointer(pointer)
        self._version: str | None = None

    def query(self) -> str:
        """Nothing."""
        return ""

    def read(self, reply: Reply, /) -> tuple[list[Item], bool]:
        """Give the change, if there is one; the first look is where it starts from."""
        now = _decoded(reply, _Alias) if self._keys is None else _alias_at(reply, self._keys)
        before, self._version = self._version, now.version
        if before in (None, now.version):
            return [], False
        detail = f"{now.alias} {before} -> {now.version}".strip()
        act = Acted(
            at_s=reply.received_s,
            received_s=reply.received_s,
            observer=self._observer,
            service=self._service,
            act="alias_changed",
            detail=detail[:TEXT_MAX],
        )
        return [act], False


class JournalReader:
    """Reads ``{"lines": [{"seq", "line"}], "last"}``; the lines are kept as they came, not understood."""

    def __init__(self) -> None:
        self._cursor = _Cursor()
        self._known: set[tuple[int, bytes]] = set()

    def query(self) -> str:
        """The cursor."""
        return self._cursor.query()

    def read(self, reply: Reply, /) -> tuple[list[Item], bool]:
        """Give lines not given before."""
        page = _decoded(reply, _JournalPage)
        if self._cursor.rewound(reply.boot_id, page.last):
            return [], True
        rows = [(row.seq, _on_one_line(row.line)) for row in page.lines]
        new = [row for row in rows if row not in self._known]
        self._known.update(new)
        more = self._cursor.moved([seq for seq, _ in rows])
        return [JournalLine(received_s=reply.received_s, line=line) for _, line in new], more


def _on_one_line(line: msgspec.Raw) -> bytes:
    """Take out line ends, which JSON has between its tokens only."""
    return bytes(line).replace(b"\r", b" ").replace(b"\n", b" ")


def _alias_at(reply: Reply, keys: tuple[str, ...]) -> _Alias:
    version = read_pointer(_decoded(reply, object), keys)
    if isinstance(version, bool) or not isinstance(version, str | int | float):
        raise Unseen(f"an answer without a version at {'/'.join(('', *keys))}")
    return _Alias(version=str(version), alias="version")


_Page = TypeVar("_Page", _ActPage, _JournalPage, _Alias, object)


def _decoded(reply: Reply, kind: type[_Page]) -> _Page:
    if reply.status != 200:
        raise Unseen(f"status {reply.status}")
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unseen(f"an answer that is not what the protocol says: {error}") from error
