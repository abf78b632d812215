"""A service that the user's own loop restarts: we start the loop, and see from outside what it does.

Comes in: a ``ServiceSpec`` with a ``worker``. Goes out: a state, and lines in the ledger: ``started``,
``ready`` and ``ended`` of each process that serves, ``gave_up`` where the loop itself has ended, ``orphan``
where a process of a former life keeps the port. Who ended a process is not told by the process table. Who
serves lives below the process that we started; an orphan carries this run's token.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from harness.experiment.model import PORT
from harness.targets.local.keeper import Keeper
from harness.targets.local.kernel import is_gone, pinned
from harness.targets.local.machine import GONE_WITHIN_S, Child
from harness.targets.local.orphans import is_below
from harness.targets.local.procfs import PROC, descendants, parents_below, start_ticks
from harness.targets.local.sockets import command_line, has_own_command, holders, is_listened_on
from harness.targets.local.spec import ServiceState

LOOK_EVERY_S = 0.03
"""While nobody serves; who serves is held by its pidfd, and its end is heard at once."""

BELOW_EVERY_S = 0.2
"""Whether who serves still has its loop above it: a few reads of the process table."""


_FORK_WITHIN_S = 1.0
"""After that a fork is what it is going to be."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The process that serves. Pid and start tick name it for good."""

    pid: int
    start_ticks: int


def worker_below(root: int, worker: str, port: int) -> Worker | None:
    """Find who serves below ``root``: by the port it listens on, or a text in its command line.

    Where a parent holds the port for its children, the eldest child that nothing is below: it answers.
    """
    if worker == PORT and not is_listened_on(port):
        return None  # far cheaper than a look at every process, and asked while nobody serves
    parents = parents_below(root)
    if worker == PORT:
        hits = holders(port, parents)
    else:
        hits = [pid for pid in parents if _is_named(pid, worker, port)]
    above = {upper for pid in hits for upper in _line_above(pid, parents)}
    found = [Worker(pid, ticks) for pid in hits if pid not in above and (ticks := start_ticks(pid))]
    return min(found, key=lambda one: (one.start_ticks, one.pid), default=None)


def _is_named(pid: int, text: str, port: int) -> bool:
    """Whether a process is what its command line says, and that has ``text`` in it.

    Right after the fork it has its parent's, whatever it is about to become: a shell loop with the worker's
    name in it would have another worker for each ``sleep``. What stays such a fork holds the port, or is
    there for a while.
    """
    own = has_own_command(pid)  # asked first: it may become something else between the two looks
    if text not in command_line(pid):
        return False
    return own or bool(holders(port, (pid,))) or _lived_s(pid) > _FORK_WITHIN_S


def _lived_s(pid: int) -> float:
    up_s = float((PROC / "uptime").read_text("ascii").split()[0])
    return up_s - start_ticks(pid) / os.sysconf("SC_CLK_TCK")  # one that is gone has no ticks, and no command


