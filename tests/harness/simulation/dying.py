"""Kills at random instants, and what reaches anything after a death: of a made-up victim, of real services.

Nothing here trusts that ports ask whether their life is over: what a port is asked for is noted before that,
with the state of whoever asks, and what disks and wires have done is counted at the death and again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.experiment.load import load_experiment
from harness.experiment.model import System
from harness.simulation.disk import Disk
from harness.simulation.hosts import Host
from harness.simulation.kernel import Kernel, ProcessDead, State
from harness.simulation.loop import LifeLoop
from harness.simulation.network import Answer, Call, NetworkError
from harness.simulation.processes import Life, Process
from harness.targets.local.profiles import PROFILES
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.opening import Simulated, open_simulation
from harness.targets.simulation.system import SimulatedPlace, SimulatedSystem
from tests.reference_pipeline.running import record

ROOT = Path(__file__).resolve().parents[3]


@dataclass(slots=True)
class Deaths:
    """What was seen. ``ran``: ports used by the dead while their world went on.

    ``wrote``, ``sent``: what got through. ``refused``: ports used, and refused, while the world was closed,
    when Python runs what it must. ``told``: log lines, warnings, errors of the dead. ``lost``: accepted and
    never delivered. ``lives``: of all.
    """

    kills: int = 0
    ran: list[str] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    refused: int = 0
    lives: int = 0
    accepted: int = 0
    lost: int = 0

    def seen(self) -> list[str]:
        """All that must not be."""
        return [*self.ran, *self.wrote, *self.sent, *self.told]

    def add(self, other: Deaths) -> None:
        """Add what another world has shown."""
        self.kills += other.kills
        self.refused += other.refused
        self.lives += other.lives
        self.accepted += other.accepted
        self.lost += other.lost
        for name in ("ran", "wrote", "sent", "told"):
            getattr(self, name).extend(getattr(other, name))


class _Lines(logging.Handler):
    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(f"log: {record.name}: {record.msg}")


@contextlib.contextmanager
def listening(told: list[str]) -> Iterator[None]:
    """Keep what the interpreter says by itself: warnings, errors nobody could raise, lines of logs."""
    lines, unraisable = _Lines(told), sys.unraisablehook
    logging.getLogger().addHandler(lines)
    sys.unraisablehook = lambda what: told.append(f"unraisable: {what.exc_value!r} in {what.object!r}")
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield
        told += [f"warning: {one.message}" for one in warned]
    finally:
        sys.unraisablehook = unraisable
        logging.getLogger().removeHandler(lines)


class Ports:
    """A ``Host`` whose every use is noted, with the state of the life that uses it."""

    def __init__(self, host: Host, life: Life, seen: Deaths, closing: list[bool]) -> None:
        self._host, self._life, self._seen, self._closing = host, life, seen, closing
        self.name, self.boot_id, self.environment = host.name, host.boot_id, host.environment
        self.disk = _Noted(host.disk, self._note)

    def _note(self, what: str) -> None:
        if self._life.state == State.DEAD:
            if self._closing:
                self._seen.refused += 1
            else:
                self._seen.ran.append(f"{self.boot_id} at {self._life.time():.3f} s: {what}")

    def has_edge(self, edge: str) -> bool:
        return self._host.has_edge(edge)

    def now_s(self) -> float:
        return self._host.now_s()

    def dice(self) -> object:
        return self._host.dice()

    async def sleep_s(self, seconds: float) -> None:
        self._note("sleep")
        await self._host.sleep_s(seconds)

    async def rest_s(self, seconds: float) -> float:
        self._note("rest")
        return await self._host.rest_s(seconds)

    async def burn(self, seconds: float) -> None:
        self._note("burn")
        await self._host.burn(seconds)

    def spawn(self, make: Callable[[], object]) -> None:
        self._note("spawn")
        self._host.spawn(make)  # type: ignore[arg-type]

    async def call(self, edge: str, route: str, body: bytes, deadline_s: float) -> Answer:
        self._note(f"call {edge}")
        return await self._host.call(edge, route, body, deadline_s)

    def serve(self, handle: Callable[[str, bytes], Awaitable[Answer]]) -> None:
        async def noted(route: str, body: bytes) -> Answer:
            answer = await handle(route, body)
            self._note(f"answer {route}")
            return answer

        self._note("serve")
        self._host.serve(noted)


class _Noted:
    """Something whose methods are noted before they do anything."""

    def __init__(self, inner: object, note: Callable[[str], None]) -> None:
        self._inner, self._note = inner, note

    def __getattr__(self, name: str) -> object:
        method = getattr(self._inner, name)

        def noted(*arguments: object) -> object:
            self._note(name)
            return method(*arguments)

        return noted


# A victim that is all endings.


def victim(write: Callable[[Life, str], None]) -> Callable[[Life], Awaitable[None]]:
    """Everything whose end Python runs by itself: context managers, generators, finally, task groups."""

    @contextlib.asynccontextmanager
    async def entered(life: Life) -> AsyncIterator[None]:
        try:
            yield
        finally:
            write(life, "left")

    async def ticks(life: Life, every_s: float) -> AsyncIterator[None]:
        try:
            while True:
                await asyncio.sleep(every_s)
                yield
        finally:
            write(life, "generator closed")

    async def one(life: Life, every_s: float) -> None:
        try:
            async with entered(life), asyncio.timeout(1000.0):
                async for _ in ticks(life, every_s):
                    write(life, "tick")
        except BaseException:
            write(life, "except")
            raise
        finally:
            write(life, "finally")
            await asyncio.sleep(0.1)
            write(life, "after a wait in finally")

    async def main(life: Life) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(one(life, 0.07 + 0.05 * number))
            await asyncio.shield(asyncio.Event().wait())

    return main


def by_cancelling(process: Process) -> bool:
    """What is no kill: every ``finally`` runs, and then the process is gone."""
    life = process.life
    assert life is not None
    for task in list(life.tasks):
        task.cancel()
    life.kernel.run(until_s=life.kernel.now_s + 0.2)
    return process.kill()


def by_dropping(process: Process) -> bool:
    """What is no kill either: without a reference, Python closes what the dead held."""
    life = process.life
    assert life is not None
    killed = process.kill()
    process._dead.clear()
    for task in list(life.tasks):
        task._log_destroy_pending = False
    life.tasks.clear()
    life.kernel._heap.clear()
    gc.collect()
    return killed


def kill_victims(kills: int, seed: int, kill: Callable[[Process], bool] = Process.kill) -> Deaths:
    """Kill lives of one process at random instants, then close their world."""
    seen, kernel, closing = Deaths(), Kernel(seed), list[bool]()
    disk = Disk(kernel.stream("disk"))

    def write(life: Life, word: str) -> None:
        if life.state == State.DEAD and not closing:
            seen.ran.append(f"{life.name} {life.number}: {word}")
        try:
            disk.append(life, "said", word.encode())
        except ProcessDead:
            seen.refused += 1
            raise
        if word != "tick":
            seen.wrote.append(f"{life.name} {life.number}: {word}")

    process, dice = Process(kernel, "victim", victim(write)), kernel.stream("kills")
    with listening(seen.told):
        for _ in range(kills):
            process.start()
            kernel.run(until_s=kernel.now_s + dice.uniform(0.0, 0.6))
            before = disk.operations
            seen.kills += kill(process)
            kernel.run(until_s=kernel.now_s + dice.uniform(0.0, 0.3))
            seen.wrote += ["a write between two lives"] * (disk.operations - before)
        closing.append(True)
        before = disk.operations
        process.close()
        seen.wrote += ["a write at the end"] * (disk.operations - before)
        kernel.close()
        gc.collect()  # what Python still has to say of coroutines, it says now
    seen.told += [error for _, _, error in kernel.errors]
    seen.lives = process.lives
    return seen


# The services of the reference pipeline.


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What worlds of the pipeline share."""

    system: System
    opened: Simulated


