"""A record with the unit that offers it, and the parcel that carries some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from harness.driver.request import build_body, build_single
from harness.driver.workload import Parcel, Unit
from harness.history.observations import WITNESS

FRESH_EVERY = 4
"""Every fourth witness unit opens a connection: a pooled one can hide a listener that is dead."""


class Offered(msgspec.Struct, frozen=True, gc=False):
    """One unit and its record. ``single``: where it stands in a body of its own; None: in one with others."""

    unit: Unit
    record: Mapping[str, object]
    single: tuple[str, ...] | None = None


Batch = Sequence[Offered]


def parcel_of(batch: Batch) -> Parcel:
    """Build the parcel of a batch that is not empty; all its units are due together."""
    first = batch[0].unit
    fresh = first.stream == WITNESS and first.number % FRESH_EVERY == FRESH_EVERY - 1
    units = tuple(offered.unit for offered in batch)
    return Parcel(first.due_s, units, body_of(batch), fresh, keys=tuple(unit.id for unit in units))


def body_of(batch: Batch) -> bytes:
    """Build the body that carries the records of ``batch``: under their ids, or the only one by itself."""
    if batch[0].single is not None:
        (one,) = batch
        return build_single(one.record, batch[0].single)
    return build_body([offered.unit.id for offered in batch], [offered.record for offered in batch])
