"""Accepted records by the hundred: how often the contract refused which field.

Comes in: pages of the gateway's list of what it accepted, which names the broken fields and holds no record.
Goes out: batches by number. Nothing here is ever learned from: a quarantined record has no features.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated

import msgspec

from reference_pipeline.healing.detectors.refused import REFUSED_BATCH, refused_name, refused_names
from reference_pipeline.healing.refused_fields import RefusedBatch, RefusedBatches
from reference_pipeline.newest import newer
from reference_pipeline.ports import Store
from reference_pipeline.records import FieldSpec, Lack

_KEPT = 2000
_CURSOR = "accepted"
NotNegative = Annotated[int, msgspec.Meta(ge=0)]


class BrokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a page that broke the contract: the how manieth, and what its fields lack."""

    at: NotNegative
    id: str
    fields: dict[str, Lack]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """``rows`` records in the order in which they were accepted; ``last``: the cursor of the last of them."""

    rows: NotNegative
    broken: tuple[BrokenRecord, ...]
    last: NotNegative


class Refusals:
    """Counts of one learner, over the same store as its examples."""

    def __init__(self, store: Store, fields: Sequence[FieldSpec]) -> None:
        self._store = store
        self._names = refused_names(fields)
        self._counts: Counter[str] = Counter()
        self._rows = self._number = 0
        self._made: deque[RefusedBatch] = deque(maxlen=_KEPT)

    @property
    def cursor(self) -> int:
        """Up to where accepted records have been counted."""
        return int(self._store.find("values", _CURSOR) or 0)

    def mark(self, page: Accepted) -> Mapping[str, bytes]:
        """Give the named value that says that ``page`` was counted."""
        return {_CURSOR: str(page.last).encode()}

    def take(self, page: Accepted) -> None:
        """Count one page; a batch that is not full waits for the next."""
        broken = {one.at: one.fields for one in page.broken}
        for at in range(page.rows):
            self._counts.update(refused_name(field, lack) for field, lack in broken.get(at, {}).items())
            self._rows += 1
            if self._rows == REFUSED_BATCH:
                self._number += 1
                counts = tuple(self._counts[name] for name in self._names)
                self._made.append(RefusedBatch(number=self._number, counts=counts))
                self._counts.clear()
                self._rows = 0

    def page(self, after: int, limit: int) -> RefusedBatches:
        """Give at most ``limit`` batches with a number above ``after``."""
        found = newer(self._made, attrgetter("number"), after, limit)
        return RefusedBatches(names=tuple(self._names), batches=tuple(found), last=self._number)
