"""The pipeline in a simulated world, for tests: its processes, their disks, the wire, and a client."""

from __future__ import annotations

import json
from pathlib import Path

from harness.simulation.disk import Disk
from harness.simulation.hosts import Host, Parts
from harness.simulation.kernel import Kernel
from harness.simulation.network import Call, Network, NetworkError
from harness.simulation.processes import Life, Process
from reference_pipeline.deploy.simulation.pipeline import open_simulation
from reference_pipeline.deploy.simulation.service import Shared, serve
from tests.reference_pipeline.running import record

SERVICES = ("registry", "features", "scorer-a", "scorer-b", "gateway", "delivery")
EDGES = {
    "gateway": ("features", "scorer-a", "scorer-b"),
    "delivery": ("gateway",),
    "scorer-a": ("registry",),
    "scorer-b": ("registry",),
    "driver": ("gateway",),
}


def shared_of(template: Path) -> Shared:
    """What all worlds of one template share."""
    return open_simulation(template).shared


class World:
    """The pipeline and a client; ``ask`` lets time pass until there is an answer."""

    def __init__(self, shared: Shared, seed: int = 1) -> None:
        self.kernel = Kernel(seed)
        self.network = Network(self.kernel)
        self._parts = Parts(kernel=self.kernel, network=self.network, costs={})
        self._shared = shared
        self.failed: list[str] = []
        self._disks = {name: Disk(self.kernel.stream(f"disk {name}")) for name in (*SERVICES, "client")}
        self.processes = {name: Process(self.kernel, name, self._main) for name in SERVICES}
        self._client = Process(self.kernel, "client", self._idle).start()
        for name in SERVICES:
            self.processes[name].start()
        self.kernel.run(until_s=2.0)

    async def _idle(self, life: Life) -> None:
        await life.create_future()

    async def _main(self, life: Life) -> None:
        await serve(self.host(life), self._shared)  # type: ignore[arg-type]

    def host(self, life: Life) -> Host:
        """The world as ``life`` has it."""
        return Host(
            self._parts,
            life,
            self._disks.setdefault(life.name, Disk(self.kernel.stream(f"disk {life.name}"))),
            edges={f"{life.name}-{to}": to for to in EDGES.get(life.name, ())},
            environment={},
            exited=lambda error: self.failed.append(f"{life.name}: {error!r}"),
        )

    def ask(self, service: str, route: str, content: object = None) -> tuple[int, dict[str, object]]:
        body = b"" if content is None else json.dumps(content).encode()
        told: list[tuple[int, dict[str, object]]] = []

        async def call() -> None:
            try:
                answer = await self.network.call(self._client, service, Call(route, body), 5.0)
                told.append((answer.status, json.loads(answer.body)))
            except NetworkError as error:
                told.append((0, {"error": error.kind}))

        self._client.call_soon(lambda: self._client.create_task(call()))
        while not told:
            self.kernel.run(until_s=self.kernel.now_s + 0.01)
        return told[0]

    def decide(self, *keys: str) -> list[dict[str, object]]:
        status, content = self.ask("gateway", "POST /decide", {"records": [record(key) for key in keys]})
        return content["answers"] if status == 200 else []  # type: ignore[return-value]

    def ids(self, service: str, log: str) -> list[str]:
        _, content = self.ask(service, f"GET /audit/{log}?after=0")
        return [row["id"] for row in content["ids"]]  # type: ignore[index, union-attr]

    def passes(self, seconds: float) -> None:
        self.kernel.run(until_s=self.kernel.now_s + seconds)

    def close(self) -> None:
        for process in self.processes.values():
            process.close()
        self.kernel.close()
