"""The keeper of real processes keeps simulated ones by the same rules, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from harness.simulation.kernel import Kernel
from harness.simulation.network import Answer, Network
from harness.simulation.processes import Life, Process
from harness.targets.local.keeper import Keeper, Platform
from harness.targets.local.ledger import Ledger
from harness.targets.local.profiles import PROFILES
from harness.targets.local.spec import ServiceSpec
from harness.targets.simulation.machine import SimulatedMachine


class Kept:
    """One service, kept by ``profile``; ``begins_s``: how long a life needs until it answers."""

    def __init__(self, profile: str, *, restart: bool = True, begins_s: float = 0.5) -> None:
        self.kernel = Kernel(seed=3)
        self.network = Network(self.kernel)
        self.service = Process(self.kernel, "gateway", self._serve)
        self.broken: list[BaseException] = []
        self._begins_s = begins_s
        self._profile, self._restart = PROFILES[profile], restart
        self.ledger = Ledger()
        self.keeper: Keeper | None = None
        self._platform = Process(self.kernel, "platform", self._keep)
        self._platform.start()
        self.passes(0.0)

    async def _serve(self, life: Life) -> None:
        self.kernel.at(self.kernel.now_s + self._begins_s, self._listen, life)
        await life.create_future()

    def _listen(self, life: Life) -> None:
        async def answer(route: str, body: bytes) -> Answer:
            return Answer(200, json.dumps({"boot_id": f"{life.name}.{life.number}"}).encode(), {})

        self.network.serve(life, answer)

    async def _keep(self, life: Life) -> None:
        self.machine = SimulatedMachine(life, self.network, {"gateway": self.service})
        platform = Platform(
            machine=self.machine, ledger=self.ledger, profile=self._profile, restart=self._restart
        )
        spec = ServiceSpec(name="gateway", entry="a:b", port=9000)
        self.keeper = Keeper(spec, platform, self.broken.append)
        await self.keeper.start()
        await life.create_future()

    def asks(self, make: Callable[[Keeper], Coroutine[Any, Any, None]]) -> None:
        """Let the platform do something."""
        life, keeper = self._platform.life, self.keeper
        assert life is not None
        assert keeper is not None
        life.call_soon(lambda: life.create_task(make(keeper)))

    def passes(self, seconds: float) -> None:
        self.kernel.run(until_s=self.kernel.now_s + seconds)

    def close(self) -> None:
        """End the world: what a stopped life was asked last never begins."""
        for process in (self.service, self._platform):
            process.close()
        self.kernel.close()

    def acts(self) -> list[tuple[float, str]]:
        assert not self.broken
        return [(round(line.at_s, 1), line.act) for line in self.ledger.after(0)]


@pytest.fixture
def keeps() -> Iterator[Callable[..., Kept]]:
    """Makes worlds with one service each, and ends them."""
    made: list[Kept] = []

    def make(profile: str, **changed: bool) -> Kept:
        made.append(Kept(profile, **changed))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_killed_process_is_started_again_at_once_and_ready_when_it_answers(
    keeps: Callable[..., Kept],
) -> None:
    kept = keeps("fast")
    kept.passes(10.0)
    kept.service.kill()
    kept.passes(5.0)
    assert [act for _, act in kept.acts()] == ["started", "ready", "exited", "started", "ready"]
    assert kept.ledger.after(2)[0].detail == "SIGKILL"
    assert kept.keeper is not None
    assert kept.keeper.row().boot_id == "gateway.2"
    assert kept.keeper.row().restarts == 1


def test_back_off_follows_the_kubelet_in_virtual_time(keeps: Callable[..., Kept]) -> None:
    kept = keeps("kubernetes")
    for _ in range(4):
        kept.passes(60.0)
        kept.service.kill()
    kept.passes(60.0)
    assert [line.detail for line in kept.ledger.after(0) if line.act == "backoff"] == ["10", "20", "40"]


def test_a_stopped_process_is_killed_after_three_looks_and_replaced(keeps: Callable[..., Kept]) -> None:
    kept = keeps("kubernetes")
    kept.passes(5.0)
    kept.service.stop()
    kept.passes(60.0)
    acts = [act for _, act in kept.acts()]
    assert acts[:2] == ["started", "ready"]
    assert acts[2:6] == ["liveness_failed"] * 3 + ["killed"]
    assert acts[6:] == ["exited", "started", "ready"]


@pytest.mark.parametrize("profile", ["fast", "kubernetes"])
def test_without_a_platform_nobody_starts_it_again(keeps: Callable[..., Kept], profile: str) -> None:
    kept = keeps(profile, restart=False)
    kept.passes(5.0)
    kept.service.kill()
    kept.passes(100.0)
    assert [act for _, act in kept.acts()] == ["started", "ready", "exited"]


def test_a_process_that_an_error_of_its_own_ended_says_so_by_its_code(keeps: Callable[..., Kept]) -> None:
    kept = keeps("fast")
    kept.passes(5.0)
    kept.machine.failed("gateway")
    kept.passes(1.0)
    assert kept.ledger.after(2)[0].detail == "code 1"


def test_a_stop_by_the_runner_lasts(keeps: Callable[..., Kept]) -> None:
    kept = keeps("fast")
    kept.passes(5.0)
    kept.asks(lambda keeper: keeper.stop())
    kept.passes(5.0)
    assert not kept.service.running
    assert [act for _, act in kept.acts()][-1] == "stopped"
    assert kept.ledger.after(2)[0].detail == "SIGTERM"


def test_one_world_is_kept_the_same_way_twice(keeps: Callable[..., Kept]) -> None:
    def told() -> list[tuple[float, str]]:
        kept = keeps("kubernetes")
        kept.passes(20.0)
        kept.service.kill()
        kept.passes(20.0)
        kept.service.stop()
        kept.passes(80.0)
        return kept.acts()

    assert told() == told()
