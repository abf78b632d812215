"""The driver in a simulated world: the same open loop and the same checks, its bytes in memory.

Comes in: parcels, the wire, the instant of the first slot. Goes out: what ``Witness`` says of a real driver:
the runner need not know which one it has. It has no heartbeat: virtual time never stands still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from harness.driver.client import give_up_s
from harness.driver.labels import POST_EVERY_S, Labels
from harness.driver.openloop import OpenLoop
from harness.driver.orders import RecordFaults
from harness.driver.request import RequestWorkload
from harness.driver.sinks import MemorySink
from harness.driver.spec import Spec
from harness.driver.stalls import Stall, StallDetector
from harness.driver.workload import Parcel, Reply
from harness.driver.writer import RowWriter
from harness.errors import Untrustworthy
from harness.history.observations import LOAD, WITNESS
from harness.run.evidence import OBSERVATIONS, RESENDS, TAINT
from harness.run.witness import END_LIMIT_S, Heard
from harness.simulation.hosts import Host
from harness.simulation.kernel import Kernel
from harness.simulation.network import NetworkError
from harness.simulation.processes import Life, Process

_FAULTS = {"refused": "refused", "reset": "reset"}
_LABEL_DEADLINE_S = 2.0


@dataclass(frozen=True, slots=True)
class WireClient:
    """Posts bodies over ``edge``; what the wire does becomes ``fault`` of the reply."""

    host: Host
    edge: str
    route: str
    within_s: float

    async def post(self, body: bytes, fresh: bool, /) -> Reply:  # noqa: ARG002 - one wire for all
        """See ``harness.driver.labels.Poster``."""
        sent_s = self.host.now_s()
        try:
            answer = await self.host.call(self.edge, f"POST {self.route}", body, self.within_s)
        except NetworkError as error:
            fault = _FAULTS.get(error.kind, "timeout")
            return Reply(sent_s, self.host.now_s(), fault, handed=error.sent)
        boot_id = answer.headers.get("x-boot-id", "")
        return Reply(sent_s, self.host.now_s(), "", answer.status, answer.body, boot_id, handed=True)


class Way(NamedTuple):
    """An edge, and the route at its end."""

    edge: str
    route: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Where the driver posts units, labels and truth; None where nobody listens."""

    units: Way
    labels: Way | None = None
    truth: Way | None = None


class VirtualWitness:
    """The driver's process of a simulated world, as the runner knows ``Witness``.

    ``host``: makes what a life of it can reach. ``labels_every_s``: how often labels are told.
    """

    pid = 0

    def __init__(
        self,
        kernel: Kernel,
        spec: Spec,
        parcels: Sequence[Parcel],
        *,
        ways: Ways,
        host: Callable[[Life], Host],
        labels_every_s: float = POST_EVERY_S,
    ) -> None:
        self._kernel = kernel
        self._spec = spec
        self._parcels = list(parcels)
        self._ways = ways
        self._host = host
        self._labels_every_s = labels_every_s
        self._process = Process(kernel, "driver", self._drive)
        self._said: list[dict[str, object]] = []
        self._taken = 0
        self._first_due_s = 0.0
        self.rows, self.taint, self.resends = MemorySink(), MemorySink(), MemorySink()
        self._writer = _Rows(self.rows)
        self._faults = RecordFaults(
            spec.mutations, self.taint, resends=self.resends, tell=self._said.append, now=lambda: kernel.now_s
        )
        self.done = False

    @property
    def written(self) -> Mapping[str, bytearray]:
        """What it has written so far, by the names of the files of a real one."""
        self._writer.flush()
        return {OBSERVATIONS: self.rows.data, TAINT: self.taint.data, RESENDS: self.resends.data}

    def undo(self) -> None:
        """See ``Driver``: with its world it is gone."""

    def close(self) -> None:
        """End its process."""
        self._process.close()

    def go(self, at_s: float) -> None:
        """Name the instant of the first slot."""
        self._first_due_s = at_s
        self._process.start()

    def offer_no_more(self) -> None:
        """Let it end with what is on its way and the one unit that it waits to send."""
        due_s = self._kernel.now_s - self._first_due_s
        self._parcels[:] = [one for one in self._parcels if one.due_s <= due_s]

    def order_on(self, episode: int) -> None:
        """See ``Witness``."""
        self._faults.obey(f"on {episode}\n".encode())

    def order_off(self, episode: int) -> None:
        """See ``Witness``."""
        self._faults.obey(f"off {episode}\n".encode())

    def order_look(self, episode: int) -> None:
        """See ``Witness``."""
        self._faults.obey(f"look {episode}\n".encode())

    def has_ended(self) -> bool:
        """See ``Witness``."""
        return self.done or (self._process.lives > 0 and not self._process.running)

    def kill(self) -> None:
        """See ``Witness``."""
        self._process.kill()

    def pump(self, wait_s: float = 0.0) -> list[Heard]:
        """Give what was said since the last call, after ``wait_s`` of virtual time."""
        if wait_s > 0:
            self._kernel.run(until_s=self._kernel.now_s + wait_s)
        new, self._taken = self._said[self._taken :], len(self._said)
        heard = [msgspec.convert(one, Heard) for one in new]
        self.done = self.done or any(one.done is not None for one in heard)
        if not heard and self.has_ended() and not self.done:
            raise Untrustworthy("the witness ended before the run did")
        return heard

    def await_done(self, each: Callable[[Heard], None]) -> None:
        """Let time pass until the last answer; raises Untrustworthy where it does not come in time."""
        until_s = self._kernel.now_s + END_LIMIT_S
        while not self.done:
            for heard in self.pump(wait_s=0.1):
                each(heard)
            if self._kernel.now_s > until_s:
                raise Untrustworthy("the witness did not end after its last unit")

    async def _drive(self, life: Life) -> None:
        spec, host = self._spec, self._host(life)
        client = WireClient(host, *self._ways.units, give_up_s(spec.profile.deadline_s))
        workload = RequestWorkload(spec.workload, spec.profile.deadline_s, client)
        labels = self._labels(host)
        loop = OpenLoop(
            workload, self._writer, self._said.append, faults=self._faults, labels=labels, beat=_no_heartbeat
        )
        await loop.run(self._parcels, self._first_due_s)
        counts = {"units": loop.recorded[WITNESS], "load_units": loop.recorded[LOAD]}
        if labels:
            counts |= {
                "labels_due": labels.due,
                "labels_told": labels.told,
                "labels_failed": labels.posts_failed,
            }
        self._said.append({"done": counts})

    def _labels(self, host: Host) -> Labels | None:
        if self._spec.labels is None:
            return None

        def client(way: Way | None) -> WireClient | None:
            return WireClient(host, *way, _LABEL_DEADLINE_S) if way else None

        told, truth = client(self._ways.labels), client(self._ways.truth)
        every_s = self._labels_every_s
        return Labels(self._spec.labels, told, self._faults, now=host.now_s, truth=truth, every_s=every_s)


class _Rows(RowWriter):
    """Rows in memory: whoever reads them has them handed on first, so nobody has to do it by the clock."""

    async def pump(self) -> None:
        """See ``RowWriter``."""
        await asyncio.get_running_loop().create_future()


async def _no_heartbeat(_: StallDetector, __: Callable[[Stall], None]) -> None:
    await asyncio.get_running_loop().create_future()
