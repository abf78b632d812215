"""The story of docs/own-system.md, command by command, on a copy of the example."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from harness.episodes.facts import facts
from harness.history.events import Acted, Injected, Platform
from harness.history.store import read_campaign
from tests.style.source import ROOT

EXAMPLE = ROOT / "examples" / "request"
STORY = (ROOT / "docs" / "own-system.md").read_text("utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", STORY, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
RUNS = [command for command in COMMANDS if command[0] == "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that a run may write beside."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "request"))


def hormesis(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.frontends.cli", *arguments],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HORMESIS_STORE": str(folder / "store")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def measured(folder: Path, command: list[str], trusted):
    """What was seen in the run with the fault, and its events."""

    def once():
        done = hormesis(folder, *command, "--json")
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        return done, json.loads((Path(answer["folder"]) / "report.json").read_bytes()), Path(answer["folder"])

    done, _, kept = trusted(once, lambda seen: seen[1]["verdict"]["why"] if seen[0].returncode == 4 else "")
    assert done.returncode == 0, done.stderr
    history = next(run for run in read_campaign(kept).runs if not run.plan.sham)
    return facts(history), [entry.event for entry in history.entries]


def test_the_story_shows_the_system_file_as_it_is_and_it_has_at_most_30_lines() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", STORY, re.MULTILINE | re.DOTALL)
    text = (EXAMPLE / "hormesis.yaml").read_text("utf-8")
    assert yaml.safe_load(shown) == yaml.safe_load(text)
    assert len(text.splitlines()) <= 30
    assert len(STORY.splitlines()) <= 100


def test_the_example_knows_nothing_of_the_pipeline_and_its_server_nothing_of_us() -> None:
    programs = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".sh", ".yaml")]
    assert len(programs) == 5
    assert not [path for path in programs if "reference_pipeline" in path.read_text("utf-8")]
    assert "hormesis" not in (EXAMPLE / "server.py").read_text("utf-8").lower()
    assert "hormesis" not in (EXAMPLE / "run.sh").read_text("utf-8").lower()


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] != "run"], ids=" ".join)
def test_what_the_story_asks_before_a_run_is_answered(folder: Path, command: list[str]) -> None:
    done = hormesis(folder, *command)
    assert done.returncode == 0, done.stderr
    assert "server" in done.stdout or "ok  kill.yaml" in done.stdout


@pytest.mark.slow
@pytest.mark.live
def test_a_kill_is_healed_by_the_loop_and_timed(folder: Path, trusted) -> None:
    run, events = measured(folder, RUNS[0], trusted)
    (killed,) = [event for event in events if isinstance(event, Injected)]
    acts = [event for event in events if isinstance(event, Platform) and event.at_s > killed.asked_at_s]
    assert [act.act for act in acts][:3] == ["ended", "started", "ready"]
    assert acts[0].pid == killed.pid != acts[1].pid
    assert not [event for event in events if isinstance(event, Acted)]  # the version is what it was
    (episode,) = run.episodes
    assert episode.ended_by == "platform"
    assert episode.served.recovered_s > 0.5  # the loop's own pause is in it


@pytest.mark.slow
@pytest.mark.live
def test_a_hang_is_healed_by_nobody_and_reads_not_recovered(folder: Path, trusted) -> None:
    run, _ = measured(folder, RUNS[1], trusted)
    (episode,) = run.episodes
    assert (episode.ended_by, episode.served.recovered_s) == ("undo", None)


def test_the_story_runs_both_questions() -> None:
    assert [command[1] for command in RUNS] == ["kill.yaml", "hang.yaml"]
    assert (
        msgspec.yaml.decode((EXAMPLE / "kill.yaml").read_bytes())["x-hormesis"]["system"] == "hormesis.yaml"
    )
