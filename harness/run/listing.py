"""Reads the system's own listings of ids for the audit; what cannot be read is an error."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import Untrustworthy
from harness.experiment.model import Audit
from harness.history.observations import answer_digest
from harness.observers.fetch import Unseen
from harness.observers.listing import Listed, pages
from harness.run.audit import Listings

TIMEOUT_S = 5.0


def read_ids(where: str, urls: Mapping[str, str]) -> tuple[Listed, ...]:
    """Read one whole listing, ``where`` as ``service:/route``; empty ``where`` lists nothing."""
    if not where:
        return ()
    try:
        return tuple(one for page in pages(where, urls, after=0, within_s=TIMEOUT_S) for one in page.ids)
    except Unseen as error:
        raise Untrustworthy(f"audit: {where} cannot be read: {error}") from error


def read_listings(audit: Audit, urls: Mapping[str, str]) -> Listings:
    """Read accepted ids, sink and dead letters once each."""
    sink = read_ids(audit.sink, urls)
    return Listings(
        accepted=tuple(i.id for i in read_ids(audit.accepted, urls)),
        sink=tuple((i.id, answer_digest(i.decision, i.score or 0.0)) for i in sink),
        dead_letters=tuple(i.id for i in read_ids(audit.dead_letters, urls)),
        lists_dead_letters=bool(audit.dead_letters),
    )
