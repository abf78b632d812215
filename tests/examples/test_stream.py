"""The story of docs/own-stream.md, command by command, on a copy of the example."""

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
from harness.history.events import Audited, Injected, Streamed
from harness.history.store import read_campaign
from tests.style.source import ROOT

EXAMPLE = ROOT / "examples" / "stream"
STORY = (ROOT / "docs" / "own-stream.md").read_text("utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", STORY, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
RUNS = [command for command in COMMANDS if command[0] == "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that a run may write beside."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "stream"))


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
    """What was seen in the run with the fault, its events, and what the command said."""

    def once():
        done = hormesis(folder, *command, "--json")
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        return done, json.loads((Path(answer["folder"]) / "report.json").read_bytes()), Path(answer["folder"])

    done, report, kept = trusted(
        once, lambda seen: seen[1]["verdict"]["why"] if seen[0].returncode == 4 else ""
    )
    history = next(run for run in reversed(read_campaign(kept).runs) if not run.plan.sham)
    return facts(history), [entry.event for entry in history.entries], (done.returncode, report)


def test_the_story_shows_the_system_file_as_it_is_and_it_has_at_most_30_lines() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", STORY, re.MULTILINE | re.DOTALL)
    text = (EXAMPLE / "hormesis.yaml").read_text("utf-8")
    assert yaml.safe_load(shown) == yaml.safe_load(text)
    assert len(text.splitlines()) <= 30
    assert len(STORY.splitlines()) <= 90


def test_the_example_knows_nothing_of_the_pipeline_and_its_scorer_nothing_of_us() -> None:
    programs = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".yaml")]
    assert len(programs) == 4
    assert not [path for path in programs if "reference_pipeline" in path.read_text("utf-8")]
    assert "hormesis" not in (EXAMPLE / "scorer.py").read_text("utf-8").lower()


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] != "run"], ids=" ".join)
def test_what_the_story_asks_before_a_run_is_answered(folder: Path, command: list[str]) -> None:
    done = hormesis(folder, *command)
    assert done.returncode == 0, done.stderr
    assert "scorer" in done.stdout or "ok  kill.yaml" in done.stdout


def test_the_story_runs_both_questions() -> None:
    assert [command[1] for command in RUNS] == ["kill.yaml", "slow-wire.yaml"]


@pytest.mark.slow
@pytest.mark.live
def test_a_killed_scorer_pays_its_debt_and_decides_each_record_once(folder: Path, trusted) -> None:
    run, events, (code, _) = measured(folder, RUNS[0], trusted)
    (episode,) = run.episodes
    assert (code, episode.ended_by, run.exactly_once) == (0, "platform", True)
    assert episode.debt.peak > episode.debt.band
    assert episode.served.recovered_s == max(episode.served.answered_s, episode.debt.back_s)
    (audited,) = [event for event in events if isinstance(event, Audited)]
    (streamed,) = [event for event in events if isinstance(event, Streamed)]
    assert audited.accepted == audited.delivered_once == streamed.decisions


@pytest.mark.slow
@pytest.mark.live
def test_a_slow_wire_is_proven_on_the_connection_that_carries_records(folder: Path, trusted) -> None:
    run, events, (code, _) = measured(folder, RUNS[1], trusted)
    (slowed,) = [event for event in events if isinstance(event, Injected)]
    assert re.search(r"of those there before the fault 1, \d{3,} bytes", " ".join(slowed.proof))
    (episode,) = run.episodes
    assert (code, episode.exercised, episode.ended_by) == (0, True, "itself")
    assert episode.debt.peak > episode.debt.band


@pytest.mark.slow
@pytest.mark.live
def test_a_scorer_that_forgets_one_record_in_500_fails_the_claim(folder: Path, trusted) -> None:
    program = folder / "scorer.py"
    text = program.read_text("utf-8")
    planted = text.replace(
        "    payment = json.loads(message.data)\n",
        "    payment = json.loads(message.data)\n"
        "    if message.metadata.sequence.consumer % 500 == 0:\n        return await message.ack()\n",
    )
    assert planted != text
    program.write_text(planted, "utf-8")
    run, events, (code, report) = measured(folder, RUNS[0], trusted)
    (audited,) = [event for event in events if isinstance(event, Audited)]
    assert audited.missing > 0
    assert run.exactly_once is False
    assert (code, report["verdict"]["word"]) == (1, "FAIL")
