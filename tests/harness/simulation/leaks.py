"""Every way in which a simulated world is known to differ from itself, planted in a process of a tiny world.

Run as a module it prints, as JSON, two traces of each world that is named, made one after the other without
any guard: ``python -m tests.harness.simulation.leaks SLOW NAME...``. SLOW 1: every call may burn real time.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import json
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.simulation.disk import Disk
from harness.simulation.guards import guarded
from harness.simulation.kernel import Kernel
from harness.simulation.processes import Life, Process

Say = Callable[[object], None]
Body = Callable[[Life, Say], Awaitable[None]]

WORDS = ("registry", "features", "scorer", "gateway", "delivery", "learner", "healer")
STEPS, STEP_S = 60, 0.25
EVENTS_MIN, FAULTS_MIN = 200, 1
_ballast: list[object] = []


class Trace(NamedTuple):
    """What one world left: its digest, how much that is over, and what its guards have refused."""

    digest: str
    events: int
    faults: int
    escapes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class Vacuous(AssertionError):
    """Digests of next to nothing are equal whatever leaks."""


def same(*traces: Trace) -> bool:
    """Whether all are one digest; ``Vacuous`` where that would say nothing."""
    for trace in traces:
        if trace.events < EVENTS_MIN or trace.faults < FAULTS_MIN:
            raise Vacuous(f"{trace.events} events and {trace.faults} faults prove nothing")
    return len({trace.digest for trace in traces}) == 1


def lived(body: Body, *, guards: bool = False, seed: int = 5, steps: int = STEPS) -> Trace:
    """A world in which a process does ``body`` at each step, what it says goes to its disk; killed twice."""
    kernel = Kernel(seed)
    disk = Disk(kernel.stream("disk"))

    async def main(life: Life) -> None:
        def say(what: object) -> None:
            disk.append(life, "said", f"{what}\n".encode())

        while True:
            await asyncio.sleep(STEP_S)
            await body(life, say)

    processes = [Process(kernel, name, main) for name in ("one", "two")]
    with guarded() if guards else contextlib.nullcontext():
        for process in processes:
            process.start()
        dice, faults = kernel.stream("faults"), 0
        for process in processes:
            kernel.run(until_s=kernel.now_s + STEP_S * steps * (0.3 + 0.1 * dice.random()))
            faults += process.kill()
            process.start()
        kernel.run(until_s=STEP_S * steps)
        for process in processes:
            process.close()
    errors = tuple(error for _, _, error in kernel.errors)
    return Trace(kernel.digest(), kernel.events, faults, tuple(what for *_, what in kernel.escapes), errors)


# The leaks. Each is a few lines of a process, as somebody might write them.


async def clean(life: Life, say: Say) -> None:
    """No leak: dice of the world, its clock, sets that are sorted."""
    say((life.time(), sorted(set(WORDS)), await asyncio.sleep(0.01, "slept")))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0.01, word)) for word in WORDS]
    say([task.result() for task in tasks])


async def set_of_words(_: Life, say: Say) -> None:
    say(",".join(set(WORDS)))


async def hash_of_a_word(_: Life, say: Say) -> None:
    say(hash("registry") % 1000)


async def set_of_plain_tasks(life: Life, say: Say) -> None:
    tasks = {asyncio.Task(asyncio.sleep(0.01, number), loop=life) for number in range(40)}
    done, _ = await asyncio.wait(tasks)
    say([task.result() for task in done])


class _Thing:
    def __init__(self, number: int) -> None:
        self.number = number


async def set_of_objects(_: Life, say: Say) -> None:
    say([thing.number for thing in {_Thing(number) for number in range(40)}])


async def sorted_by_address(_: Life, say: Say) -> None:
    things = [_Thing(number) for number in range(40)]
    say([thing.number for thing in sorted(things, key=id)])


async def address_in_a_word(_: Life, say: Say) -> None:
    say(_Thing(1))


async def wall_clock(_: Life, say: Say) -> None:
    say(time.time())


async def dice(_: Life, say: Say) -> None:
    say(random.random())


async def fresh_id(_: Life, say: Say) -> None:
    say(uuid.uuid4())


async def fresh_bits(_: Life, say: Say) -> None:
    say(os.urandom(8))


async def fresh_token(_: Life, say: Say) -> None:
    say(secrets.token_hex(8))


async def unseeded(_: Life, say: Say) -> None:
    say(np.random.default_rng().random())


async def global_dice(_: Life, say: Say) -> None:
    say(np.random.normal())


def _imported_by_name() -> Callable[[], float]:
    from time import perf_counter

    return perf_counter


_perf_counter = _imported_by_name()  # before any guard is there


async def clock_by_name(_: Life, say: Say) -> None:
    from time import perf_counter  # noqa: F401 - how it stands in a source

    say(_perf_counter())


async def date_of_today(_: Life, say: Say) -> None:
    say(datetime.datetime.now(tz=datetime.UTC))


def _worked(count: int) -> int:
    return sum(_one(number) for number in range(count))


def _one(number: int) -> int:
    return number % 7


async def budget_of_real_time(_: Life, say: Say) -> None:
    began_s = time.monotonic()
    _worked(60)
    say("late" if time.monotonic() - began_s > 0.002 else "in time")


async def other_thread(_: Life, say: Say) -> None:
    say(await asyncio.to_thread(_worked, 10))


async def connection(_: Life, say: Say) -> None:
    say(await asyncio.open_connection("127.0.0.1", 9))


async def raw_socket(_: Life, say: Say) -> None:
    with socket.socket() as one:
        say(one.fileno() > 0)


async def child(_: Life, say: Say) -> None:
    say(subprocess.run(["true"], check=False).returncode)  # noqa: ASYNC221 - the leak


async def real_file(_: Life, say: Say) -> None:
    path = Path(tempfile.gettempdir()) / f"hormesis-leak-{os.getpid()}"
    with open(path, "a") as file:  # noqa: ASYNC230 - the leak
        file.write("x")
    say(path.stat().st_mtime_ns)
    path.unlink()


async def raw_thread(_: Life, say: Say) -> None:
    thread = threading.Thread(target=_worked, args=(10,))
    thread.start()
    thread.join()
    say("joined")


async def real_sleep(_: Life, say: Say) -> None:
    time.sleep(0.0001)  # noqa: ASYNC251 - the leak
    say("slept")


_lives: list[int] = []


async def memory_of_the_module(_: Life, say: Say) -> None:
    _lives.append(1)
    say(len(_lives))


@functools.lru_cache
def _length_of(word: str) -> int:
    return len(word)


async def memory_of_a_cache(life: Life, say: Say) -> None:
    known = _length_of.cache_info().hits
    say(_length_of(f"{life.name} {life.time():.1f}"))
    if _length_of.cache_info().hits == known:
        await asyncio.sleep(0.01)  # what is found at once costs nothing


LEAKS: dict[str, Body] = {
    body.__name__: body
    for body in (
        *(set_of_words, hash_of_a_word, set_of_plain_tasks, set_of_objects, sorted_by_address),
        *(address_in_a_word, wall_clock, dice, fresh_id, fresh_bits, fresh_token, unseeded, global_dice),
        *(clock_by_name, date_of_today, budget_of_real_time, other_thread, connection, raw_socket, child),
        *(real_file, raw_thread, real_sleep, memory_of_the_module, memory_of_a_cache),
    )
}
SLOW_TO_PLANT = {"child": 12, "real_sleep": 60}
"""Steps of those that take real time."""


@contextlib.contextmanager
def slowed(seed: int, share_ratio: float = 0.02) -> Iterator[None]:
    """Let a share of all calls burn up to 2 ms: what counts on the machine's pace comes out otherwise."""
    chance = random.Random(seed)

    def burn(_: object, event: str, __: object) -> None:
        if event == "call" and chance.random() < share_ratio:
            late_s = _perf_counter() + chance.random() * 0.002
            while _perf_counter() < late_s:
                pass

    sys.setprofile(burn)
    try:
        yield
    finally:
        sys.setprofile(None)


def _twice(name: str, body: Body) -> list[Trace]:
    steps = SLOW_TO_PLANT.get(name, STEPS)
    first = lived(body, steps=steps)
    _ballast.append([_Thing(number) for number in range(997)])  # so that addresses do not come again
    return [first, lived(body, steps=steps)]


def main(slow: str, *names: str) -> None:
    """Print two traces of each that is named."""
    with slowed(3) if int(slow) else contextlib.nullcontext():
        told = {name: _twice(name, {"clean": clean, **LEAKS}[name]) for name in names}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
