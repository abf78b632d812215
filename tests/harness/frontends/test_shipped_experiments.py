"""Every shipped experiment is right for us, and valid for Chaos Toolkit."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from harness.experiment.activities import FAULT_MODULE, FUNCTIONS, PROBE_MODULE, PROBES, ROLLBACKS
from harness.experiment.load import load_experiment
from harness.faults.catalog import FAULTS
from harness.faults.effects import lasts_s
from harness.frontends.commands.demo import STORIES
from harness.plan.safety import TARGETS, promises
from harness.plan.schedule import forecast_s, make_plans
from tests.harness.frontends.chaos_kit import chaos
from tests.tiers import few

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "experiments").rglob("*.yaml"))
NAMES = [str(file.relative_to(ROOT)) for file in SHIPPED]


def test_there_are_experiments():
    assert {"experiments/smoke/demo.yaml", "experiments/standard/process-faults.yaml"} <= set(NAMES)


@pytest.mark.parametrize("file", SHIPPED, ids=NAMES)
def test_our_loader_takes_it(file):
    experiment = load_experiment(file)
    assert experiment.steps
    assert make_plans(experiment, 1)


@pytest.mark.parametrize("file", few(SHIPPED, 4, every=6), ids=NAMES)
def test_chaos_validate_takes_it(file, tmp_path):
    code, said = chaos(tmp_path, "validate", str(file))
    assert code == 0, said
    assert "look valid" in said


@pytest.mark.parametrize("seed", range(5))
def test_the_demo_fits_three_minutes_with_start_up_and_tells_its_story(seed):
    experiment = load_experiment(ROOT / "experiments" / "smoke" / "demo.yaml")
    plans = make_plans(experiment, seed)
    assert forecast_s(plans) <= 165
    kinds = ["process.kill", "process.hang", "network.latency", "data.rename_field"]
    assert [step.kind for step in experiment.steps] == kinds
    assert {(plan.arm, plan.sham) for plan in plans} == {
        ("none", False),
        ("none", True),
        ("reference", False),
        ("reference", True),
    }
    # What heals must be good for a window before the fault is gone by itself, so the fault must be there.
    lengths = [lasts_s(step.effect) for step in experiment.steps[2:]]
    assert all(length >= experiment.profile.tau_s + experiment.profile.window_length_s for length in lengths)


def test_both_stories_of_the_demo_fit_seven_minutes():
    names = [ROOT / file for file, _ in STORIES.values()]
    plans = [plan for file in names for plan in make_plans(load_experiment(file), 1)]
    assert forecast_s(plans) <= 6 * 60


@pytest.mark.parametrize("file", SHIPPED, ids=NAMES)
def test_everything_it_would_do_can_be_undone_within_a_promised_time(file):
    for plan in make_plans(load_experiment(file), 1):
        assert len(promises(plan, TARGETS["local"])) == len(plan.episodes)


def test_the_shipped_questions_cover_every_family():
    kinds = {step.kind for file in SHIPPED for step in load_experiment(file).steps}
    families = {"process", "network", "data", "world", "labels", "model", "placebo"}
    assert {kind.partition(".")[0] for kind in kinds} == families
    assert {kind for kind in kinds if kind.startswith("placebo.")} == {
        kind for kind, row in FAULTS.items() if row.placebo
    }


def test_the_horizon_of_the_platform_experiment_holds_a_liveness_verdict():
    experiment = load_experiment(ROOT / "experiments" / "standard" / "process-faults.yaml")
    assert set(experiment.restart_profiles) == {"fast", "kubernetes"}
    assert experiment.profile.tau_s > 42  # three failures 10 s apart, plus time-outs and a start


def test_every_function_that_a_file_may_name_exists_with_its_arguments():
    faults, probes = importlib.import_module(FAULT_MODULE), importlib.import_module(PROBE_MODULE)
    for func, kind in FUNCTIONS.items():
        function = getattr(faults, func)
        assert inspect.isfunction(function), "chaos validate looks for functions"
        wanted = FAULTS[kind].parameters.__struct_fields__
        assert tuple(inspect.signature(function).parameters) == wanted
        assert function.__doc__
    for module, table in ((faults, ROLLBACKS), (probes, PROBES)):
        for func, arguments in table.items():
            assert tuple(inspect.signature(getattr(module, func)).parameters) == arguments


def test_every_fault_of_the_catalogue_can_be_named_in_a_file():
    assert set(FUNCTIONS.values()) == set(FAULTS)
