"""The system's own listings of ids, by cursor: while a run goes on, and for the audit at its end.

Comes in: where a listing is, and after which number. Goes out: its pages; ``Unseen`` where one is none.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from harness.observers.fetch import Reply, Unseen
from harness.observers.steps import Steps

PAGE = 5000


class Listed(msgspec.Struct, frozen=True):
    """One id of a listing; decision and score only in the sink's."""

    seq: int
    id: str
    decision: str = ""
    score: float | None = None


class Page(msgspec.Struct, frozen=True):
    """One page: ids after the cursor, the last sequence number, whether that was the end."""

    ids: tuple[Listed, ...]
    last: int
    end: bool


def pages(where: str, after: int, take: Callable[[Page], None]) -> Steps:
    """Read a listing, ``where`` as ``service:/route``, from behind number ``after`` to its end, page by page.

    Raises Unseen where a page is none, or does not move on.
    """
    service, _, route = where.partition(":")
    end = False
    while not end:
        reply = yield service, f"{route}?after={after}&limit={PAGE}"
        page = _decoded(reply)
        if not page.end and page.last <= after:
            raise Unseen(f"{where} does not move on from {after}")
        take(page)
        after, end = page.last, page.end


def _decoded(reply: Reply) -> Page:
    if reply.status != 200:
        raise Unseen(f"status {reply.status}")
    try:
        return msgspec.json.decode(reply.body, type=Page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unseen(f"no listing: {error}") from error
