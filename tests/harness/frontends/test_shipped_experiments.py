"""Every shipped experiment is right for us, and valid for Chaos Toolkit."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from harness.experiment.activities import FAULT_MODULE, FUNCTIONS, PROBE_MODULE, PROBES, ROLLBACKS
from harness.experiment.load import load_experiment
from harness.faults.catalog import FAULTS
from harness.plan.schedule import forecast_s, make_plans

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


@pytest.mark.parametrize("file", SHIPPED, ids=NAMES)
def test_chaos_validate_takes_it(file, tmp_path):
    chaos = Path(sys.executable).parent / "chaos"
    run = subprocess.run(
        [str(chaos), "--no-version-check", "--no-log-file", "validate", str(file)],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "look valid" in run.stdout + run.stderr


def test_the_demo_fits_three_minutes_and_tells_its_story():
    experiment = load_experiment(ROOT / "experiments" / "smoke" / "demo.yaml", "demo")
    plans = make_plans(experiment, 1)
    assert forecast_s(plans) < 180
    assert [step.kind for step in experiment.steps] == ["process.kill", "process.hang"]
    assert {(plan.arm, plan.sham) for plan in plans} == {
        ("none", False),
        ("none", True),
        ("bare", False),
        ("bare", True),
    }


def test_the_horizon_of_the_platform_experiment_holds_a_liveness_verdict():
    experiment = load_experiment(ROOT / "experiments" / "standard" / "process-faults.yaml")
    assert set(experiment.restart_profiles) == {"fast", "kubernetes"}
    assert experiment.profile.tau_s > 42  # three failures 10 s apart, plus time-outs and a start


def test_every_function_that_a_file_may_name_exists_with_its_arguments():
    faults, probes = importlib.import_module(FAULT_MODULE), importlib.import_module(PROBE_MODULE)
    for func, kind in FUNCTIONS.items():
        wanted = FAULTS[kind].parameters.__struct_fields__
        assert tuple(inspect.signature(getattr(faults, func)).parameters) == wanted
    for module, table in ((faults, ROLLBACKS), (probes, PROBES)):
        for func, arguments in table.items():
            assert tuple(inspect.signature(getattr(module, func)).parameters) == arguments


def test_every_fault_of_the_catalogue_can_be_named_in_a_file():
    assert set(FUNCTIONS.values()) == set(FAULTS)
