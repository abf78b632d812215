"""Which archetype of work a run offers: the one place of the driver that knows more than one.

Comes in: a ``Spec``. Goes out: all parcels of the run, and the ``Workload`` that they are offered to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from harness.driver.client import HttpClient
from harness.driver.parcels import build_parcels
from harness.driver.partitions import Twin, build_partitions
from harness.driver.request import RequestWorkload, single_keys
from harness.driver.spec import Spec
from harness.driver.tables import TableWorkload
from harness.driver.workload import Parcel, Workload
from harness.ports import World


def parcels_of(spec: Spec, world: World) -> list[Parcel]:
    """Build all parcels; Refused where ``world`` cannot give them."""
    if spec.workload.table is not None:
        return build_partitions(spec.seed, spec.profile, spec.duration_s, world, table=spec.workload.table)
    return build_parcels(
        spec.seed,
        spec.profile,
        spec.duration_s,
        world,
        spans=spec.mutations,
        labels=spec.labels,
        single=single_keys(spec.workload),
    )


@asynccontextmanager
async def open_workload(spec: Spec, tell: Callable[[dict[str, object]], None]) -> AsyncIterator[Workload]:
    """Open what the parcels are offered to; ``tell`` gets what it has to say of itself."""
    table = spec.workload.table
    if table is None:
        async with HttpClient(spec.url, spec.profile.deadline_s) as client:
            yield RequestWorkload(spec.workload, spec.profile.deadline_s, client)
        return
    twin = msgspec.json.decode(Path(spec.twin).read_bytes(), type=Twin)
    ends_s = spec.duration_s + table.deadline_s
    async with TableWorkload(table, Path(spec.landing), twin, ends_s=ends_s, tell=tell) as workload:
        yield workload