def pipeline_of(template: Path) -> Pipeline:
    """Open it once for all worlds."""
    system = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml").system
    return Pipeline(system, open_simulation(system, template))


def kill_services(pipeline: Pipeline, kills: int, seed: int) -> Deaths:
    """Kill random services of a pipeline under load at random instants, half of them right behind a write."""
    seen, kernel, closing = Deaths(), Kernel(seed), list[bool]()

    async def main(host: Host) -> None:
        life = host._life
        seen.lives += 1
        await pipeline.opened.serve(Ports(host, life, seen, closing))  # type: ignore[arg-type]

    place = SimulatedPlace(
        system=pipeline.system, arm="reference", profile=PROFILES["fast"], restart=True, main=main
    )
    system = SimulatedSystem(kernel, place)
    looker, driver = Looker(kernel, system.network), Process(kernel, "driver", _load(system))
    with listening(seen.told):
        system.start()
        _watch_wire(system, seen)
        driver.start()
        for _ in range(kills):
            _kill_one(system, seen)
        driver.kill()
        kernel.run(until_s=kernel.now_s + 10.0)
        _audit(looker, seen)
        closing.append(True)
        before = {name: disk.operations for name, disk in system._disks.items()}
        for process in (driver, looker, system):
            process.close()
        kernel.close()
        seen.wrote += [
            f"{n}: at the end" for n, disk in system._disks.items() if disk.operations != before[n]
        ]
    return seen


