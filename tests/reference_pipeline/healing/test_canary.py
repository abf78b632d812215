"""A candidate goes up by steps only while it is served without errors; else its part is taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from reference_pipeline.healing.canary import CanaryRun, sha32
from reference_pipeline.healing.model_acts import Promote
from reference_pipeline.healing.model_ports import ModelVersion
from reference_pipeline.healing.ports import DeadLetters, Replayed
from reference_pipeline.ports import CallFailed, CallRejected
from tests.reference_pipeline.healing.worlds import CONFIG, Clock
from tests.virtual import passes, run

OLD, NEW = "1.0.0+aaaaaaaa0000", "1.1.0+bbbbbbbb0000"


@dataclass
class System:
    """Gateway, registry and the second scorer, which loads what it is told a second later, or never."""

    loads: bool = True
    fails_at: float = -1.0  # share of traffic from which on calls to it fail
    down_until: int = 0  # so many calls are not answered
    calls: int = 0
    shares: list[float] = field(default_factory=list)
    canaries: list[str] = field(default_factory=list)
    failed: float = 7.0
    asked: bool = True  # whether any request comes to it
    rate: float = 10.0  # requests to it between two questions of ours
    champion: str = OLD
    down_from: int = 10**9  # from this call on nobody answers
    rejects: bool = False

    def _called(self) -> None:
        self.calls += 1
        if self.calls <= self.down_until or self.calls >= self.down_from:
            raise CallFailed("nobody answers")

    async def numbers(self, service: str, /) -> Mapping[str, float]:
        self._called()
        if service == "scorer-b":
            serves = self.canaries[-1] if self.loads and self.canaries else OLD
            return {"serving_sha32": sha32(serves)}
        if self.shares and 0 < self.fails_at <= self.shares[-1]:
            self.failed += 3
        calls = self.rate * self.calls if self.asked else 3.0
        return {"failed_gateway_scorer_b_total": self.failed, "calls_gateway_scorer_b_total": calls}

    async def set_canary(self, what: float | str, /) -> None:
        self._called()
        if isinstance(what, str) and self.rejects:
            raise CallRejected("its file is damaged")
        if isinstance(what, str):
            self.canaries.append(what)
        else:
            self.shares.append(what)

    async def boot_id(self, service: str, deadline_s: float, /) -> str:
        raise AssertionError((service, deadline_s))

    async def dead_letters(self, after: int, limit: int, /) -> DeadLetters:
        raise AssertionError((after, limit))

    async def set_mapping(self, name: str, source: str, /) -> None:
        raise AssertionError((name, source))

    async def remove_mapping(self, name: str, /) -> None:
        raise AssertionError(name)

    async def replay(self, ids: Sequence[str], /) -> Replayed:
        raise AssertionError(ids)

    async def aliases(self) -> Mapping[str, str]:
        self._called()
        return {"champion": self.champion}

    async def versions(self) -> Sequence[ModelVersion]:
        raise AssertionError

    async def promote(self, version: str, was: str, /) -> None:
        raise AssertionError((version, was))


def rolled_out(system: System) -> tuple[CanaryRun, float]:
    """Step every quarter of a second until it is over; how long that took."""
    found: list[tuple[CanaryRun, float]] = []

    async def steps() -> None:
        clock = Clock()
        rollout, begun_s = (
            CanaryRun(Promote(version=NEW, was=OLD, by_steps=True), clock, CONFIG),
            clock.now_s(),
        )
        while rollout.may_serve is None and clock.now_s() - begun_s < 120:
            with contextlib.suppress(CallFailed):
                await rollout.step(system, system, system)
            await passes(0.25)
        found.append((rollout, clock.now_s() - begun_s))

    run(steps)
    return found[0]


def test_a_sound_candidate_gets_a_tenth_then_half_then_it_may_serve() -> None:
    system = System()
    rollout, took_s = rolled_out(system)
    assert rollout.may_serve is True
    assert (system.shares, system.canaries) == ([0.0, 0.1, 0.5], [NEW])
    assert 2 * CONFIG.canary_s <= took_s < 2 * CONFIG.canary_s + 2


@pytest.mark.parametrize(("fails_at", "shares"), [(0.1, [0.0, 0.1, 0.0]), (0.5, [0.0, 0.1, 0.5, 0.0])])
def test_one_whose_calls_fail_loses_its_part_at_that_step(fails_at: float, shares: list[float]) -> None:
    system = System(fails_at=fails_at)
    rollout, _ = rolled_out(system)
    assert rollout.may_serve is False
    assert "calls to it failed" in rollout.why
    assert (system.shares, system.canaries) == (shares, [NEW, OLD])


def test_one_that_the_scorer_never_loads_gets_no_traffic() -> None:
    system = System(loads=False)
    rollout, took_s = rolled_out(system)
    assert rollout.may_serve is False
    assert "does not serve it" in rollout.why
    assert max(system.shares) == 0.0
    assert CONFIG.canary_load_s < took_s < CONFIG.canary_load_s + 2


def test_what_is_not_answered_is_asked_again() -> None:
    system = System(down_until=5)
    rollout, _ = rolled_out(system)
    assert rollout.may_serve is True
    assert system.shares[-1] == 0.5


def test_one_that_nobody_asks_is_not_proven_servable() -> None:
    rollout, _ = rolled_out(System(asked=False))
    assert rollout.may_serve is False
    assert "only 0 calls came to it at 10% of traffic" in rollout.why


def test_one_that_serves_already_is_not_rolled_out_again() -> None:
    system = System(champion=NEW)
    assert rolled_out(system)[0].may_serve is True
    assert system.shares == []


def test_a_registry_that_refuses_it_ends_the_rollout() -> None:
    rollout, took_s = rolled_out(System(rejects=True))
    assert rollout.may_serve is False
    assert "its file is damaged" in rollout.why
    assert took_s < 2


def test_who_never_answers_again_leaves_no_share_that_is_called_taken_back() -> None:
    """The gateway itself is gone in the middle: it is not over before the traffic is back."""
    system = System(down_from=9)
    rollout, took_s = rolled_out(system)
    assert rollout.may_serve is None
    assert "cannot be rolled out" in rollout.why
    assert took_s >= 60


def test_errors_from_before_the_step_are_not_its_own() -> None:
    assert rolled_out(System(failed=1000.0))[0].may_serve is True


def test_a_step_goes_on_until_enough_calls_have_come() -> None:
    """One call of one may fail by chance, and would be no evidence."""
    slow = System(rate=1.0)
    rollout, took_s = rolled_out(slow)
    assert rollout.may_serve is True
    quick, quick_s = rolled_out(System())
    assert quick.may_serve is True
    assert took_s > quick_s


def test_a_stop_that_comes_while_the_gateway_is_asked_is_not_overtaken_by_the_last_step() -> None:
    found: list[CanaryRun] = []

    class Meanwhile(System):
        async def numbers(self, service: str, /) -> Mapping[str, float]:
            if service == "gateway" and self.shares[-1] == 0.5:
                found[0].stop("it is proven worse")
            return await super().numbers(service)

    async def steps() -> None:
        clock, system = Clock(), Meanwhile()
        found.append(CanaryRun(Promote(version=NEW, was=OLD, by_steps=True), clock, CONFIG))
        for _ in range(100):
            if found[0].may_serve is None:
                await found[0].step(system, system, system)
                await passes(0.25)
        assert system.shares[-1] == 0.0

    run(steps)
    assert (found[0].may_serve, found[0].why) == (False, "it is proven worse")
