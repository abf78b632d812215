"""What a process of a simulated world can reach: its clock, its disk, the wire, its processor, its dice.

Comes in: the world's parts. Goes out: a ``Host`` for each life of a process. Whatever a dead life does with
it raises ``ProcessDead``. A handler pays for the processor first, one after the other, so that queues,
slowness and overload come by themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass

import numpy as np

from harness.simulation.disk import Disk, Mount
from harness.simulation.kernel import Kernel
from harness.simulation.loop import Sleep
from harness.simulation.network import Answer, Call, Costs, Network
from harness.simulation.processes import Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the processes of one world share.

    ``pace_s``: whoever looks again and again waits so long at least.
    """

    kernel: Kernel
    network: Network
    costs: Mapping[str, Costs]
    pace_s: float = 0.0


class Host:
    """The world as one life of the process ``name`` has it. ``edges``: edge -> the process at its end.

    ``environment``: what its system file says. ``exited``: called where the life ends by an error of its own.
    ``disks``: those of other hosts that it may reach into.
    """

    def __init__(
        self,
        parts: Parts,
        life: Life,
        disk: Disk,
        *,
        edges: Mapping[str, str],
        environment: Mapping[str, str],
        exited: Callable[[BaseException], None],
        disks: Mapping[str, Disk] | None = None,
    ) -> None:
        self._parts = parts
        self._life = life
        self._edges = edges
        self._exited = exited
        self._dice = parts.kernel.stream(f"{life.name}#{life.number}")
        self.name = life.name
        self.boot_id = f"{life.name}.{life.number}"
        self.environment = environment
        self.disk = Mount(disk, life)
        self._disks = disks or {}

    def has_edge(self, edge: str) -> bool:
        """Whether this process has a way over ``edge``."""
        return edge in self._edges

    def disk_of(self, name: str) -> Mount:
        """The disk of another host, for whoever is given it; KeyError where nobody is."""
        return Mount(self._disks[name], self._life)

    def now_s(self) -> float:
        """Monotonic seconds of the world."""
        return self._life.time()

    async def sleep_s(self, seconds: float) -> None:
        """Let others run for so long."""
        self._life.check()
        await Sleep(self._life, self._life.time() + max(0.0, seconds))

    async def rest_s(self, seconds: float) -> float:
        """Wait for the next of many looks, at the pace of the world; gives how long."""
        meant_s = max(seconds, self._parts.pace_s)
        await self.sleep_s(meant_s)
        return meant_s

    def dice(self) -> np.random.Generator:
        """The dice of this life."""
        return self._dice

    def spawn(self, make: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run something beside; where it raises, the process ends, as a real one would."""
        task = self._life.create_task(make())

        def over(_: object) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._exited(error)

        task.add_done_callback(over)

    async def burn(self, seconds: float) -> None:
        """Use the processor of this process for so long, behind what uses it already."""
        life = self._life
        life.check()
        await life.until_worked(life.claim(life.time(), seconds))

    async def call(self, edge: str, route: str, body: bytes, deadline_s: float) -> Answer:
        """Call ``route`` over ``edge`` within ``deadline_s`` seconds, once.

        Raises:
            NetworkError: there is no answer; KeyError where there is no such edge.
        """
        callee = self._edges[edge]
        return await self._parts.network.call(self._life, callee, Call(route, body, edge), deadline_s)

    def serve(self, handle: Callable[[str, bytes], Awaitable[Answer]]) -> None:
        """Answer requests from now on; each pays what ``costs`` says first."""
        self._parts.network.serve(self._life, handle, self._parts.costs.get(self.name))
