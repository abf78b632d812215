"""A simulated machine, as a keeper knows one: it starts and ends simulated processes and looks at them.

Comes in: a ``ServiceSpec``. Goes out: another life of the process with its name, its end, what it answers.
The keeper runs in a life of its own, as a kubelet does beside what it keeps.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import MappingProxyType

from harness.errors import Refused
from harness.simulation.network import Call, Network, NetworkError
from harness.simulation.processes import Life, Process
from harness.targets.local.looks import Answer, boot_id_in
from harness.targets.local.machine import Child
from harness.targets.local.spec import ServiceSpec
from harness.targets.local.zygote import Exited

FAILED = 1
"""The exit code of a process that an error of its own ended."""


class SimulatedMachine:
    """The processes of a world by the names of their services; ``life`` is whose keepers ask.

    Nothing listens on a service's port, but it names the service to who looks. ``exit_s``: how long the end
    of a service takes to be heard of, as a real one is reaped and forked anew; at once where it is not there.
    """

    def __init__(
        self,
        life: Life,
        network: Network,
        processes: Mapping[str, Process],
        exit_s: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._life = life
        self._network = network
        self._processes = processes
        self._exit_s = exit_s
        self._named: dict[int, str] = {}
        self._children: dict[int, str] = {}
        self._codes: dict[int, int] = {}

    async def spawn(self, spec: ServiceSpec, /) -> Child:
        """See ``Machine``."""
        self._named[spec.port] = spec.name
        begun = self._processes[spec.name].start()
        pid = begun.key
        self._children[pid] = spec.name
        exited = self._life.create_future()
        late_s = self._exit_s.get(spec.name, 0.0)

        def ended() -> None:
            code = self._codes.pop(pid, -int(signal.SIGKILL))
            del self._children[pid]
            end = Exited(pid=pid, code=code, at_s=self._life.time() + late_s)
            if late_s > 0.0:
                self._life.call_later(late_s, exited.set_result, end)
            else:
                exited.set_result(end)

        begun.on_death[ended] = None
        return Child(pid=pid, start_ticks=begun.number, started_at_s=self._life.time(), exited=exited)

    def failed(self, name: str) -> None:
        """End the process as one that an error of its own has ended."""
        life = self._processes[name].life
        if life is not None:
            self._end(life.key, FAILED)

    def orphans(self, spec: ServiceSpec, root: int = 0, /) -> tuple[int, ...]:  # noqa: ARG002 - the protocol's
        """See ``Machine``: nothing here listens on a port, so nothing can keep one."""
        return ()

    def end_orphans(self, spec: ServiceSpec, /) -> tuple[int, ...]:
        """See ``Machine``."""
        return self.orphans(spec)

    def signal(self, pid: int, number: int, /) -> None:
        """See ``Machine``. SIGTERM ends it at once, too: no service here does anything on it."""
        if number not in (signal.SIGTERM, signal.SIGKILL):
            raise ValueError(f"a keeper sends SIGTERM or SIGKILL, not {number}")
        self._end(pid, -int(number))

    def _end(self, pid: int, code: int) -> None:
        if (name := self._children.get(pid)) is not None:
            self._codes[pid] = code
            self._processes[name].kill()

    def has(self, child: Child, /) -> bool:
        """See ``Machine``."""
        return child.pid in self._children

    def check_port(self, spec: ServiceSpec, /) -> None:
        """See ``Machine``."""
        if self._processes[spec.name].running:
            raise Refused(f"port {spec.port} of {spec.name} is held by another life of it")

    async def look(self, port: int, route: str, timeout_s: float, /) -> Answer:
        """See ``Machine``."""
        name = self._named.get(port, "")
        try:
            answer = await self._network.call(self._life, name, Call(f"GET {route}"), timeout_s)
        except NetworkError as error:
            return Answer(status=0, why=error.kind)
        return Answer(status=answer.status, boot_id=boot_id_in(answer.body), body=answer.body)

    def last_words(self, name: str, /) -> str:
        """A simulated process writes no log; its kernel keeps the errors of its callbacks."""
        words = [said for _, who, said in self._life.kernel.errors if who == name]
        return f"\n  | {words[-1]}" if words else ""
