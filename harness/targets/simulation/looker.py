"""Looks from outside at a simulated system: a client of its own asks over the wire while time passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.observers.fetch import Reply, Unseen
from harness.simulation.kernel import Kernel
from harness.simulation.network import Answer as Answered
from harness.simulation.network import Call, Network, NetworkError
from harness.simulation.processes import Life, Process
from harness.targets.local.looks import Answer, boot_id_in

_STEP_S = 0.001
"""How far the world runs at a time, so how much later than an answer whoever asked goes on."""


@dataclass(frozen=True, slots=True)
class Met:
    """What one request met, after ``took_s``: an answer, or ``why`` there is none."""

    took_s: float
    answer: Answered | None = None
    why: str = ""


class Looker:
    """A host of the world that only looks; every request makes a connection of its own."""

    def __init__(self, kernel: Kernel, network: Network) -> None:
        self._kernel = kernel
        self._network = network
        self._process = Process(kernel, "looker", _idle)

    def ask(self, name: str, call: Call, within_s: float) -> Met:
        """Call a service and let time pass until it is known what becomes of that."""
        life = self._process.life or self._process.start()
        self._network.hang_up(life)
        began_s, met = self._kernel.now_s, list[Met]()

        async def asked() -> None:
            try:
                answer = await self._network.call(life, name, call, within_s)
            except NetworkError as error:
                met.append(Met(life.time() - began_s, why=error.kind))
            else:
                met.append(Met(life.time() - began_s, answer))

        life.call_soon(lambda: life.create_task(asked()))
        self.until(lambda: bool(met), within_s + 1.0)
        return met[0]

    def look(self, name: str, route: str, within_s: float) -> Answer:
        """GET ``route`` of a service past all edges."""
        met = self.ask(name, Call(f"GET {route}"), within_s)
        if met.answer is None:
            return Answer(status=0, why=met.why)
        body = met.answer.body
        return Answer(status=met.answer.status, boot_id=boot_id_in(body), body=body)

    def fetch(self, name: str, route: str, within_s: float) -> Reply:
        """GET ``route`` as ``observers.fetch`` does; ``Unseen`` where there is no answer."""
        met = self.ask(name, Call(f"GET {route}"), within_s)
        if met.answer is None:
            raise Unseen(met.why)
        return reply_of(met.answer, self._kernel.now_s)

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


def reply_of(answer: Answered, received_s: float) -> Reply:
    """An answer of the wire as an observer knows it."""
    boot_id = answer.headers.get("x-boot-id", "")
    return Reply(status=answer.status, boot_id=boot_id, body=answer.body, received_s=received_s)


async def _idle(life: Life) -> None:
    await life.create_future()
