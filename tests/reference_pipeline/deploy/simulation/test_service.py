"""The pipeline in a simulated world: records are decided and delivered once, and kills lose none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.simulation.disk import Disk
from harness.simulation.hosts import Host, Parts
from harness.simulation.kernel import Kernel
from harness.simulation.network import Network, NetworkError
from harness.simulation.processes import Life, Process
from reference_pipeline.deploy.policies import FOLDER, GitPolicies
from reference_pipeline.deploy.simulation.service import Shared, serve
from reference_pipeline.deploy.template import Template
from reference_pipeline.healing.policy import PolicySource
from tests.reference_pipeline.running import record

SERVICES = ("registry", "features", "scorer-a", "scorer-b", "gateway", "delivery")
EDGES = {
    "gateway": ("features", "scorer-a", "scorer-b"),
    "delivery": ("gateway",),
    "scorer-a": ("registry",),
    "scorer-b": ("registry",),
}


class FixedPolicies:
    """What a repository says, read once."""

    def __init__(self, source: PolicySource) -> None:
        self._head, self._commits = source.head(), list(source.commits())

    def head(self) -> str:
        return self._head

    def commits(self) -> Iterator[tuple[str, bytes]]:
        return iter(self._commits)


@pytest.fixture(scope="module")
def shared(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    template = Template(small_template, tmp_path_factory.mktemp("scratch"))
    return Shared(template, FixedPolicies(GitPolicies(small_template / FOLDER)))


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
        edges = {f"{life.name}-{to}": to for to in EDGES.get(life.name, ())}
        host = Host(
            self._parts,
            life,
            self._disks[life.name],
            edges=edges,
            environment={},
            exited=lambda error: self.failed.append(f"{life.name}: {error!r}"),
        )
        await serve(host, self._shared)  # type: ignore[arg-type]

    def ask(self, service: str, route: str, content: object = None) -> tuple[int, dict[str, object]]:
        body = b"" if content is None else json.dumps(content).encode()
        told: list[tuple[int, dict[str, object]]] = []

        async def call() -> None:
            try:
                answer = await self.network.call(self._client, service, route, body, 5.0)
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


@pytest.fixture
def world(shared: Shared) -> Iterator[World]:
    made = World(shared)
    yield made
    made.close()
    assert (made.failed, made.kernel.errors) == ([], [])


def test_a_record_is_decided_by_the_champion_and_delivered(world: World) -> None:
    (answer,) = world.decide("one")
    assert answer["decision"] in ("approve", "decline")
    assert str(answer["model"]).startswith("1.0.0+")
    world.passes(1.0)
    assert world.ids("delivery", "sink") == ["one"]


def test_killed_services_lose_and_double_nothing(world: World) -> None:
    keys = [f"k{number}" for number in range(60)]
    dice = world.kernel.stream("kills")
    for number, key in enumerate(keys):
        world.decide(key)
        if number % 5 == 4:
            name = SERVICES[int(dice.integers(len(SERVICES)))]
            world.processes[name].kill()
            world.passes(0.2)
            world.processes[name].start()
            world.passes(0.5)
    world.passes(10.0)
    accepted = world.ids("gateway", "accepted")
    assert set(accepted) <= set(keys)
    assert len(accepted) > 40
    assert sorted(world.ids("delivery", "sink")) == sorted(accepted)


def test_the_same_seed_gives_the_same_events_and_another_one_others(shared: Shared) -> None:
    def digest(seed: int, kills: bool) -> str:
        world = World(shared, seed)
        for number in range(10):
            world.decide(f"k{number}")
            if kills and number == 5:
                world.processes["scorer-a"].kill()
                world.passes(0.1)
                world.processes["scorer-a"].start()
        world.passes(1.0)
        world.close()
        assert world.kernel.events > 300
        return world.kernel.digest()

    assert digest(1, kills=True) == digest(1, kills=True)
    assert digest(1, kills=True) != digest(1, kills=False)


def test_asyncio_is_what_the_services_run_on(world: World) -> None:
    """No loop of the real world is running while the simulated one is."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert world.kernel.now_s >= 2.0
