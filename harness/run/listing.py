"""Reads the system's own listings of ids, by cursor, over HTTP; what cannot be read is an error."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from harness.errors import Untrustworthy
from harness.experiment.model import Audit
from harness.history.observations import answer_digest
from harness.run.audit import Listings

PAGE = 5000
TIMEOUT_S = 5.0


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


def _get(url: str, route: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", route)
        reply = connection.getresponse()
        body = reply.read()
    except OSError as error:
        raise Untrustworthy(f"audit: {url}{route} does not answer: {error}") from error
    finally:
        connection.close()
    if reply.status != http.client.OK:
        raise Untrustworthy(f"audit: {url}{route} answered {reply.status}")
    return body


def read_ids(where: str, urls: Mapping[str, str]) -> tuple[Listed, ...]:
    """Read one whole listing, ``where`` as ``service:/route``; empty ``where`` lists nothing."""
    if not where:
        return ()
    service, _, route = where.partition(":")
    found: list[Listed] = []
    after, end = 0, False
    while not end:
        body = _get(urls[service], f"{route}?after={after}&limit={PAGE}")
        try:
            page = msgspec.json.decode(body, type=Page)
        except msgspec.DecodeError as error:
            raise Untrustworthy(f"audit: {where} is no listing: {error}") from error
        if not page.end and page.last <= after:
            raise Untrustworthy(f"audit: {where} does not move on from {after}")
        found.extend(page.ids)
        after, end = page.last, page.end
    return tuple(found)


def read_listings(audit: Audit, urls: Mapping[str, str]) -> Listings:
    """Read accepted ids, sink and dead letters once each."""
    sink = read_ids(audit.sink, urls)
    return Listings(
        accepted=tuple(i.id for i in read_ids(audit.accepted, urls)),
        sink=tuple((i.id, answer_digest(i.decision, i.score or 0.0)) for i in sink),
        dead_letters=tuple(i.id for i in read_ids(audit.dead_letters, urls)),
        lists_dead_letters=bool(audit.dead_letters),
    )
