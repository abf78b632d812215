"""Which workload a spec asks for: the one place of the driver that knows the archetypes.

Comes in: a ``Spec``. Goes out: all parcels of the run, and the open ``Workload`` that they are offered to.
What only one archetype needs is imported with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.driver.client import HttpClient
from harness.driver.parcels import build_parcels
from harness.driver.request import RequestWorkload, single_keys
from harness.driver.sinks import FileSink
from harness.driver.spec import Spec
from harness.driver.workload import Parcel, Workload
from harness.errors import Refused
from harness.experiment.tables import Table
from harness.ports import World

if TYPE_CHECKING:
    from harness.driver.jetstream import JetStream
    from harness.driver.streamed import StreamWorkload

Tell = Callable[[dict[str, object]], None]

OWED_EVERY_S = 0.1
HELD_EVERY_S = 0.2


def check_extra(spec: Spec) -> None:
    """Raise Refused where a package is missing that the archetype needs."""
    if spec.workload.archetype == "stream" and find_spec("nats") is None:
        raise Refused("archetype stream needs nats-py: pip install 'hormesis[nats]'")


def is_late(spec: Spec) -> bool:
    """Whether answers may come after their units were given up, and are counted then as well."""
    return spec.workload.archetype == "stream"


def parcels_of(spec: Spec, world: World) -> list[Parcel]:
    """Build all parcels; Refused where ``world`` cannot give them."""
    if spec.workload.table is not None:
        from harness.driver.partitions import build_partitions

        return build_partitions(
            spec.seed, spec.profile, spec.duration_s, world=world, table=spec.workload.table
        )
    return build_parcels(
        spec.seed,
        spec.profile,
        spec.duration_s,
        world,
        spans=spec.mutations,
        labels=spec.labels,
        single=single_keys(spec.workload),
    )


def open_workload(spec: Spec, tell: Tell) -> AbstractAsyncContextManager[Workload]:
    """Open what ``spec`` asks for; ``tell`` as in ``OpenLoop``."""
    if spec.workload.archetype == "stream":
        return _stream(spec, tell)
    table = spec.workload.table
    return _request(spec) if table is None else _table(spec, table, tell)


@asynccontextmanager
async def _request(spec: Spec) -> AsyncIterator[Workload]:
    async with HttpClient(spec.url, spec.profile.deadline_s) as client:
        yield RequestWorkload(spec.workload, spec.profile.deadline_s, client)


@asynccontextmanager
async def _table(spec: Spec, table: Table, tell: Tell) -> AsyncIterator[Workload]:
    from harness.driver.partitions import Twin
    from harness.driver.tables import TableWorkload

    twin = msgspec.json.decode(Path(spec.twin).read_bytes(), type=Twin)
    ends_s = spec.duration_s + table.deadline_s
    async with TableWorkload(table, Path(spec.landing), twin, ends_s=ends_s, tell=tell) as workload:
        yield workload


@asynccontextmanager
async def _stream(spec: Spec, tell: Tell) -> AsyncIterator[Workload]:
    from harness.driver.jetstream import connected
    from harness.driver.streamed import StreamWorkload

    subjects = spec.workload.subjects
    assert subjects is not None, "a system file of this archetype names subjects"
    async with AsyncExitStack() as stack:
        ledger = FileSink(Path(spec.stream))
        stack.callback(ledger.close)
        wire = await stack.enter_async_context(connected(spec.url.removeprefix("http://"), subjects))
        now = asyncio.get_running_loop().time
        workload = StreamWorkload(spec.workload, spec.profile.deadline_s, wire, ledger=ledger, now=now)
        await wire.listen(workload)
        helpers = await stack.enter_async_context(asyncio.TaskGroup())
        running = [
            helpers.create_task(_tell_owed(workload, tell)),
            helpers.create_task(wire.until_broken()),
            helpers.create_task(_hear_held(workload, wire)),
        ]
        yield workload
        for helper in running:
            helper.cancel()


async def _tell_owed(workload: StreamWorkload, tell: Tell) -> None:
    while True:
        owed = workload.owed()
        told = {"at_s": owed.at_s, "accepted": owed.accepted, "owed": owed.owed, "binds": owed.binds}
        tell({"owed": told})
        await asyncio.sleep(OWED_EVERY_S)


async def _hear_held(workload: StreamWorkload, wire: JetStream) -> None:
    while True:
        if (count := await wire.held()) is not None:
            workload.held(count)
        await asyncio.sleep(HELD_EVERY_S)
