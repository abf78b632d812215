"""A killed process runs nothing, a stopped one later, and a new life knows nothing of the old one."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulation.kernel import Kernel, ProcessDead
from harness.simulation.processes import Process


class Port:
    """What reaches the outside; like every port it asks first whether its life is over."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.reached = []
        self.refused = 0

    def write(self, life, word):
        try:
            life.check()
        except ProcessDead:
            self.refused += 1
            raise
        self.reached.append((self.kernel.now_s, word))


def victim(port):
    """Everything whose end Python runs by itself: context managers, generators, finally, task groups."""

    @contextlib.asynccontextmanager
    async def entered(life):
        try:
            yield
        finally:
            port.write(life, "left")

    async def ticks(life):
        try:
            while True:
                await asyncio.sleep(0.3)
                yield
        finally:
            port.write(life, "generator closed")

    async def one(life):
        try:
            async with entered(life):
                async for _ in ticks(life):
                    port.write(life, "tick")
        except BaseException:
            port.write(life, "except")
            raise
        finally:
            port.write(life, "finally")
            await asyncio.sleep(0.1)
            port.write(life, "after a wait in finally")

    async def main(life):
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(one(life))
            waits = asyncio.Event()
            await waits.wait()

    return main


@given(st.floats(0.01, 5.0))
def test_nothing_of_a_killed_process_reaches_anything_neither_then_nor_at_the_end(at_s):
    kernel = Kernel(seed=1)
    port = Port(kernel)
    process = Process(kernel, "victim", victim(port))
    process.start()
    kernel.run(until_s=at_s)
    assert process.kill()
    before, events = list(port.reached), kernel.events
    kernel.run(until_s=20.0)
    assert (port.reached, port.refused, kernel.events) == (before, 0, events)
    process.close()
    assert port.reached == before
    assert {word for _, word in before} <= {"tick"}


def test_closing_a_world_runs_what_python_must_and_its_ports_refuse():
    kernel = Kernel(seed=1)
    port = Port(kernel)
    process = Process(kernel, "victim", victim(port))
    process.start()
    kernel.run(until_s=1.0)
    reached = list(port.reached)
    process.close()
    assert port.reached == reached
    assert port.refused > 0, "this test is about blocks that do run"


def test_a_process_that_kills_itself_gets_no_further():
    kernel = Kernel(seed=1)
    port = Port(kernel)

    async def main(life):
        try:
            port.write(life, "before")
            process.kill()
            await asyncio.sleep(0)
            port.write(life, "behind")
        finally:
            port.write(life, "finally")

    process = Process(kernel, "one", main)
    process.start()
    kernel.run(until_s=1.0)
    assert [word for _, word in port.reached] == ["before"]
    process.close()
    assert [word for _, word in port.reached] == ["before"]


def test_what_falls_due_to_a_stopped_process_comes_together_when_it_goes_on():
    kernel, seen = Kernel(seed=1), []

    async def main(life):
        async def every(name, seconds):
            while True:
                await asyncio.sleep(seconds)
                seen.append((round(life.time(), 1), name))

        async with asyncio.TaskGroup() as group:
            group.create_task(every("a", 0.4))
            group.create_task(every("b", 0.7))

    process = Process(kernel, "one", main)
    process.start()
    kernel.run(until_s=0.5)
    assert process.stop()
    assert not process.stop()
    kernel.run(until_s=3.0)
    assert seen == [(0.4, "a")]
    assert process.go_on()
    assert not process.go_on()
    kernel.run(until_s=3.45)
    assert seen == [(0.4, "a"), (3.0, "b"), (3.0, "a"), (3.4, "a")]


def test_a_stopped_process_can_be_killed_and_what_waited_is_gone():
    kernel, seen = Kernel(seed=1), []

    async def main(life):
        while True:
            await asyncio.sleep(1.0)
            seen.append(life.number)

    process = Process(kernel, "one", main)
    process.start()
    kernel.run(until_s=1.5)
    process.stop()
    kernel.run(until_s=5.0)
    assert process.kill()
    assert not process.kill()
    assert not process.running
    process.start()
    kernel.run(until_s=6.5)
    assert seen == [1, 2]


def test_a_new_life_is_another_one_and_none_begins_beside_a_running_one():
    kernel = Kernel(seed=1)

    async def main(life):
        life.kept = getattr(life, "kept", 0) + 1
        await asyncio.sleep(100.0)

    process = Process(kernel, "one", main)
    first = process.start()
    kernel.run(until_s=1.0)
    with pytest.raises(ValueError, match="one has a life already"):
        process.start()
    process.kill()
    second = process.start()
    kernel.run(until_s=2.0)
    assert (first.number, second.number, second.kept) == (1, 2, 1)
    assert first.key != second.key


def test_who_asked_is_told_of_a_death_once_in_order():
    kernel, told = Kernel(seed=1), []

    async def main(_):
        await asyncio.sleep(100.0)

    process = Process(kernel, "one", main)
    life = process.start()
    for word in ("a", "b"):
        life.on_death[lambda word=word: told.append(word)] = None
    process.kill()
    process.kill()
    assert told == ["a", "b"]


def test_a_hundred_lives_leave_nothing_behind():
    kernel = Kernel(seed=1)
    port = Port(kernel)
    process = Process(kernel, "victim", victim(port))
    for number in range(100):
        process.start()
        kernel.run(until_s=number + 0.5)
        process.kill()
    process.close()
    kernel.close()
    assert process.lives == 100
    assert kernel.ready == type(kernel.ready)()