def _line_above(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    while (pid := parents.get(pid, 0)) in parents:
        yield pid


class LoopKeeper(Keeper):
    """Keeps the loop, which nobody starts again when it has ended, and watches what it keeps."""

    _worker: Worker | None = None

    @property
    def _restarts(self) -> bool:
        return False

    def row(self) -> ServiceState:
        """The service as it is now; its process is the one that serves, and no orphan is."""
        worker = self._worker or Worker(0, 0)
        if self._orphan and not (self._child and is_below(worker.pid, self._child.pid)):
            worker = Worker(0, 0)  # it has lost its parent since it was looked at last
        return msgspec.structs.replace(super().row(), pid=worker.pid, start_ticks=worker.start_ticks)

    async def _end(self, child: Child, grace_s: float) -> None:
        """End the loop, and what has left its process group: nobody else would."""
        below = [Worker(pid, start_ticks(pid)) for pid in descendants(child.pid)]
        await super()._end(child, grace_s)
        for one in below:
            with contextlib.suppress(ProcessLookupError), pinned(one.pid, one.start_ticks) as handle:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                is_gone(handle, GONE_WITHIN_S)  # else it holds the port

    async def _until_exit(self, child: Child) -> float:
        ended_at_s = await super()._until_exit(child)
        self._lose("with its loop")
        if self._wanted:
            self._note("gave_up", at_s=ended_at_s, detail=f"its loop, pid {child.pid}, has ended")
            self._look_for_orphans()
        return ended_at_s

    def _note_start(self, child: Child) -> None:
        self._note("loop_started", at_s=child.started_at_s, detail=f"pid {child.pid}")

    def _note_exit(self, child: Child, at_s: float, detail: str) -> None:
        self._note("loop_ended", at_s=at_s, detail=f"pid {child.pid}: {detail}")

    async def _watch(self, child: Child) -> None:
        while True:
            worker = self._worker = await self._found(child)
            self._starts += 1
            self._note("started", detail=f"seen below pid {child.pid}")
            async with _end_of(worker) as gone:
                await self._until_gone(child, worker, gone)
            lives = start_ticks(worker.pid) == worker.start_ticks
            if lives and self._look_for_orphans(child.pid):
                self._worker, self._boot_id = None, ""  # it has lost its parent, and answers on
            else:
                self._lose(f"seen below pid {child.pid}")

    async def _until_gone(self, child: Child, worker: Worker, gone: asyncio.Future[None]) -> None:
        """Watch the process that serves until it has ended, or is not below the loop any more."""
        serving = asyncio.create_task(super()._watch(child))
        try:
            while not gone.done() and is_below(worker.pid, child.pid):
                ends = [gone] if serving.done() else [gone, serving]
                await asyncio.wait(ends, timeout=BELOW_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                if serving.done():
                    serving.result()  # it never ends by itself: raises what broke it
        finally:
            serving.cancel()
            await asyncio.wait([serving])

    def _look_for_orphans(self, root: int = 0) -> bool:
        """See ``Keeper``; one that is known is looked at alone: all are too many for every probe."""
        if self._orphan and holders(self.spec.port, (self._orphan,)):
            self._enter("orphaned")
            return True
        return super()._look_for_orphans(root)

    async def _is_ready(self) -> bool:
        """What an orphan answers is no readiness of who was started after it."""
        child = self._child
        if child is None or self._look_for_orphans(child.pid):
            return False
        return await super()._is_ready()

    async def _found(self, child: Child) -> Worker:
        seen = False
        while True:
            worker = worker_below(child.pid, self.spec.worker, self.spec.port)
            if worker is not None:
                return worker
            # Twice in a row: who is just being ended may hold the port for a moment more.
            listened = is_listened_on(self.spec.port)
            if self._orphan or (listened and seen):
                self._look_for_orphans(child.pid)
            seen = listened
            await asyncio.sleep(LOOK_EVERY_S)

    def _lose(self, detail: str) -> None:
        if self._worker is None:
            return
        self._note("ended", detail=detail)
        self._worker, self._boot_id = None, ""
        if self._child is None or not self._orphan:
            self._enter("starting" if self._child else "stopped")


@contextlib.asynccontextmanager
async def _end_of(worker: Worker) -> AsyncIterator[asyncio.Future[None]]:
    """Give what is set when exactly this process has ended."""
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()
    try:
        handle = os.pidfd_open(worker.pid)
    except ProcessLookupError:
        gone.set_result(None)
        yield gone
        return
    if start_ticks(worker.pid) != worker.start_ticks:
        gone.set_result(None)

    def set_gone() -> None:
        loop.remove_reader(handle)
        if not gone.done():
            gone.set_result(None)

    loop.add_reader(handle, set_gone)
    try:
        yield gone
    finally:
        loop.remove_reader(handle)
        os.close(handle)
