"""``python -m harness.driver [--check] SPEC.json``: the driver as a process (docs/protocols/driver.md)."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from harness.driver.archetypes import check_extra, is_late, open_workload, parcels_of
from harness.driver.changes import CannotTouch
from harness.driver.client import HttpClient
from harness.driver.labels import Labels
from harness.driver.opening import costs_of, open_world
from harness.driver.openloop import OpenLoop
from harness.driver.orders import RecordFaults
from harness.driver.parcels import check_spans
from harness.driver.request import single_keys
from harness.driver.sinks import FileSink
from harness.driver.spec import Spec
from harness.driver.workload import Parcel
from harness.driver.writer import RowWriter
from harness.errors import Refused
from harness.faults.effects import Mutate
from harness.history.observations import LOAD, WITNESS
from harness.ports import World

_LABEL_DEADLINE_S = 2.0
_FILES_WANTED = 4096  # 2,000 in flight, each a socket, beyond the usual soft limit of 1,024


def main(argv: list[str], out: TextIO) -> int:
    """Run one driver; gives its exit code: 0 done or stopped, 5 refused.

    Refused are a world or a stream that cannot be opened and a fault that could touch none of its records.
    With ``--check`` it is over when it knows whether it would refuse.
    """
    spec = msgspec.json.decode(Path(argv[-1]).read_bytes(), type=Spec)
    try:
        with _telling(spec.world or "of a file"):
            check_extra(spec)
            if argv[1] == "--check":
                return _check(spec, out)
            world = open_world(spec)
            costs, parcels = costs_of(world), _parcels(spec, world)
    except Refused as error:
        print(f"driver: {error}", file=sys.stderr)  # noqa: T201  # the log of this process
        return 5
    raise_file_limit()
    # What exists now lives to the end: without the freeze a full collection walks all bodies' owners.
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(_drive(spec, parcels, costs, out=out))
    except Refused as error:
        print(f"driver: {error}", file=sys.stderr)  # noqa: T201  # the log of this process
        return 5
    return 0


@contextmanager
def _telling(world: str) -> Iterator[None]:
    """Turn whatever a world raises into Refused: its own words last, where it was raised before them."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        traceback.print_exception(error, limit=-1, chain=False)
        raise Refused(f"world {world!r} gives no records: {type(error).__name__}: {error}") from error


def _check(spec: Spec, out: TextIO) -> int:
    try:
        world, spans = open_world(spec), spec.mutations
        check_spans(
            spec.seed,
            spec.profile,
            spec.duration_s,
            world,
            spans=spans,
            labels=spec.labels,
            single=single_keys(spec.workload),
        )
    except CannotTouch as error:
        out.write(msgspec.json.encode({"refused": error.faults}).decode() + "\n")
        return 5
    return 0


def _parcels(spec: Spec, world: World) -> list[Parcel]:
    if spec.mutations and not spec.taint:
        raise Refused("faults in the records need a place for their taint ledger")
    return parcels_of(spec, world)


def _resends(spec: Spec) -> str:
    """Only duplicates have answers outside of the rows."""
    again = any(isinstance(s.effect, Mutate) and s.effect.mutation == "duplicate" for s in spec.mutations)
    return spec.resends if again else ""


def _ledger(path: str) -> FileSink | None:
    return FileSink(Path(path)) if path else None


def raise_file_limit() -> None:
    """Lift the soft limit of open files as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(_FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _drive(spec: Spec, parcels: list[Parcel], costs: dict[str, float] | None, *, out: TextIO) -> None:
    def tell(message: dict[str, object]) -> None:
        out.write(msgspec.json.encode(message).decode() + "\n")
        out.flush()

    orders = await _standard_input()
    rows = RowWriter(FileSink(Path(spec.observations)))
    now = asyncio.get_running_loop().time
    taint, resends = _ledger(spec.taint if spec.mutations else ""), _ledger(_resends(spec))
    faults = RecordFaults(spec.mutations, taint, resends=resends, tell=tell, now=now)
    labels = None
    try:
        async with open_workload(spec, tell) as workload, _told(spec) as (told, truth):
            labels = Labels(spec.labels, told, faults, now=now, truth=truth) if spec.labels else None
            loop = OpenLoop(workload, rows, tell, faults=faults, labels=labels)
            units = sum(unit.stream == WITNESS for parcel in parcels for unit in parcel.units)
            tell({"ready": True, "units": units, **({"costs": costs} if costs else {})})
            first_due_s = await _go(orders)
            if first_due_s is not None:
                await _until_stopped(loop.run(parcels, first_due_s), _obey(orders, faults))
            if is_late(spec):
                rows.flush()
                tell({"done": _counts(loop, labels)})
                await orders.read()  # to its end: what is decided meanwhile is counted, nothing is sent
    finally:
        rows.close()
        faults.close()
    if not is_late(spec):
        tell({"done": _counts(loop, labels)})


def _counts(loop: OpenLoop, labels: Labels | None) -> dict[str, int]:
    counts = {"units": loop.recorded[WITNESS], "load_units": loop.recorded[LOAD]}
    if labels:
        counts |= {
            "labels_due": labels.due,
            "labels_told": labels.told,
            "labels_failed": labels.posts_failed,
        }
    return counts


@asynccontextmanager
async def _told(spec: Spec) -> AsyncIterator[tuple[HttpClient | None, HttpClient | None]]:
    """Clients of their own for labels and truth, where they go: they must not wait behind units."""
    feed = spec.labels
    async with AsyncExitStack() as stack:

        async def client(url: str) -> HttpClient | None:
            return await stack.enter_async_context(HttpClient(url, _LABEL_DEADLINE_S)) if url else None

        yield (await client(feed.url), await client(feed.truth_url)) if feed else (None, None)


async def _standard_input() -> asyncio.StreamReader:
    """Orders from the runner; SIGTERM reads as their end, Ctrl-C is the runner's to handle."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, reader.feed_eof)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    return reader


async def _go(orders: asyncio.StreamReader) -> float | None:
    words = (await orders.readline()).split()
    if not words:
        return None
    if len(words) != 2 or words[0] != b"go":
        raise ValueError(f"the driver waits for 'go AT_S', not for {b' '.join(words)!r}")
    return float(words[1])


async def _obey(orders: asyncio.StreamReader, faults: RecordFaults) -> None:
    """Do what the runner orders, until its end; a line without an end is no order."""
    while (line := await orders.readline()).endswith(b"\n"):
        faults.obey(line)


async def _until_stopped(work: Coroutine[None, None, None], orders: Coroutine[None, None, None]) -> None:
    running, obeying = asyncio.create_task(work), asyncio.create_task(orders)
    await asyncio.wait((running, obeying), return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    obeying.cancel()
    for result in await asyncio.gather(running, obeying, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


if __name__ == "__main__":
    sys.exit(main(sys.argv, sys.stdout))
