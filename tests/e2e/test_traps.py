"""Runs that must not end well: each trap on the real system, none ends 0, each in its own word."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import PROFILES
from harness.faults.effects import Kill
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign
from harness.targets.base import WithoutEffect
from harness.targets.local.target import LocalTarget

ROOT = Path(__file__).resolve().parents[2]
SHORT = msgspec.structs.replace(
    PROFILES["test"], name="traps", tau_s=1.0, hold_s=0.5, wash_out_s=0.5, settle_s=3.0
)


def word_of(store, open_target, *, sham=False, **changes):
    """Run one short kill through a target of the trap's making; gives the verdict's word and code."""
    base = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")
    experiment = msgspec.structs.replace(
        base, **{"profile": SHORT, "arms": ("none",), "sham": sham, "objectives": ()} | changes
    )
    plans = make_plans(experiment, 5)
    folder = run_campaign(plans, experiment, store=store, seed=5, progress=print, open_target=open_target)
    verdict = compose(folder).verdict
    return verdict.word, verdict.exit_code


class RaisingAction(LocalTarget):
    def apply(self, effect, /):
        raise RuntimeError(f"the injector broke on {effect}")


class WithoutAnyEffect(LocalTarget):
    def apply(self, effect, /):
        raise WithoutEffect(f"{effect.service} still runs")


class RaisingUndo(LocalTarget):
    def undo(self, applied, /):
        raise OSError(f"the undo of {applied.effect} broke")


class LyingUndo(LocalTarget):
    """Says that it undid a pause and did not."""

    def undo(self, applied, /):
        return bool(applied)


class BrokenBeforehand(LocalTarget):
    """The system is already down when the run begins."""

    def __init__(self, system):
        super().__init__(system)
        self.apply(Kill(service="gateway"))


@pytest.mark.live
@pytest.mark.parametrize(
    ("open_target", "expected"),
    [
        (RaisingAction, ("VOID", 4)),
        (WithoutAnyEffect, ("VOID", 4)),
        (RaisingUndo, ("UNSAFE", 6)),
    ],
    ids=["action raises", "fault without effect", "rollback raises"],
)
def test_a_trap_ends_in_its_own_word_and_never_0(live_store, open_target, expected):
    assert word_of(live_store, open_target) == expected


@pytest.mark.slow
def test_a_baseline_that_is_not_met_is_void_and_nothing_is_injected(live_store):
    assert word_of(live_store, BrokenBeforehand, arms=("bare",)) == ("VOID", 4)


@pytest.mark.live
def test_an_undo_that_lies_is_found_by_the_independent_look(live_store):
    """SR-5: UNSAFE, whatever the run measured."""
    base = load_experiment(ROOT / "experiments" / "smoke" / "demo.yaml")
    hang = tuple(step for step in base.steps if step.kind == "process.hang")
    assert word_of(live_store, LyingUndo, steps=hang) == ("UNSAFE", 6)


@pytest.mark.live
def test_a_target_that_matches_nothing_is_refused(live_store):
    base = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")
    ghost = msgspec.structs.replace(base.steps[0], effect=Kill(service="ghost"))
    with pytest.raises(Refused):
        word_of(live_store, LocalTarget, steps=(ghost,))
