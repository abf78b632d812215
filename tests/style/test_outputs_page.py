"""docs/outputs.md: its commands are run as they stand, and its tables list what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.experiment.load import load_experiment
from harness.frontends.formats import FORMATS
from harness.report.openmetrics import openmetrics
from tests.harness.report.outputs_kit import one, shown
from tests.style.source import ROOT
from tests.style.test_examples import FENCE
from tests.traps.histories import killed, written

PAGE = (ROOT / "docs" / "outputs.md").read_text("utf-8")
COMMANDS = [line for block in FENCE.findall(PAGE) for line in block.splitlines()]
LINES_MAX = 80


def run_shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one line of the page where a campaign called RUN lies."""
    scripts = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env={
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path, killed()).rename(tmp_path / "RUN")
    (tmp_path / "summary.md").write_text("earlier step\n")
    return tmp_path


def test_the_page_is_short_and_shows_commands() -> None:
    assert PAGE.count("\n") <= LINES_MAX
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_does_what_it_says(folder: Path, line: str) -> None:
    done = run_shell(line, folder)
    assert done.returncode == 0, done.stderr
    for name in re.findall(r"[a-z.]+\.(?:html|json|xml|prom)\b", line):
        assert (folder / name).stat().st_size > 500
    if "GITHUB_STEP_SUMMARY" in line:
        assert (folder / "summary.md").read_text().startswith("earlier step\n## ")


def test_a_command_that_is_wrong_would_be_seen(folder: Path) -> None:
    assert run_shell(COMMANDS[0].replace("--json", "--jsn"), folder).returncode == 2
    assert run_shell("hormesis report RUN --junit absent/junit.xml", folder).returncode == 5


def test_every_format_and_every_gauge_is_listed_and_no_other() -> None:
    assert re.findall(r"^\| `--(\w+)` \|", PAGE, re.MULTILINE) == list(FORMATS)
    given = re.findall(r"^# TYPE (\w+)", openmetrics(shown(one(*[1.0] * 40))), re.MULTILINE)
    assert re.findall(r"^\| `(hormesis_\w+)` \|", PAGE, re.MULTILINE) == given


def test_an_experiment_with_the_first_line_of_the_page_still_loads(tmp_path: Path) -> None:
    (line,) = re.findall(r"^# yaml-language-server: .*$", PAGE, re.MULTILINE)
    for name in ("scenarios", "experiments"):
        (tmp_path / name).mkdir()
    (tmp_path / "scenarios" / "steady.yaml").write_bytes((ROOT / "scenarios" / "steady.yaml").read_bytes())
    shipped = (ROOT / "experiments" / "smoke" / "kill-one.yaml").read_text("utf-8")
    mine = tmp_path / "experiments" / "mine.yaml"
    mine.write_text(f"{line}\n{shipped.replace('../../', '../')}", "utf-8")
    assert load_experiment(mine).steps
