"""Faults in the records as a target: proven by what was sent, undone and looked at through the driver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from harness.driver.spec import Span
from harness.driver.taint import read_taint
from harness.errors import Refused, Unsafe
from harness.experiment.model import Profile, Workload
from harness.faults.effects import Kill, Mutate, Shift, Surge, WorldEffect
from harness.history.events import Priced
from harness.history.observations import LOAD, WITNESS, read_rows
from harness.plan.model import Plan, PlannedEpisode
from harness.run.records import Line, RecordsTarget, first_within_s, record_spans, touched_every_s
from harness.run.witness import RecordsTold, Witness
from harness.shell import monotonic_s
from harness.targets.base import MachineClock, NullTarget, WithoutEffect

OUTAGES = Path(__file__).parents[2] / "calibration" / "outages"
PROFILE = Profile(rate_hz=100.0, load_batch=10, load_every_s=0.5)
NULL = Mutate(mutation="null", field="due_s")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, str(OUTAGES / "outage_stub.py"), "0", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stub:
        yield f"http://127.0.0.1:{json.loads(stub.stdout.readline())['port']}/decide"
        stub.kill()


class Running:
    """A driver that was sent off, and the target of its episode 2."""

    def __init__(self, folder: Path, url: str, effect: WorldEffect, world: str = "outage_world") -> None:
        self.taint = folder / "taint.jsonl"
        spec = {
            "seed": 7,
            "duration_s": 60.0,
            "profile": PROFILE,
            "world": f"{world}:open_world",
            "world_path": [str(OUTAGES)],
            "url": url,
            "workload": Workload(service="stub", route="/decide"),
            "observations": str(folder / "observations.bin"),
            "mutations": [Span(episode=2, from_s=0.0, until_s=60.0, effect=effect)],
            "taint": str(self.taint),
        }
        self.told: list[RecordsTold] = []
        self.witness = Witness(spec, spec_file=folder / "spec.json", log=folder / "log.txt", python_path="")
        self.target = RecordsTarget(Line(self.witness, self.hear, MachineClock()), 2, PROFILE)

    def __enter__(self) -> Running:
        self.costs = self.witness.await_ready()
        self.witness.go(monotonic_s() + 0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.witness.__exit__()

    def hear(self) -> list[RecordsTold]:
        self.told += [heard.records for heard in self.witness.pump() if heard.records is not None]
        return self.told

    def touched_ids(self) -> list[str]:
        return [line.id for line in read_taint(self.taint.read_bytes()).lines]


@pytest.mark.live
def test_a_fault_in_the_records_is_proven_undone_and_gone(tmp_path: Path, url: str) -> None:
    with Running(tmp_path, url, NULL) as running:
        applied = running.target.apply(NULL)
        assert applied.asked_at_s <= applied.effective_at_s
        assert applied.pid == running.witness.pid
        (proof,) = applied.proof
        assert running.touched_ids()[0] in proof
        assert running.target.undo(applied)
        assert not running.target.undo(applied)  # undo twice is undo once
        (clean,) = running.target.is_clean(applied)
        assert f"off, and {len(running.touched_ids())} records touched" in clean


@pytest.mark.live
def test_a_cut_batch_is_proven_by_the_first_record_that_was_withheld(tmp_path: Path, url: str) -> None:
    cut = Mutate(mutation="truncate", share_ratio=0.5)
    with Running(tmp_path, url, cut) as running:
        applied = running.target.apply(cut)
        (proof,) = applied.proof
        assert proof.startswith(
            f"first withheld record {running.touched_ids()[0]}, the rest of its batch sent"
        )
        assert running.target.undo(applied)
        assert running.target.is_clean(applied)


@pytest.mark.live
@pytest.mark.parametrize(
    "effect",
    [Shift(knob="limit", value=100.0, moves="truth"), Shift(knob="scale", value=2.0, moves="records")],
)
def test_a_fault_of_the_world_is_proven_undone_and_gone_also_where_the_bytes_are_the_same(
    tmp_path: Path, url: str, effect: Shift
) -> None:
    with Running(tmp_path, url, effect, "moving_world") as running:
        assert running.costs == Priced(missed=20.0, declined_good=1.0)
        applied = running.target.apply(effect)
        assert running.touched_ids()[0] in applied.proof[0]
        assert running.target.undo(applied)
        (clean,) = running.target.is_clean(applied)
        assert f"off, and {len(running.touched_ids())} records touched" in clean
    rows = read_rows((tmp_path / "observations.bin").read_bytes())
    moved = rows["posterior"] != rows["posterior_before"]
    assert (moved & (rows["stream"] == WITNESS)).sum() > 0
    assert set(rows["reference"][(rows["stream"] == WITNESS) & ((rows["flags"] & 1) == 0)]) <= {1, 3, 5, 7}
    assert set(rows["reference"][rows["stream"] == LOAD]) <= {0}


@pytest.mark.live
def test_a_fault_that_touches_no_record_is_without_effect_and_off_again(tmp_path: Path, url: str) -> None:
    # One record in ten million: the driver's dice choose none of these.
    rare = Mutate(mutation="duplicate", share_ratio=1e-7, lag_s=0.1)
    with Running(tmp_path, url, rare) as running:
        impatient = msgspec.structs.replace(PROFILE, rate_hz=1e9)
        target = RecordsTarget(Line(running.witness, running.hear, MachineClock()), 2, impatient)
        with pytest.raises(WithoutEffect, match="0 records touched, none sent for certain"):
            target.apply(rare)
        assert not running.told[-1].on
        assert running.touched_ids() == []


@pytest.mark.live
def test_the_shams_clean_proof_is_a_look_at_the_driver(tmp_path: Path, url: str) -> None:
    with Running(tmp_path, url, Surge(factor=4.0)) as running:
        sham = NullTarget(running.target)
        (proof,) = sham.is_clean(sham.apply(Surge(factor=4.0)))
        assert "off, and 0 records touched" in proof
        assert [told.why for told in running.told] == ["look", "look"]


@pytest.mark.live
def test_a_fault_that_was_not_ordered_off_is_not_clean(tmp_path: Path, url: str) -> None:
    with Running(tmp_path, url, Surge(factor=4.0)) as running:
        applied = running.target.apply(Surge(factor=4.0))
        with pytest.raises(Unsafe, match="still touched"):
            running.target.is_clean(applied)


@pytest.mark.live
def test_a_driver_that_is_dead_sends_nothing_and_is_clean(tmp_path: Path, url: str) -> None:
    with Running(tmp_path, url, NULL) as running:
        applied = running.target.apply(NULL)
        os.kill(running.witness.pid, signal.SIGKILL)
        running.target.undo(applied)
        assert running.target.is_clean(applied) == ("the driver has ended: nothing is sent any more",)


@pytest.mark.slow
@pytest.mark.live
def test_a_driver_that_is_mute_is_ended_by_the_undo(tmp_path: Path, url: str) -> None:
    with Running(tmp_path, url, NULL) as running:
        applied = running.target.apply(NULL)
        os.kill(running.witness.pid, signal.SIGSTOP)
        assert running.target.undo(applied)
        assert running.witness.has_ended()
        assert "has ended" in running.target.is_clean(applied)[0]


def test_effects_on_processes_are_not_for_the_driver(tmp_path: Path) -> None:
    with Witness({}, spec_file=tmp_path / "s", log=tmp_path / "l", python_path="") as witness:
        target = RecordsTarget(Line(witness, list, MachineClock()), 0, PROFILE)
        assert target.abilities() == {"mutate", "surge", "shift", "relabel"}
        with pytest.raises(Refused, match="Kill"):
            target.apply(Kill(service="gateway"))


def planned(index: int, effect: Mutate | Surge | Kill) -> PlannedEpisode:
    at_s = 100.0 * index
    return PlannedEpisode(
        index=index,
        name="",
        kind="",
        effect=effect,
        inject_at_s=at_s,
        undo_at_s=at_s + 30,
        end_at_s=at_s + 40,
    )


def test_the_driver_is_told_of_faults_in_the_records_and_when_they_end_by_themselves() -> None:
    plan = Plan(
        experiment="",
        experiment_sha256="",
        system="",
        scenario_sha256="",
        target="local",
        seed=7,
        pair=0,
        arm="none",
        sham=False,
        restart_profile="fast",
        profile=PROFILE,
        world_s_per_run_s=1.0,
        episodes=(
            planned(0, NULL),
            planned(1, Kill(service="gateway")),
            planned(2, Surge(factor=2.0, duration_s=5.0)),
            planned(3, Surge(factor=2.0, duration_s=500.0)),
        ),
        duration_s=400.0,
        sha256="",
    )
    told = [(span.episode, span.from_s, span.until_s) for span in record_spans(plan)]
    assert told == [(0, 0.0, 30.0), (2, 200.0, 205.0), (3, 300.0, 330.0)]


def test_an_effect_that_touches_nothing_would_be_waited_for_for_ever() -> None:
    assert touched_every_s(Surge(factor=1.0), PROFILE) == float("inf")
    assert touched_every_s(Mutate(mutation="drop", field="a", share_ratio=0.0), PROFILE) == float("inf")
    assert touched_every_s(Mutate(mutation="truncate", share_ratio=0.5), PROFILE) == 0.5
    by_label = Mutate(mutation="null_by_label", field="a")
    assert touched_every_s(by_label, PROFILE) > touched_every_s(NULL, PROFILE)


@pytest.mark.parametrize("ramp_s", [0.0, 1.0, 20.0, 200.0])
@pytest.mark.parametrize("share_ratio", [1.0, 0.02])
def test_the_first_touched_record_of_a_creeping_fault_is_waited_for_long_enough(
    ramp_s: float, share_ratio: float
) -> None:
    profile = msgspec.structs.replace(PROFILE, rate_hz=50.0)
    creeps = Mutate(mutation="sentinel", field="age", share_ratio=share_ratio, ramp_s=ramp_s)
    within_s = first_within_s(creeps, profile)
    due_s = np.arange(0.0, within_s, 1 / 50.0)
    grown = np.minimum(1.0, due_s / ramp_s) if ramp_s else np.ones(len(due_s))
    assert float(np.exp(np.log1p(-np.minimum(share_ratio * grown, 1 - 1e-12)).sum())) < 1e-7


def test_a_fault_in_one_part_of_the_records_may_touch_few_of_them() -> None:
    part = Mutate(mutation="sentinel", field="age", slice_field="channel", slice_level="phone")
    whole = Mutate(mutation="sentinel", field="age")
    assert first_within_s(part, PROFILE) > 10 * first_within_s(whole, PROFILE)
