"""The action and the weekly job: their commands are ours, their shell is run, and inputs are never code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.experiment.load import load_experiment
from harness.frontends.cli import COMMANDS, main
from harness.run.template import template_key
from tests.harness.campaign.campaign_kit import SHORTEST, written
from tests.tiers import few

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / "examples" / "github"
ACTION = yaml.safe_load((GITHUB / "action.yml").read_text())
WEEKLY = yaml.safe_load((GITHUB / "weekly.yml").read_text())
(JOB,) = WEEKLY["jobs"].values()
SCRIPTS = [step["run"] for step in (*ACTION["runs"]["steps"], *JOB["steps"]) if "run" in step]


def test_both_files_hold_what_github_asks_of_them() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert all("shell" in step for step in ACTION["runs"]["steps"] if "run" in step)
    assert all(one["description"] for one in ACTION["inputs"].values())
    assert WEEKLY["permissions"] == {"contents": "read"}
    assert WEEKLY[True]["schedule"][0]["cron"].count(" ") == 4  # YAML 1.1 reads `on` as true


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_expression_stands_inside_a_script_and_bash_can_read_it(script: str) -> None:
    assert "${{" not in script
    subprocess.run(["bash", "-n", "-c", script], check=True)


def test_every_input_is_used_and_every_expression_is_an_input() -> None:
    text = (GITHUB / "action.yml").read_text()
    assert set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", text)) == set(ACTION["inputs"])


@pytest.mark.parametrize("script", [script for script in SCRIPTS if "hormesis " in script])
def test_each_command_and_option_exists(script: str) -> None:
    import argparse

    for line in re.findall(r"^\s*hormesis (.*)$", script, re.MULTILINE):
        words = shlex.split(re.split(r"[>|]", line)[0].replace('"${let_through[@]}"', ""))
        parser = argparse.ArgumentParser()
        COMMANDS[words[0]].load().configure(parser)
        known = set(parser._option_string_actions)
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize(("let_through", "code"), few([("", 3), ("inconclusive", 0)], 1))
def test_the_action_asks_judges_and_writes_its_summary(
    tmp_path: Path, small_template: Path, let_through: str, code: int
) -> None:
    file = written(tmp_path, lengths=SHORTEST)
    templates = tmp_path / "store" / ".templates"
    templates.mkdir(parents=True)
    (templates / template_key(load_experiment(file))).symlink_to(small_template)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HORMESIS_STORE": str(tmp_path / "store"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "EXPERIMENT": file.name,
        "BASELINE": "baseline.json",
        "PAIRS": "2",
        "SEED": "8",
        "LET_THROUGH": let_through,
    }
    before = ["hormesis", "campaign", file.name, "--pairs", "2", "--seed", "7", "--workers", "1"]
    subprocess.run(before, cwd=tmp_path, env=environment, check=True, capture_output=True)
    (kept,) = (path for path in (tmp_path / "store").iterdir() if not path.name.startswith("."))
    assert main(["gate", str(kept), "--keep", str(tmp_path / "baseline.json")]) == 0
    (script,) = (step["run"] for step in ACTION["runs"]["steps"] if step["name"] == "Ask and judge")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert "INCONCLUSIVE" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "junit.xml").stat().st_size > 100
