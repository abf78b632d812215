"""The pytest plugin in sessions of their own: each verdict of an experiment is one outcome of a test."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from harness.experiment.load import load_experiment
from harness.run.template import template_key
from tests.harness.campaign.campaign_kit import LONG, written

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = "harness.frontends.pytest_plugin"
ONCE = "{exactly_once: true}"
SOON = "{fault: process.hang, served_within_s: 0.01, share_ratio: 0.9}"


@pytest.fixture
def session(tmp_path: Path, small_template: Path):
    """Run pytest on one test file beside an experiment that claims ``objectives``; gives what it printed.

    ``unmet``: its fault is one that nothing of the system meets.
    """

    def run(test: str, *words: str, objectives: str = ONCE, repetitions: int = 1, unmet: bool = False) -> str:
        file = written(tmp_path, objectives=objectives, lengths=LONG)
        text = file.read_text() + f"  repetitions: {repetitions}\n"
        if unmet:
            text = text.replace("process_hang", "network_latency")
            text = text.replace("service: gateway,", "edge: gateway-scorer-b, latency_ms: 50,")
        file.write_text(text)
        templates = tmp_path / "store" / ".templates"
        templates.mkdir(parents=True, exist_ok=True)
        link = templates / template_key(load_experiment(file))
        if not link.is_symlink():
            link.symlink_to(small_template)
        (tmp_path / "test_it.py").write_text(f"import pytest\n\n{test}")
        environment = {
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "HORMESIS_STORE": str(tmp_path / "store"),
            "HORMESIS_SCRATCH": str(tmp_path),
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", PLUGIN, "-rA", "--strict-markers", "test_it.py", *words],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


MARKED = '@pytest.mark.resilience("hang.yaml")\ndef test_it():\n    pass\n'
LOOKS = '@pytest.mark.resilience("hang.yaml")\ndef test_it(resilience):\n    {}\n'


def test_without_the_option_nothing_runs_and_the_test_is_skipped(session) -> None:
    assert "1 skipped" in session(MARKED)


@pytest.mark.slow
def test_a_verdict_of_pass_is_a_passed_test(session) -> None:
    assert "1 passed" in session(MARKED, "--hormesis")


def test_a_verdict_of_fail_is_a_failed_test_and_says_why(session) -> None:
    told = session(MARKED, "--hormesis=simulation", objectives=SOON, repetitions=2)
    assert "1 failed" in told
    assert "FAIL: 1 of 1 claims: process.hang gateway" in told
    assert "kept in: " in told


@pytest.mark.slow
def test_too_little_evidence_is_a_skipped_test_with_the_reason(session) -> None:
    told = session(MARKED, "--hormesis", objectives=SOON)
    assert "1 skipped" in told
    assert "INCONCLUSIVE: " in told


def test_what_cannot_be_read_is_an_error_and_no_failure(session) -> None:
    told = session(MARKED.replace("hang.yaml", "missing.yaml"), "--hormesis")
    assert "1 error" in told
    assert "missing.yaml" in told
    assert "pytest_plugin.py" not in told, "where it was noticed helps nobody"


@pytest.mark.slow
def test_what_cannot_be_trusted_is_an_error_and_no_failure(session) -> None:
    told = session(MARKED, "--hormesis", unmet=True)
    assert "1 error" in told
    assert "VOID: " in told
    assert "something meets the fault" in told


@pytest.mark.slow
def test_nothing_claimed_and_nothing_looked_at_is_no_pass(session) -> None:
    told = session(MARKED, "--hormesis", objectives="")
    assert "1 error" in told
    assert "claims nothing" in told


@pytest.mark.slow
def test_a_test_may_look_at_the_outcome_itself(session) -> None:
    looks = "assert resilience.document.estimates.classes[0].n == 1; assert resilience.folder.is_dir()"
    assert "1 passed" in session(LOOKS.format(looks), "--hormesis", objectives="")
    assert "1 failed" in session(LOOKS.format("assert resilience.document.runs == ()"), "--hormesis")


@pytest.mark.slow
def test_tests_that_ask_the_same_share_one_run(session, tmp_path) -> None:
    assert "2 passed" in session(MARKED + "\n\n" + MARKED.replace("test_it", "test_again"), "--hormesis")
    assert len([one for one in (tmp_path / "store").iterdir() if not one.name.startswith(".")]) == 1


def test_asking_for_the_outcome_without_an_experiment_is_an_error(session) -> None:
    told = session("def test_it(resilience):\n    pass\n", "--hormesis")
    assert "1 error" in told
    assert "not marked with an experiment" in told


def test_the_distribution_names_the_plugin_and_loading_it_imports_nothing_of_weight() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"hormesis": PLUGIN}
    assert import_module(PLUGIN).MARK == "resilience"
    script = f"import sys, {PLUGIN}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "scipy", "aiohttp", "jinja2", "yaml", "msgspec", "harness.experiment"}
