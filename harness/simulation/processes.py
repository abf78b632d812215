"""A simulated process: started, killed, stopped and continued; each start is another life.

A kill runs nothing of the victim, neither then nor later: its callbacks are dropped, its coroutines are held
so that no ``finally`` runs, and its ports raise ``ProcessDead``. Then the kernel of its host does what a real
one does: whoever wants to know of it (``on_death``) is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine

from harness.simulation.kernel import Kernel, State
from harness.simulation.loop import LifeLoop, Sleep

Main = Callable[["Life"], Coroutine[None, None, None]]


class Life(LifeLoop):
    """One life of a process. ``number`` counts from 1; ``on_death`` is called by the host, in order.

    ``slowness``: how many times longer its processor takes, ``skew_s``: what its wall clock is off by.
    ``busy_until_s``: until when its one processor is taken, by its own clock: ``paused_s`` less than that of
    the world, and at rest since ``stopped_s``.
    """

    def __init__(self, kernel: Kernel, name: str, number: int) -> None:
        super().__init__(kernel, name)
        self.number = number
        self.on_death: dict[Callable[[], None], None] = {}
        self.slowness = 1.0
        self.skew_s = 0.0
        self.busy_until_s = 0.0
        self.paused_s = 0.0
        self.stopped_s = math.inf

    def claim(self, from_s: float, seconds: float) -> float:
        """Take the processor for so long, behind what has it already; gives what it will have worked then.

        By a clock that stands still while the process is stopped: what waits then waits in its order.
        """
        runs_s = min(from_s, self.stopped_s) - self.paused_s
        self.busy_until_s = max(runs_s, self.busy_until_s) + seconds * self.slowness
        return self.busy_until_s

    async def until_worked(self, worked_s: float) -> None:
        """Wait until the processor has worked so long, stops left out."""
        while (due_s := worked_s + self.paused_s) > self.time():
            await Sleep(self, due_s)


class Process:
    """A process of a simulated world by its name; ``main`` is what each life runs.

    >>> import asyncio
    >>> kernel, said = Kernel(seed=7), []
    >>> async def main(life):
    ...     while True:
    ...         said.append((life.number, life.time()))
    ...         await asyncio.sleep(1.0)
    >>> process = Process(kernel, "worker", main)
    >>> _ = process.start(); kernel.run(until_s=1.5)
    >>> _ = process.kill(); kernel.run(until_s=3.0)
    >>> _ = process.start(); kernel.run(until_s=3.5)
    >>> said
    [(1, 0.0), (1, 1.0), (2, 3.0)]
    """

    def __init__(self, kernel: Kernel, name: str, main: Main) -> None:
        self._kernel = kernel
        self._main = main
        self.name = name
        self.life: Life | None = None
        self.lives = 0
        self._dead: list[Life] = []

    @property
    def running(self) -> bool:
        """Whether there is a life, stopped or not."""
        return self.life is not None and self.life.state != State.DEAD

    def start(self) -> Life:
        """Begin another life; ValueError while one is there."""
        if self.running:
            raise ValueError(f"{self.name} has a life already")
        self.lives += 1
        life = self.life = Life(self._kernel, self.name, self.lives)  # type: ignore[abstract]  # the rest refuses
        self._kernel.tell("start", self.name, self.lives)
        life.call_soon(lambda: life.create_task(self._main(life), name=self.name))
        return life

    def kill(self) -> bool:
        """SIGKILL; True if there was somebody to kill."""
        life = self.life
        if life is None or life.state == State.DEAD:
            return False
        life.state = State.DEAD
        life.parked.clear()
        self._dead.append(life)  # its coroutines are held: without a reference their `finally` would run
        self._kernel.tell("kill", self.name, life.number)
        for told in list(life.on_death):
            told()
        return True

    def stop(self) -> bool:
        """SIGSTOP; True if it ran. What is due meanwhile waits, in order."""
        if self.life is None or self.life.state != State.RUNNING:
            return False
        self.life.state = State.STOPPED
        self.life.stopped_s = self._kernel.now_s
        self._kernel.tell("stop", self.name, self.life.number)
        return True

    def go_on(self) -> bool:
        """SIGCONT; True if it was stopped. All that became due runs now."""
        life = self.life
        if life is None or life.state != State.STOPPED:
            return False
        life.state = State.RUNNING
        life.paused_s += self._kernel.now_s - life.stopped_s
        life.stopped_s = math.inf
        self._kernel.tell("go on", self.name, life.number)
        self._kernel.ready.extend(life.parked)
        life.parked.clear()
        return True

    def close(self) -> None:
        """End the world for this process: its lives' coroutines are closed, and reach nothing."""
        self.kill()
        for life in self._dead:
            life.dispose()
        self._dead.clear()
