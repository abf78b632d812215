"""The healer's journal: CloudEvents 1.0 lines, durable before anything is done, read by cursor.

Comes in: entries. Goes out: numbered lines, and the entries of earlier lives. The journal is the only
durable state of the healer: ``books`` is what it amounts to.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reference_pipeline.door import json_reply, page
from reference_pipeline.healing.model import Entry, Evidence, Kind
from reference_pipeline.ports import Append, Reply, Request, Row, Store

JOURNAL = "journal"
_TYPE = "io.hormesis.heal.{}.v1"
_PAGE = 1000


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    episode: str
    target: str
    reason: str
    at_s: float
    evidence: Evidence


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    datacontenttype: str = "application/json"
    data: _Data


_LINE = msgspec.json.Decoder(_Line)
_KINDS: dict[str, Kind] = {
    _TYPE.format(kind): kind
    for kind in ("detected", "diagnosed", "decided", "action.started", "action.finished", "verified")
}


class Journal:
    """Lines of the service ``service`` in the life ``boot_id``; needs the log ``JOURNAL``."""

    def __init__(self, store: Store, service: str, boot_id: str) -> None:
        self._store = store
        self._source = f"/{service}"
        self._life = boot_id
        self._count = 0

    def write(self, entry: Entry) -> None:
        """Make ``entry`` durable.

        Raises:
            StoreFailed: it is not; nothing may be done because of it.
        """
        self._count += 1
        line = _Line(
            id=f"{self._life}-{self._count}",
            source=self._source,
            type=_TYPE.format(entry.kind),
            subject=entry.target,
            data=_Data(
                episode=entry.episode,
                target=entry.target,
                reason=entry.reason,
                at_s=entry.at_s,
                evidence=entry.evidence,
            ),
        )
        self._store.commit([Append(JOURNAL, line.id, msgspec.json.encode(line))])

    def keep(self, name: str, value: bytes) -> None:
        """Make ``value`` durable under ``name``, for the next life.

        Raises:
            StoreFailed: it is not.
        """
        self._store.commit([], {name: value})

    def kept(self, name: str) -> bytes | None:
        """Give what was kept under ``name``; None: nothing."""
        return self._store.find("values", name)

    def page(self, after: int, limit: int) -> list[Row]:
        """Give at most ``limit`` lines with a number above ``after``."""
        return self._store.read(JOURNAL, after, limit)

    async def reply(self, request: Request) -> Reply:
        """Answer ``GET /journal``: lines by cursor, as docs/protocols/pipeline.md says."""
        after, limit = page(request)
        rows = self.page(after, limit)
        lines = [{"seq": row.seq, "line": msgspec.Raw(row.value)} for row in rows]
        return json_reply(200, {"lines": lines, "last": rows[-1].seq if rows else after})

    def entries(self) -> Iterator[Entry]:
        """Give all entries of all lives in order."""
        after = 0
        while rows := self.page(after, _PAGE):
            for row in rows:
                yield _entry(_LINE.decode(row.value))
            after = rows[-1].seq


def _entry(line: _Line) -> Entry:
    data = line.data
    return Entry(
        kind=_KINDS[line.type],
        episode=data.episode,
        target=data.target,
        reason=data.reason,
        at_s=data.at_s,
        evidence=data.evidence,
    )
