"""A run on a virtual clock: every fault met, undone and proven clean as in a real one, the same each time."""

from __future__ import annotations

import contextlib
import time
from functools import cache
from pathlib import Path

import msgspec
import pytest

from harness.experiment.load import load_experiment
from harness.experiment.model import Arm, Experiment, FaultStep, Profile
from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    Effect,
    Hook,
    Kill,
    Mutate,
    Pause,
    Refuse,
    Relabel,
    Reset,
    Shift,
    Slice,
    Surge,
    Throttle,
    WrongBody,
)
from harness.history.events import (
    Acted,
    Audited,
    Clean,
    Cleared,
    ControlRaised,
    HitAgain,
    Injected,
    LabelsTold,
    Touched,
    Undone,
)
from harness.plan.model import Plan
from harness.plan.schedule import make_plans
from harness.run.material import Material
from harness.run.simulated import SimulatedRun, run_simulated
from harness.simulation.hosts import Host
from harness.targets.simulation.opening import open_simulation
from tests.conftest import SMALL
from tests.tiers import few

ROOT = Path(__file__).resolve().parents[3]
PROFILE = Profile(
    name="virtual",
    rate_hz=20.0,
    baseline_units=100,
    window_s=1.0,
    window_units=20,
    hold_s=2.0,
    tau_s=10.0,
    wash_out_s=1.0,
    load_batch=20,
    load_every_s=0.5,
)
EDGE = "gateway-scorer-a"


@cache
def asked(kind: str, effect: Effect, arm: Arm = "none") -> Experiment:
    base = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")
    return msgspec.structs.replace(
        base,
        steps=(FaultStep(name="one", kind=kind, effect=effect),),
        scenario=msgspec.structs.replace(base.scenario, knobs=SMALL),
        profile=PROFILE,
        arms=(arm,),
        sham=False,
        repetitions=1,
    )


def ran(template: Path, experiment: Experiment, seed: int = 7) -> SimulatedRun:
    material = Material(
        experiment=experiment,
        template=template,
        python_path=str(ROOT),
        opened=open_simulation(experiment.system, template),
    )
    (plan,) = make_plans(experiment, seed)
    return run_simulated(material, plan)


def told(run: SimulatedRun, *kinds: type) -> list[object]:
    return [entry.event for entry in run.history.entries if isinstance(entry.event, kinds)]


CASES: list[tuple[str, Effect]] = [
    ("process.kill", Kill(service="scorer-a")),
    ("process.hang", Pause(service="features", duration_s=3.0)),
    ("network.latency", Delay(edge=EDGE, latency_ms=400.0, duration_s=5.0)),
    ("network.bandwidth", Throttle(edge=EDGE, rate_kib_s=2.0, duration_s=5.0)),
    ("network.partition", Cut(edge=EDGE, duration_s=5.0)),
    ("network.blackhole", Blackhole(edge=EDGE, duration_s=5.0)),
    ("network.refuse", Refuse(edge=EDGE, duration_s=5.0)),
    ("network.reset", Reset(edge=EDGE, share_ratio=0.5, duration_s=5.0)),
    ("network.slice", Slice(edge=EDGE, slice_bytes=50, pause_ms=20.0, duration_s=5.0)),
    ("network.corrupt", Corrupt(edge=EDGE, duration_s=5.0)),
    ("network.wrong_body", WrongBody(edge=EDGE, duration_s=5.0)),
    ("data.rename", Mutate(mutation="rename", field="amount", duration_s=5.0)),
    ("load.surge", Surge(factor=3.0, duration_s=5.0)),
    ("world.concept_change", Shift(knob="pattern_risk", value=0.5, moves="truth", duration_s=8.0)),
    ("model.constant", Hook(hook="model", action="constant", duration_s=5.0)),
    ("model.corrupt_file", Hook(hook="model", action="corrupt_file", duration_s=5.0)),
    ("placebo.better_model", Hook(hook="model", action="better_model", duration_s=5.0)),
]


@pytest.mark.parametrize(("kind", "effect"), few(CASES, 5, every=4), ids=[kind for kind, _ in CASES])
def test_a_fault_is_proven_undone_and_proven_clean(small_template: Path, kind: str, effect: Effect) -> None:
    run = ran(small_template, asked(kind, effect))
    assert run.state == "ended", told(run, ControlRaised)
    (injected,) = told(run, Injected)
    assert isinstance(injected, Injected)
    assert injected.proof
    assert len(told(run, Cleared, Clean, Undone)) == 3
    (audited,) = told(run, Audited)
    assert isinstance(audited, Audited)
    assert audited.observable
    assert audited.missing == audited.doubled == audited.foreign == audited.changed == 0
    assert audited.accepted > 400
    assert run.errors == ()
    if isinstance(effect, Mutate):
        (touched,) = told(run, Touched)
        assert isinstance(touched, Touched)
        assert touched.touched > 0


