"""Looks from outside at a simulated system: a client of its own asks over the wire while time passes."""

from __future__ import annotations

from collections.abc import Callable

from harness.simulation.kernel import Kernel
from harness.simulation.network import Network, NetworkError
from harness.simulation.processes import Life, Process
from harness.targets.local.looks import Answer, boot_id_in

_STEP_S = 0.001
"""How far the world runs at a time, so how much later than an answer whoever asked goes on."""


class Looker:
    """A host of the world that only looks; no edge and so no fault of an edge lies between."""

    def __init__(self, kernel: Kernel, network: Network) -> None:
        self._kernel = kernel
        self._network = network
        self._process = Process(kernel, "looker", _idle)

    def look(self, name: str, route: str, within_s: float) -> Answer:
        """GET ``route`` of a service; ``why`` is what the wire did where there is no answer."""
        life = self._process.life or self._process.start()
        told: list[Answer] = []

        async def ask() -> None:
            try:
                given = await self._network.call(life, name, f"GET {route}", b"", within_s)
            except NetworkError as error:
                told.append(Answer(status=0, why=error.kind))
            else:
                told.append(Answer(status=given.status, boot_id=boot_id_in(given.body), body=given.body))

        life.call_soon(lambda: life.create_task(ask()))
        self.until(lambda: bool(told), within_s + 1.0)
        return told[0]

    def until(self, looks_so: Callable[[], bool], within_s: float) -> bool:
        """Let time pass until it looks so; False where it does not within ``within_s``."""
        late_s = self._kernel.now_s + within_s
        while not looks_so():
            if self._kernel.now_s >= late_s:
                return False
            self._kernel.run(until_s=self._kernel.now_s + _STEP_S)
        return True

    def close(self) -> None:
        """End it."""
        self._process.close()


async def _idle(life: Life) -> None:
    await life.create_future()
