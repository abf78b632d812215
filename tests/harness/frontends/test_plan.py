"""`hormesis plan`: all that a run would do, how it is undone, whether the world is ready; it does nothing."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.guard.halt import halt
from harness.guard.records import Record, ourselves, undo_folder, write_record
from harness.plan.schedule import make_plans

SYSTEM = """\
version: 1
name: toy
services:
  scorer: {command: [scorer]}
workload: {service: scorer, route: /decide}
"""
STEP = """\
  - type: action
    name: %s
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: %s
      arguments: {%s}
"""
EXPERIMENT = (
    "title: Three ways\ndescription: d\nmethod:\n"
    + STEP % ("kill", "process_kill", "service: scorer")
    + STEP % ("slow", "network_latency", "edge: driver-scorer, latency_ms: 40, duration_s: 2")
    + STEP % ("rename", "data_rename_field", "field: amount, share_ratio: 0.1")
    + "x-hormesis: {version: 1, system: system.yaml, scenario: scenario.yaml, profile: test, "
    "arms: [none, bare]}\n"
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A right experiment beside its system, and a store that is there and empty."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "scenario.yaml").write_text("version: 1\nname: steady\n")
    (folder / "experiment.yaml").write_text(EXPERIMENT)
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path / "store"))
    return folder / "experiment.yaml"


@pytest.fixture
def store(file):
    return file.parent.parent / "store"


def test_every_effect_says_where_how_long_how_it_is_undone_and_within_what_time(file, capsys):
    assert main(["plan", str(file), "--seed", "7", "--offline"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Three ways: 4 runs, about ")
    assert "seed 7" in out
    parts = out.split("effects, ")[1].split("\n  ")
    for label in ("where:", "how long:", "undone:", "within:", "proof:"):
        assert sum(part.strip().startswith(label) for part in parts) == 3
    assert "until undone" in out
    assert "2 s, then it ends by itself" in out
    assert "amount 10 %" in out
    assert out.rstrip().endswith("Nothing was injected.")
    assert "the world now" not in out


def test_the_plan_that_is_shown_is_the_plan_that_would_run(file, capsys):
    assert main(["plan", str(file), "--seed", "7", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    plans = make_plans(load_experiment(file), 7)
    assert [run["sha256"] for run in document["runs"]] == [plan.sha256 for plan in plans]
    assert document["seed"] == 7
    assert len(document["world"]) == 4
    for run, plan in zip(document["runs"], plans, strict=True):
        assert [one["at_s"] for one in run["effects"]] == [one.inject_at_s for one in plan.episodes]
        assert all(one["undo"] and one["undone_within_s"] > 0 for one in run["effects"])


def test_it_leaves_no_trace(file, store):
    before = sorted(file.parent.parent.rglob("*"))
    assert main(["plan", str(file)]) == 0
    assert main(["plan", str(file), "--store", str(store / "not" / "there")]) == 0
    assert sorted(file.parent.parent.rglob("*")) == before


def refused(file: Path, capsys, words: str) -> bool:
    """Whether the plan is refused with ``words`` online, and shown offline."""
    code = main(["plan", str(file), "--seed", "1"])
    out, err = capsys.readouterr()
    offline = main(["plan", str(file), "--seed", "1", "--offline"])
    capsys.readouterr()
    return (code, out, offline) == (5, "", 0) and words in err


def test_a_halted_store_is_refused_with_its_reason(file, store, capsys):
    halt(store, "the disk is full")
    assert refused(file, capsys, "the disk is full")


def test_a_held_lock_is_refused_and_a_left_one_is_not(file, store, capsys):
    handle = os.open(store / ".lock-local", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert refused(file, capsys, "another run holds target local")
    finally:
        os.close(handle)
    assert main(["plan", str(file)]) == 0


def test_an_open_undo_record_is_refused_and_names_the_undo(file, store, capsys):
    record = Record(
        id="run-0",
        run="c/r",
        target="local",
        episode=0,
        fault="network.latency",
        verb="remove_toxic",
        arguments={"socket": "/nowhere", "token": "t", "edge": "driver-scorer", "name": "x"},
        promise_s=1.0,
        expires_s=1.0,
        opened="2026-01-01T00:00:00Z",
        owner=ourselves(),
    )
    write_record(undo_folder(store), record)
    assert refused(file, capsys, "hormesis undo")


def test_a_scratch_that_cannot_be_used_is_refused(file, capsys, monkeypatch):
    monkeypatch.setenv("HORMESIS_SCRATCH", "/nowhere/at/all")
    assert refused(file, capsys, "HORMESIS_SCRATCH")


def test_the_price_of_each_claim_is_told_in_repetitions_and_in_time(file, capsys):
    file.write_text(_claiming(file, repetitions=2))
    assert main(["plan", str(file), "--offline"]) == 0
    out = capsys.readouterr().out
    assert "what a verdict costs at least, 2 repetitions asked for:" in out
    assert "  process.kill scorer, arm none: in at least 90 % of episodes\n    PASS 29 (about " in out
    assert "FAIL 2 (about " in out
    assert main(["plan", str(file), "--offline", "--json"]) == 0
    (price,) = json.loads(capsys.readouterr().out)["prices"]
    assert (price["passes"], price["fails"]) == (29, 2)


def test_an_experiment_that_cannot_reach_a_verdict_is_refused_with_what_to_write(file, capsys):
    file.write_text(_claiming(file, repetitions=1))
    assert main(["plan", str(file), "--offline"]) == 5
    assert "write at least 'repetitions: 2'" in capsys.readouterr().err


def _claiming(file: Path, repetitions: int) -> str:
    text, _, asked = file.read_text().partition("x-hormesis: {")
    claims = "objectives: [{fault: process.kill, arm: none, served_within_s: 5}]"
    return f"{text}x-hormesis: {{repetitions: {repetitions}, {claims}, {asked}"


def test_a_run_is_held_to_the_plan_that_was_looked_at(file, tmp_path, capsys):
    """Any change of what would run is refused before anything starts; here nothing ever does (SR-17)."""

    def planned(*more: str) -> str:
        assert main(["plan", str(file), "--offline", "--json", "--seed", "7", *more]) == 0
        return json.loads(capsys.readouterr().out)["plan_sha256"]

    asked, store = planned(), tmp_path / "store"
    assert planned() == asked
    run = ["run", str(file), "--store", str(store), "--plan", asked[:12]]
    changes = [
        (file, "latency_ms: 40", "latency_ms: 41"),
        (file.parent / "system.yaml", "[scorer]", "[other]"),
    ]
    for changed, old, new in [*changes, (file.parent / "scenario.yaml", "steady", "stormy")]:
        text = changed.read_text()
        assert old in text
        changed.write_text(text.replace(old, new))
        assert main([*run, "--seed", "7"]) == 5
        assert "nothing was started" in capsys.readouterr().err
        changed.write_text(text)
    assert main([*run, "--seed", "8"]) == 5
    assert main([*run, "--seed", "7", "--target", "simulation"]) == 5
    assert main(run) == 2
    assert main([*run[:-1], "ABC", "--seed", "7"]) == 2
    assert not store.exists() or not list(store.iterdir())
    assert planned() == asked


def test_the_text_of_a_plan_names_its_hash(file, capsys):
    assert main(["plan", str(file), "--offline", "--seed", "7"]) == 0
    out = capsys.readouterr().out
    assert main(["plan", str(file), "--offline", "--seed", "7", "--json"]) == 0
    assert f"plan {json.loads(capsys.readouterr().out)['plan_sha256']}: " in out


def test_a_plan_says_what_a_gate_takes_at_least(file, capsys):
    assert main(["plan", str(file), "--offline", "--seed", "7"]) == 0
    assert "what `hormesis gate` takes at least against a version beside it" in capsys.readouterr().out
    text = file.read_text()
    told = []
    for never_ratio in (0.15, 0.3):
        gate = f"version: 1, gate: {{never_excluded_ratio: {never_ratio}}}"
        file.write_text(text.replace("version: 1", gate))
        assert main(["plan", str(file), "--offline", "--seed", "7", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out)["gate"]["PASS"])
    assert told[0] > told[1] > 1, "a wider margin takes fewer pairs"


def test_a_plan_of_a_job_says_what_comes_before_its_runs(capsys):
    kill = Path(__file__).resolve().parents[3] / "examples" / "table" / "kill.yaml"
    assert main(["plan", str(kill), "--offline", "--seed", "7"]) == 0
    told = "before them, not in this time: the job itself runs once on clean partitions"
    assert told in capsys.readouterr().out
