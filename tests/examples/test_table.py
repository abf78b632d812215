"""The story of docs/own-table.md, command by command, on a copy of the example."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.episodes.facts import facts
from harness.frontends.cli import main
from harness.history.events import Injected, Platform
from harness.history.store import read_campaign
from tests.style.source import ROOT

EXAMPLE = ROOT / "examples" / "table"
STORY = (ROOT / "docs" / "own-table.md").read_text("utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", STORY, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
RUNS = [command for command in COMMANDS if command[0] == "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that a run may write beside."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "table"))


def measured(folder: Path, command: list[str], trusted):
    """What was seen in the run with the fault, and its events."""

    def once():
        done = subprocess.run(
            [sys.executable, "-m", "harness.frontends.cli", *command, "--json"],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HORMESIS_STORE": str(folder / "store")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.stdout, done.stderr
        kept = Path(json.loads(done.stdout)["folder"])
        return done, json.loads((kept / "report.json").read_bytes())["verdict"]["why"], kept

    done, _, kept = trusted(once, lambda seen: seen[1] if seen[0].returncode == 4 else "")
    assert done.returncode == 0, done.stderr
    history = next(run for run in read_campaign(kept).runs if not run.plan.sham)
    return facts(history), [entry.event for entry in history.entries]


def test_the_story_shows_the_system_file_as_it_is_and_it_has_at_most_30_lines() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", STORY, re.MULTILINE | re.DOTALL)
    text = (EXAMPLE / "hormesis.yaml").read_text("utf-8")
    assert yaml.safe_load(shown) == yaml.safe_load(text)
    assert len(text.splitlines()) <= 30
    assert len(STORY.splitlines()) <= 90


def test_the_job_knows_nothing_of_us_and_the_example_nothing_of_the_pipeline() -> None:
    programs = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".sh", ".yaml")]
    assert len(programs) == 5
    assert not [path for path in programs if "reference_pipeline" in path.read_text("utf-8")]
    assert not [name for name in ("score.py", "run.sh") if "hormesis" in (EXAMPLE / name).read_text().lower()]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] != "run"], ids=" ".join)
def test_what_the_story_asks_before_a_run_is_answered(folder: Path, command, monkeypatch, capsys) -> None:
    monkeypatch.chdir(folder)
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "job" in said or "ok  kill.yaml" in said


def test_the_story_s_init_writes_a_system_like_the_example_s(tmp_path: Path, capsys) -> None:
    (line,) = re.findall(r"`hormesis (init [^`]*)`", STORY)
    words = [str(tmp_path / "x") if word == "my-job" else word for word in shlex.split(line)]
    assert main(words) == 0, capsys.readouterr().err
    written, shown = (
        yaml.safe_load((where / "hormesis.yaml").read_text("utf-8")) for where in (tmp_path / "x", EXAMPLE)
    )
    assert written["services"]["job"] == shown["services"]["job"]
    for same in ("lands", "results", "key"):
        assert written["workload"]["table"][same] == shown["workload"]["table"][same]


def test_the_story_runs_both_questions() -> None:
    assert [command[1] for command in RUNS] == ["kill.yaml", "hang.yaml"]


@pytest.mark.slow
@pytest.mark.live
def test_a_kill_is_healed_by_the_loop_once_every_missed_partition_is_right(folder: Path, trusted) -> None:
    run, events = measured(folder, RUNS[0], trusted)
    (killed,) = [event for event in events if isinstance(event, Injected)]
    acts = [event for event in events if isinstance(event, Platform) and event.at_s > killed.asked_at_s]
    assert [act.act for act in acts][:3] == ["ended", "started", "ready"]
    (episode,) = run.episodes
    assert episode.ended_by == "platform"
    assert episode.backfill.partitions > 0
    assert {one.state for one in episode.backfill.late} == {"missing"}  # a transaction leaves no half
    assert (episode.backfill.open, run.exactly_once) == (0, True)
    assert episode.served.recovered_s >= episode.backfill.last_s > 2  # the loop's own pause is in it


@pytest.mark.slow
@pytest.mark.live
def test_a_hang_is_healed_by_nobody_and_what_was_missed_is_named(folder: Path, trusted) -> None:
    run, _ = measured(folder, RUNS[1], trusted)
    (episode,) = run.episodes
    assert (episode.ended_by, episode.served.recovered_s) == ("undo", None)
    assert episode.backfill.open == episode.backfill.partitions > 20
    assert all(one.right_s is None for one in episode.backfill.late)
    assert run.exactly_once is True  # let go on at the end, it makes all of it good