def _load(system: SimulatedSystem) -> Callable[[Life], Awaitable[None]]:
    async def main(life: Life) -> None:
        host, number = system.witness_host(life), 0
        while True:
            number += 1
            body = json.dumps({"records": [record(f"u{number}-{k}") for k in range(3)]}).encode()
            with contextlib.suppress(NetworkError):
                await host.call(system.system.witness_edge, "POST /decide", body, 0.5)
            await host.sleep_s(0.02)

    return main


def _watch_wire(system: SimulatedSystem, seen: Deaths) -> None:
    """Note who sends: a request of a dead life, an answer of one."""
    reaches, network = system.network._reaches, system.network

    def noted(sender: str, receiver: str) -> bool:
        process = system.processes.get(sender)
        loop = asyncio._get_running_loop()
        ours = isinstance(loop, LifeLoop) and loop.name == sender
        if process is not None and ours and loop.state == State.DEAD:
            seen.sent.append(f"{sender} to {receiver} at {system.kernel.now_s:.3f} s")
        return reaches(sender, receiver)

    network._reaches = noted  # type: ignore[method-assign]


def _kill_one(system: SimulatedSystem, seen: Deaths) -> None:
    """Kill one service that is ready, and see that its host keeps still until its next life begins."""
    kernel, dice = system.kernel, system.kernel.stream(f"kill {seen.kills}")
    names = sorted(system.processes)
    name = names[int(dice.integers(len(names)))]
    process, disk = system.processes[name], system._disks[name]
    kernel.run(until_s=kernel.now_s + dice.uniform(0.05, 0.4))
    if dice.random() < 0.5:
        _run_to_next_write(kernel, disk, within_s=0.3)
    if not process.kill():
        return
    seen.kills += 1
    number, operations, errors = process.lives, disk.operations, len(kernel.errors)
    until_s = kernel.now_s + dice.uniform(0.0, 0.2)
    while process.lives == number and kernel.now_s < until_s:
        kernel.run(until_s=kernel.now_s + 0.0005)
        if process.lives == number and disk.operations != operations:
            seen.wrote.append(f"{name} {number} at {kernel.now_s:.3f} s")
    seen.told += [f"{who}: {what}" for _, who, what in kernel.errors[errors:] if who == name]


def _run_to_next_write(kernel: Kernel, disk: Disk, within_s: float) -> None:
    """Let time pass in small steps until the disk was used: what waits for that write has not gone on yet."""
    operations, late_s = disk.operations, kernel.now_s + within_s
    while disk.operations == operations and kernel.now_s < late_s:
        kernel.run(until_s=kernel.now_s + 0.0001)


def _audit(looker: Looker, seen: Deaths) -> None:
    def ids(service: str, log: str) -> set[str]:
        met = looker.ask(service, Call(f"GET /audit/{log}?after=0"), 5.0)
        assert met.answer is not None, f"{service} does not answer after its last kill: {met.why}"
        return {row["id"] for row in json.loads(met.answer.body)["ids"]}

    accepted = ids("gateway", "accepted")
    seen.accepted = len(accepted)
    seen.lost = len(accepted - ids("delivery", "sink") - ids("gateway", "dead_letters"))
