"""asyncio's own code runs on the loop of a life unchanged, in one order, and reaches nothing outside."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
from pathlib import Path

import pytest

from harness.simulation.kernel import Escape, Kernel
from harness.simulation.loop import Sleep
from harness.simulation.processes import Process

ROOT = Path(__file__).resolve().parents[3]
SAID = contextvars.ContextVar("SAID", default=".")


def run(main, until_s=100.0):
    """Run one process to its end; gives what ``main`` returned, or raises what it raised."""
    kernel, given = Kernel(seed=1), []

    async def kept(life):
        given.append(await main(life))

    process = Process(kernel, "one", kept)
    process.start()
    kernel.run(until_s=until_s)
    process.close()
    assert given, kernel.errors
    return given[0]


def test_timeouts_queues_locks_and_groups_work_as_they_do():
    async def main(life):
        said = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 1.5)
        said.append(life.time())
        queue = asyncio.Queue(maxsize=1)

        async def produce():
            for number in range(3):
                await queue.put(number)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            said += [await queue.get() for _ in range(3)]
        async with asyncio.Semaphore(1), asyncio.Lock():
            said.append(await asyncio.shield(asyncio.sleep(1.0, "slept")))
        condition = asyncio.Condition()

        async def wake():
            await asyncio.sleep(1.0)
            async with condition:
                condition.notify_all()

        waker = asyncio.create_task(wake())
        async with condition:
            await condition.wait()
        await waker
        with pytest.raises(ExceptionGroup):
            await broken()
        return [*said, life.time(), asyncio.get_running_loop() is life]

    async def raise_(error):
        raise error

    async def broken():
        async with asyncio.TaskGroup() as group:
            group.create_task(raise_(ValueError("a")))
            group.create_task(asyncio.sleep(10))

    assert run(main) == [1.5, 0, 1, 2, "slept", 3.5, True]


def test_what_asyncio_gives_as_a_set_comes_in_the_order_of_making():
    async def main(_):
        tasks = [asyncio.create_task(asyncio.sleep(1.0, number)) for number in range(40)]
        done, _ = await asyncio.wait(tasks)
        there = [task.get_name() for task in asyncio.all_tasks()]
        return [task.result() for task in done], there

    first = run(main)
    assert first == run(main)
    assert sorted(first[0]) == list(range(40))


@pytest.mark.parametrize(
    "leaving",
    [
        lambda loop: loop.run_in_executor(None, print),
        lambda _: asyncio.to_thread(print),
        lambda _: asyncio.open_connection("127.0.0.1", 9),
        lambda _: asyncio.start_server(print, "127.0.0.1", 0),
        lambda _: asyncio.create_subprocess_exec("true"),
        lambda loop: loop.add_signal_handler(15, print),
        lambda loop: loop.getaddrinfo("localhost", 80),
    ],
)
def test_what_would_leave_the_world_is_refused_in_words(leaving):
    async def main(life):
        with pytest.raises(Escape, match="leaves the simulated world"):
            await leaving(life)
        return "refused"

    assert run(main) == "refused"


def test_a_future_that_crosses_from_one_process_to_another_is_an_error():
    kernel, shared = Kernel(seed=1), []

    async def gives(life):
        shared.append(life.create_future())
        await asyncio.sleep(100.0)

    async def takes(_):
        await asyncio.sleep(1.0)
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await shared[0]
        shared.append("refused")

    for name, main in (("a", gives), ("b", takes)):
        Process(kernel, name, main).start()
    kernel.run(until_s=2.0)
    assert shared[1:] == ["refused"]


def test_a_sleep_is_one_event_and_can_be_cancelled():
    async def main(life):
        before = life.kernel.events
        for _ in range(10):
            await Sleep(life, life.time() + 1.0)
        events = life.kernel.events - before
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await Sleep(life, life.time() + 5.0)
        await Sleep(life, life.time() - 1.0)
        return events, life.time()

    assert run(main) == (10, 10.5)


def test_a_generator_that_is_left_early_is_closed_in_the_time_of_the_world():
    async def main(life):
        seen = []

        async def ticks():
            try:
                while True:
                    await asyncio.sleep(1.0)
                    yield life.time()
            finally:
                await asyncio.sleep(0.5)
                seen.append(life.time())

        async for at_s in ticks():
            if at_s >= 2.0:
                break
        await asyncio.sleep(5.0)
        return seen

    assert run(main) == [2.5]


@pytest.mark.parametrize(("killed", "seen"), [(False, [("first", 2.5)]), (True, [])])
def test_a_generator_that_another_life_lets_go_of_ends_in_its_own_or_never_if_that_is_over(killed, seen):
    kernel, held, ended = Kernel(seed=1), [], []

    async def first(life):
        async def ticks():
            try:
                yield life.time()
            finally:
                await asyncio.sleep(0.5)
                ended.append((asyncio.get_running_loop().name, life.time()))

        held.append(ticks())
        await anext(held[0])
        await life.create_future()

    async def second(_):
        async def own():
            yield 1

        await asyncio.sleep(2.0)
        held.clear()
        async for _ in own():
            pass
        await asyncio.sleep(5.0)

    processes = [Process(kernel, "first", first), Process(kernel, "second", second)]
    for process in processes:
        process.start()
    kernel.run(until_s=1.0)
    if killed:
        processes[0].kill()
    kernel.run(until_s=9.0)
    assert ended == seen


def test_what_a_task_sets_in_its_context_is_there_after_each_wait_and_nowhere_else():
    """Begun in a context in which nothing is set: such a one is false."""
    kernel, seen = Kernel(seed=1), []

    def main(value, waits_s):
        async def remember(life):
            for wait_s in waits_s:
                await (Sleep(life, life.time() + wait_s) if wait_s else asyncio.sleep(0))
                SAID.set(SAID.get() + value)
            seen.append(SAID.get())

        return remember

    def world():
        Process(kernel, "first", main("a", [1.0, 0, 1.0])).start()
        Process(kernel, "second", main("b", [1.5, 1.5])).start()
        kernel.run(until_s=9.0)
        return SAID.get()

    assert contextvars.Context().run(world) == "."
    assert seen == [".aaa", ".bb"]


def test_an_error_that_nobody_took_is_kept_and_the_world_goes_on():
    kernel, seen = Kernel(seed=1), []

    async def main(life):
        life.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1.0)
        seen.append("on")

    Process(kernel, "one", main).start()
    kernel.run(until_s=2.0)
    assert seen == ["on"]
    assert [(name, error) for _, name, error in kernel.errors] == [
        ("one", "ZeroDivisionError('division by zero')")
    ]


DIGEST = """
import asyncio
from harness.simulation.kernel import Kernel
from harness.simulation.processes import Process

kernel = Kernel(seed=5)

async def main(life):
    dice = kernel.stream(f"{life.name}-{life.number}")
    async def work(name):
        while True:
            await asyncio.sleep(dice.exponential(0.2))
            kernel.tell(name)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c"):
            group.create_task(work(name))

processes = [Process(kernel, name, main) for name in ("one", "two")]
for process in processes:
    process.start()
dice = kernel.stream("faults")
for _ in range(20):
    kernel.run(until_s=kernel.now_s + dice.exponential(1.0))
    process = processes[int(dice.integers(2))]
    process.kill()
    process.start()
print(kernel.events, kernel.digest())
"""


def test_fresh_processes_with_other_hash_seeds_see_the_very_same_events():
    """SR-39: of the kernel alone."""
    seen = set()
    for hash_seed in ("0", "1", "77"):
        words = [sys.executable, "-c", DIGEST]
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        seen.add(subprocess.run(words, env=environment, capture_output=True, check=True, text=True).stdout)
    (one,) = seen
    assert int(one.split()[0]) > 200, "a digest of next to nothing proves nothing"
