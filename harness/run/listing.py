"""Reads the system's own listings of ids for the audit; what cannot be read is an error."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import Untrustworthy
from harness.experiment.model import Audit
from harness.history.observations import answer_digest
from harness.observers.fetch import Reply, Unseen
from harness.observers.listing import Listed, Page, pages
from harness.observers.steps import walk
from harness.run.audit import Listings

Ask = Callable[[str, str], Reply]
"""Ask a service for a route; ``Unseen`` where there is no answer."""


def read_ids(where: str, ask: Ask) -> tuple[Listed, ...]:
    """Read one whole listing, ``where`` as ``service:/route``; empty ``where`` lists nothing."""
    if not where:
        return ()
    found: list[Page] = []
    try:
        walk(pages(where, 0, found.append), ask)
    except Unseen as error:
        raise Untrustworthy(f"audit: {where} cannot be read: {error}") from error
    return tuple(one for page in found for one in page.ids)


def read_listings(audit: Audit, ask: Ask) -> Listings:
    """Read accepted ids, sink and dead letters once each."""
    sink = read_ids(audit.sink, ask)
    return Listings(
        accepted=tuple(i.id for i in read_ids(audit.accepted, ask)),
        sink=tuple((i.id, answer_digest(i.decision, i.score or 0.0)) for i in sink),
        dead_letters=tuple(i.id for i in read_ids(audit.dead_letters, ask)),
        lists_dead_letters=bool(audit.dead_letters),
    )
