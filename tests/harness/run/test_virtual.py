"""The driver in a simulated world offers what a real one offers, and sees what there is to see."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.driver.parcels import build_parcels
from harness.driver.spec import Span, Spec
from harness.experiment.load import load_experiment
from harness.experiment.model import PROFILES
from harness.faults.effects import Mutate
from harness.history.observations import BAD, GOOD, WITNESS, read_rows
from harness.run.evidence import OBSERVATIONS
from harness.run.virtual import VirtualWitness, Way, Ways
from harness.simulation.clock import VirtualClock
from reference_pipeline.deploy.simulation.service import Shared
from reference_pipeline.world import open_world
from tests.conftest import SMALL
from tests.reference_pipeline.simulated import World, shared_of

ROOT = Path(__file__).resolve().parents[3]
PROFILE = msgspec.structs.replace(PROFILES["test"], rate_hz=50.0, load_batch=25, load_every_s=0.5)
LENGTH_S = 10.0


@pytest.fixture(scope="module")
def shared(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return shared_of(small_template)


def witness_of(world: World, shared: Shared, *spans: Span, seed: int = 5) -> VirtualWitness:
    workload = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml").system.workload
    simulated = open_world(scenario=SMALL, seed=seed, template=shared.template.folder)
    parcels = build_parcels(seed, PROFILE, LENGTH_S, simulated, spans=spans)
    spec = Spec(
        seed=seed,
        profile=PROFILE,
        duration_s=LENGTH_S,
        url="",
        workload=workload,
        world="",
        scenario={},
        observations="",
        mutations=spans,
    )
    ways = Ways(units=Way("driver-gateway", "/decide"))
    return VirtualWitness(world.kernel, spec, parcels, ways=ways, host=world.host)


def ran(world: World, witness: VirtualWitness) -> list[object]:
    """Let the whole run pass, killing what ``acts`` say meanwhile; gives what the driver said."""
    clock, said = VirtualClock(world.kernel), []
    first_due_s = clock.now_s() + 0.3
    witness.go(first_due_s)
    clock.sleep_until(first_due_s + LENGTH_S)
    witness.await_done(said.append)
    return said


def test_every_unit_is_offered_when_it_is_due_and_answered(shared: Shared) -> None:
    world = World(shared)
    witness = witness_of(world, shared)
    ran(world, witness)
    rows = read_rows(bytes(witness.written[OBSERVATIONS]))
    own = rows[rows["stream"] == WITNESS]
    assert len(own) == LENGTH_S * PROFILE.rate_hz
    assert set(own["outcome"].tolist()) == {GOOD}
    assert abs(own["sent"] - own["due"]).max() < 1e-6, "virtual time never stands still"
    assert len(rows) - len(own) == LENGTH_S / PROFILE.load_every_s * PROFILE.load_batch
    world.passes(2.0)
    assert len(world.ids("delivery", "sink")) == len(rows)
    world.close()


def test_a_killed_scorer_is_seen_as_an_outage_until_another_one_has_started(shared: Shared) -> None:
    world = World(shared)
    witness = witness_of(world, shared)
    first_due_s = world.kernel.now_s + 0.3
    world.kernel.at(first_due_s + 4.0, world.processes["scorer-a"].kill)
    world.kernel.at(first_due_s + 5.5, world.processes["scorer-a"].start)
    ran(world, witness)
    rows = read_rows(bytes(witness.written[OBSERVATIONS]))
    own = rows[rows["stream"] == WITNESS]
    bad = own[own["outcome"] == BAD]["due"] - first_due_s
    assert 60 < len(bad) < 100
    assert 3.9 < bad.min() < 4.1
    assert 5.4 < bad.max() < 6.0
    world.close()


def test_a_fault_in_the_records_is_ordered_on_proven_and_ordered_off(shared: Shared) -> None:
    world = World(shared)
    span = Span(episode=0, from_s=2.0, until_s=6.0, effect=Mutate(mutation="drop", field="amount"))
    witness, clock = witness_of(world, shared, span), VirtualClock(world.kernel)
    first_due_s = clock.now_s() + 0.3
    witness.go(first_due_s)
    clock.sleep_until(first_due_s + 2.0)
    witness.order_on(0)
    clock.sleep_until(first_due_s + 4.0)
    witness.order_off(0)
    clock.sleep_until(first_due_s + LENGTH_S)
    said = []
    witness.await_done(said.append)
    told = [one.records for one in said if one.records is not None]
    assert [one.why for one in told] == ["on", "first", "off"]
    assert told[-1].touched > 50
    assert len(witness.taint.data.splitlines()) == told[-1].touched
    world.close()
