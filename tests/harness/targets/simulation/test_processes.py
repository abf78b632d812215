"""A kill and a pause in a simulated world: proven, held, undone and gone; what cannot be hit is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.errors import Refused, Unsafe
from harness.faults.effects import Kill, Pause
from harness.targets.base import WithoutEffect
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.processes import SimulatedHarm
from harness.targets.simulation.system import SimulatedSystem
from tests.harness.targets.simulation.worlds import passes, small


@pytest.fixture
def world() -> Iterator[tuple[SimulatedSystem, SimulatedHarm]]:
    system = small()
    system.start()
    looker = Looker(system.kernel, system.network)
    yield system, SimulatedHarm(system, looker, 5.0)
    looker.close()
    system.close()


def test_a_kill_is_proven_and_its_undo_needs_nothing_where_the_platform_restarts(world) -> None:
    system, harm = world
    applied = harm.apply(effect := Kill(service="worker"))
    assert applied.boot_id == "worker.1"
    assert applied.proof == ("worker.1 is dead", "worker: answers as worker.2")
    passes(system, 2.0)
    assert not harm.undo(applied, effect)
    assert "boot id worker.2" in harm.look_at("worker")[0]


def test_without_a_platform_the_undo_starts_it_again() -> None:
    system = small(arm="bare")
    system.start()
    looker = Looker(system.kernel, system.network)
    harm = SimulatedHarm(system, looker, 5.0)
    applied = harm.apply(effect := Kill(service="worker"))
    passes(system, 30.0)
    with pytest.raises(Unsafe, match="worker is not ready: refused"):
        harm.look_at("worker")
    assert harm.undo(applied, effect)
    assert not harm.undo(applied, effect), "undo twice is undo once"
    assert "boot id worker.2" in harm.look_at("worker")[0]
    looker.close()
    system.close()


def test_a_pause_holds_until_it_is_undone(world) -> None:
    system, harm = world
    applied = harm.apply(effect := Pause(service="worker"))
    assert applied.proof[1] == "worker accepts and sends nothing within 0.1 s"
    passes(system, 3.0)
    assert harm.holds(applied)
    with pytest.raises(Unsafe):
        harm.look_at("worker")
    assert harm.undo(applied, effect)
    assert not harm.holds(applied)
    assert "boot id worker.1" in harm.look_at("worker")[0]


def test_a_paused_process_that_was_killed_meanwhile_is_not_resumed(world) -> None:
    system, harm = world
    applied = harm.apply(effect := Pause(service="worker"))
    system.processes["worker"].kill()
    passes(system, 3.0)
    assert not harm.holds(applied)
    assert not harm.undo(applied, effect)


def test_nothing_is_hit_that_is_not_there_or_does_not_run(world) -> None:
    _, harm = world
    with pytest.raises(Refused, match="no service 'nobody'"):
        harm.apply(Kill(service="nobody"))
    harm.apply(Pause(service="worker"))
    with pytest.raises(WithoutEffect, match="did not run"):
        harm.apply(Pause(service="worker"))
