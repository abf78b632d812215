"""The clockwork: every parcel is sent at its due instant, whatever became of the others.

A closed loop would send less while the system hangs and so count few bad units where most
arrivals were hurt. Here latency counts from due, and a slot that cannot be sent is bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from math import nan

import msgspec

from harness.driver.labels import Labels
from harness.driver.orders import RecordFaults
from harness.driver.stalls import Stall, StallDetector, heartbeat
from harness.driver.workload import Change, Finding, Parcel, Reply, Unit, Workload
from harness.driver.writer import RowWriter
from harness.history.observations import UNKNOWN, WITNESS, boot_hash

IN_FLIGHT_MAX = 2000
"""Parcels on their way at once; one beyond this is recorded as bad "skipped", never dropped."""

VERSIONS_MAX = 64
"""A system that names a new version in each answer must not fill memory and history; the rest are 0."""

_STOPPED = "stopped"  # the run ended while the unit was on its way: not the system's doing


Beat = Callable[[StallDetector, Callable[[Stall], None]], Coroutine[None, None, None]]


class OpenLoop:
    """Offers parcels through ``workload`` and records one row a unit.

    ``tell`` gets what the runner must know, as JSON objects of docs/protocols/driver.md; ``faults``
    decides at the instant of sending whether something else goes out in a parcel's place; ``labels`` tells
    later what was true of the units. ``beat`` says when the witness itself stands still.
    """

    def __init__(
        self,
        workload: Workload,
        rows: RowWriter,
        tell: Callable[[dict[str, object]], None],
        *,
        faults: RecordFaults | None = None,
        labels: Labels | None = None,
        in_flight_max: int = IN_FLIGHT_MAX,
        beat: Beat = heartbeat,
    ) -> None:
        self._workload = workload
        self._rows = rows
        self._tell = tell
        self._in_flight = 0
        self._in_flight_max = in_flight_max
        self._versions: dict[str, int] = {}
        self._stalls = StallDetector()
        self._beat = beat
        self._now = asyncio.get_running_loop().time
        self._faults = faults or RecordFaults((), tell=tell, now=self._now)
        self._labels = labels
        self.recorded = [0, 0]
        """Rows so far, by stream."""

    async def run(self, parcels: Sequence[Parcel], first_due_s: float) -> None:
        """Offer all parcels, due offsets counting from ``first_due_s``; ends with the last answer.

        Cancelled, it records every unit on its way as unknown. An error of our own ends it and
        is raised: a witness that swallowed its errors would show a healthy system as hurt.
        """
        async with asyncio.TaskGroup() as helpers:
            running = [
                helpers.create_task(self._beat(self._stalls, self._tell_stall)),
                helpers.create_task(self._rows.pump()),
            ]
            if self._labels:
                running.append(helpers.create_task(self._labels.tell_forever()))
            async with asyncio.TaskGroup() as group:
                for parcel in parcels:
                    await self._offer(parcel, first_due_s + parcel.due_s, group)
            for helper in running:
                helper.cancel()

    async def _offer(self, parcel: Parcel, due_s: float, group: asyncio.TaskGroup) -> None:
        # Even when late, let answers in: a burst of sends alone would make every reply late.
        await asyncio.sleep(max(0.0, due_s - self._now()))
        at_s = self._now()
        if (stall := self._stalls.sent(due_s, at_s)) is not None:
            self._tell_stall(stall)
        change = self._faults.in_force(parcel, at_s - due_s + parcel.due_s)
        if change is None and not parcel.body:
            return  # an extra one whose fault is not on
        if self._in_flight >= self._in_flight_max:
            self._record(parcel, due_s, Reply(nan, at_s, "skipped"))
            return
        self._in_flight += 1
        if change is None:
            group.create_task(self._one(parcel, due_s))
        else:
            self._faults.touch(change)
            group.create_task(self._changed(change, due_s))

    async def _changed(self, change: Change, due_s: float) -> None:
        reply = await self._one(change.parcel, due_s)
        self._faults.answered(change, reply)
        if not change.parcel.units:
            self._faults.resent(self._findings(change, reply))

    def _findings(self, change: Change, reply: Reply) -> dict[str, Finding]:
        """Judge the answers to a duplicate, which has no units of its own."""
        again = tuple(Unit(0, name, WITNESS, change.parcel.due_s) for name in change.touched)
        answers = self._workload.collect(msgspec.structs.replace(change.parcel, units=again), reply)
        return {u.id: self._workload.check(u, a, 0.0) for u, a in zip(again, answers, strict=True)}

    async def _one(self, parcel: Parcel, due_s: float) -> Reply:
        sent_s = self._now()
        try:
            reply = await self._workload.submit(parcel)
        except asyncio.CancelledError:
            self._record(parcel, due_s, Reply(sent_s, self._now(), _STOPPED))
            raise
        finally:
            self._in_flight -= 1
        self._record(parcel, due_s, reply)
        return reply

    def _record(self, parcel: Parcel, due_s: float, reply: Reply) -> None:
        for unit, answer in zip(parcel.units, self._workload.collect(parcel, reply), strict=True):
            if reply.fault == _STOPPED:
                finding = Finding(UNKNOWN, "other")
            else:
                finding = self._workload.check(unit, answer, reply.ended_s - due_s)
            version, boot = self._version(finding.version), boot_hash(reply.boot_id)
            self._rows.add(unit, finding, due_s=due_s, reply=reply, version=version, boot=boot)
            self.recorded[unit.stream] += 1
            if self._labels:
                self._labels.recorded(unit, finding, due_s)

    def _version(self, name: str) -> int:
        if not name:
            return 0
        if name not in self._versions and len(self._versions) < VERSIONS_MAX:
            self._versions[name] = len(self._versions) + 1
            self._tell({"versions": list(self._versions)})
        return self._versions.get(name, 0)

    def _tell_stall(self, stall: Stall) -> None:
        self._tell({"stall": {"since_s": stall.since_s, "lasted_s": stall.lasted_s}})