def test_kills_in_succession_are_proven_one_by_one_and_undone_once(small_template: Path) -> None:
    run = ran(small_template, asked("process.kill", Kill(service="scorer-a", times=3, every_s=2.0)))
    (first,) = told(run, Injected)
    again = told(run, HitAgain)
    assert [one.number for one in again] == [2, 3]
    assert len({first.pid, *(one.pid for one in again)}) == 3
    assert [one.effective_at_s - first.effective_at_s for one in again] == pytest.approx([2.0, 4.0], abs=0.1)
    assert len(told(run, Clean, Undone)) == 2
    (cleared,) = told(run, Cleared)
    assert (cleared.by, cleared.at_s > again[-1].effective_at_s) == ("platform", True)


def test_a_kill_that_meets_no_process_is_told_as_that(small_template: Path) -> None:
    effect = Kill(service="scorer-a", times=2, every_s=0.05)
    bare = ran(small_template, asked("process.kill", effect, "bare"))  # nobody restarts it
    (missed,) = told(bare, HitAgain)
    assert (missed.pid, bare.state) == (0, "ended")
    assert "no process to hit" in missed.proof[0]


def test_lies_of_labels_reach_a_learner_and_arm_none_has_no_one_to_tell(small_template: Path) -> None:
    lies = Relabel(how="flip", duration_s=8.0)
    run = ran(small_template, asked("labels.noise", lies, "reference"))
    (labels,) = told(run, LabelsTold)
    assert isinstance(labels, LabelsTold)
    assert labels.due > 0
    assert labels.failed == 0


@pytest.mark.slow
def test_the_same_plan_is_the_same_run_to_the_last_event_and_another_seed_is_another(
    small_template: Path,
) -> None:
    experiment = asked("process.hang", Pause(service="features", duration_s=3.0), "reference")
    one, again, other = (ran(small_template, experiment, seed) for seed in (7, 7, 8))
    assert one.digest == again.digest
    assert one.history.entries == again.history.entries
    assert one.history.rows.tobytes() == again.history.rows.tobytes()
    assert one.history.journal == again.history.journal
    assert other.digest != one.digest
    assert one.events > 10_000


def test_a_healer_is_seen_to_act_and_its_acts_are_the_platforms_too(small_template: Path) -> None:
    experiment = asked("process.hang", Pause(service="scorer-a"), "reference")
    run = ran(small_template, experiment)
    assert run.state == "ended"
    restarts = [one for one in told(run, Acted) if isinstance(one, Acted) and one.service == "scorer-a"]
    assert restarts
    (cleared,) = told(run, Cleared)
    assert isinstance(cleared, Cleared)
    assert cleared.by in ("healer", "platform")


def test_what_raises_in_the_harness_makes_the_run_void_and_says_why(small_template: Path) -> None:
    experiment = asked("model.none", Hook(hook="model", action="none_of_these", duration_s=5.0))
    run = ran(small_template, experiment)
    assert run.state == "void"
    assert "no action 'none_of_these'" in str(run.history.entries)


class Reaching:
    """A system one of whose services reads the real clock after a while, and handles what becomes of that."""

    def __init__(self, template: Path) -> None:
        experiment = asked("process.kill", Kill(service="scorer-a"))
        self._inner = open_simulation(experiment.system, template)

    async def serve(self, host: Host) -> None:
        if host.name == "delivery":
            host.spawn(lambda: self._look(host))
        await self._inner.serve(host)

    async def hook(self, host: Host, words: tuple[str, ...]) -> bytes:
        return await self._inner.hook(host, words)

    async def _look(self, host: Host) -> None:
        await host.sleep_s(3.0)
        with contextlib.suppress(RuntimeError):
            time.time()


def test_a_run_whose_code_reaches_for_the_real_world_is_void_even_where_it_handles_the_refusal(
    small_template: Path,
) -> None:
    experiment = asked("process.kill", Kill(service="scorer-a"))
    material = Material(
        experiment=experiment, template=small_template, python_path=str(ROOT), opened=Reaching(small_template)
    )
    run = run_simulated(material, make_plans(experiment, 7)[0])
    assert run.state == "void"
    (raised,) = told(run, ControlRaised)
    assert isinstance(raised, ControlRaised)
    assert raised.where == "world"
    assert raised.error.startswith("delivery reached for the real world at 3.0")
    assert "time.time()" in raised.error


class Silent:
    """A system whose services never get ready."""

    async def serve(self, host: Host) -> None:
        await host.sleep_s(1e9)

    async def hook(self, _: Host, __: tuple[str, ...]) -> bytes:
        return b""


def test_a_system_that_is_never_ready_is_refused(small_template: Path) -> None:
    experiment = asked("process.kill", Kill(service="scorer-a"))
    material = Material(
        experiment=experiment, template=small_template, python_path=str(ROOT), opened=Silent()
    )
    plan: Plan = make_plans(experiment, 7)[0]
    with pytest.raises(Exception, match="not ready after"):
        run_simulated(material, plan)
