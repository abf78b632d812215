"""SR-18: validate, plan --offline, report, analyse, gate, compare, history, schema and explain import no
module of the user's, start nothing, open no socket, and write nothing but what they are told to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.frontends.cli import main
from tests.harness.campaign.gating_kit import stored
from tests.traps.histories import killed, written

ROOT = Path(__file__).parents[2]
WATCHED = """
import json, sys
seen = []
DOING = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty.", "socket.")
FOREIGN = ("users_own", "reference_pipeline", "chaoslib")
def hook(event, arguments):
    foreign = event == "import" and str(arguments[0]).split(".")[0] in FOREIGN
    if foreign or event.startswith(DOING):
        seen.append([event, str(arguments)[:200]])
sys.addaudithook(hook)
from harness.frontends.cli import main
code = main(sys.argv[1:])
sys.stdout.flush()
print(json.dumps({"code": code, "seen": seen}))
"""
SYSTEM = """\
version: 1
name: toy
preload: [users_own]
services:
  scorer: {entry: "users_own:serve"}
workload: {service: scorer, route: /decide}
prepare: {command: ["{python}", -m, users_own]}
world: "users_own:open_world"
"""
EXPERIMENT = """\
title: Anything
description: Whose modules must not be imported.
method:
  - type: action
    name: cut
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: network_partition
      arguments: {edge: driver-scorer, duration_s: 1}
x-hormesis: {version: 1, system: system.yaml, scenario: scenario.yaml, profile: test}
"""


def watched(folder: Path, *argv: str) -> dict[str, object]:
    """Run one command under the audit hook, where the user's module could be imported; what it did."""
    run = subprocess.run(
        [sys.executable, "-c", WATCHED, *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "HORMESIS_STORE": str(folder / "absent")},
    )
    assert run.stdout, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def gated(tmp_path_factory):
    """A campaign of pairs and the baseline of another one."""
    place = tmp_path_factory.mktemp("gated")
    stored(place, 2).rename(place / "pairs")
    first = stored(place, 1)
    assert main(["gate", str(first), "--keep", str(place / "baseline.json")]) == 0
    shutil.rmtree(first)
    return place


@pytest.fixture
def folder(tmp_path, gated):
    (tmp_path / "users_own.py").write_text("open('imported', 'w').close()\n")
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "scenario.yaml").write_text("version: 1\nname: steady\n")
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    written(tmp_path, killed())
    shutil.copytree(gated, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize(
    "argv",
    [
        ("validate", "experiment.yaml"),
        ("validate", str(ROOT / "experiments" / "smoke" / "demo.yaml"), "--json"),
        ("plan", "experiment.yaml", "--offline"),
        ("plan", str(ROOT / "experiments" / "smoke" / "demo.yaml"), "--offline", "--json"),
        ("analyse", "kill-20260101-000000000-s7", "--store", "."),
        ("report", "kill-20260101-000000000-s7", "--store", "."),
        ("report", "kill-20260101-000000000-s7", "--store", ".", "--junit", "-"),
        ("report", "kill-20260101-000000000-s7", "--store", ".", "--markdown", "-"),
        ("report", "kill-20260101-000000000-s7", "--store", ".", "--openmetrics", "-"),
        ("compare", "kill-20260101-000000000-s7", "kill-20260101-000000000-s7", "--store", "."),
        ("history", "list", "--store", "."),
        ("history", "trend", "--store", ".", "--json"),
        ("compare", "kill-20260101-000000000-s7", "kill-20260101-000000000-s7", "--store", ".", "--json"),
        ("gate", "pairs", "--baseline", "baseline.json", "--store", "."),
        ("gate", "pairs", "--baseline", "baseline.json", "--store", ".", "--json"),
        ("gate", "pairs", "--baseline", "baseline.json", "--store", ".", "--junit", "-"),
        ("report", "pairs", "--store", ".", "--markdown", "-"),
        ("explain", "fault"),
        ("schema", "experiment"),
        ("schema", "table"),
    ],
)
def test_a_command_that_only_reads_does_nothing_else(folder, argv):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    done = watched(folder, *argv)
    assert done == {"code": 0, "seen": []}
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert set(after) == set(before), "it wrote a file"
    assert not (folder / "imported").exists()


@pytest.mark.parametrize(
    ("argv", "into"),
    [
        (("init", "new"), "new"),
        (("history", "site", "--out", "public", "--store", "."), "public"),
        (("gate", "pairs", "--keep", "kept.json", "--store", "."), "kept.json"),
        (("gate", "pairs", "--baseline", "baseline.json", "--ledger", "l.json", "--store", "."), "l.json"),
        (("report", "kill-20260101-000000000-s7", "--store", ".", "--html", "page.html"), "page.html"),
    ],
)
def test_a_command_that_writes_what_it_is_told_to_does_nothing_else(folder, argv, into):
    """SR-18: neither does it touch another file."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert watched(folder, *argv) == {"code": 0, "seen": []}
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    new = {path.relative_to(folder).parts[0] for path in set(after) - set(before)}
    assert {name.removeprefix(".").removesuffix(".lock") for name in new} == {into}
    assert {path: after[path] for path in before} == before
    assert not (folder / "imported").exists()


def test_a_doctor_looks_at_the_machine_and_imports_nothing_of_yours(folder):
    """SR-18: it may ask the machine; the system file is data to it."""
    done = watched(folder, "doctor", "system.yaml", "--store", ".")
    assert [event for event, _ in done["seen"] if event == "import" or not event.startswith("socket.")] == []
    assert not (folder / "imported").exists()


def test_the_hook_would_have_seen_it(folder):
    code = WATCHED.replace(
        "from harness.frontends.cli import main\n",
        "import socket, subprocess, users_own\n"
        "socket.socket().close()\nsubprocess.run(['true'])\nmain = len\n",
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PATH": "/bin:/usr/bin"},
    )
    seen = {event.split(".")[0] for event, _ in json.loads(run.stdout)["seen"]}
    assert {"import", "socket", "subprocess"} <= seen
    assert (folder / "imported").exists()


def test_a_consent_is_asked_and_given_without_an_import(folder, tmp_path_factory, monkeypatch):
    """SR-18: it reads what it would be a yes to, and writes the yes where it belongs."""
    kept = tmp_path_factory.mktemp("home") / "consents.json"
    monkeypatch.setenv("HORMESIS_CONSENT_FILE", str(kept))
    before = set(folder.rglob("*"))
    assert watched(folder, "consent", "system.yaml") == {"code": 5, "seen": []}
    assert watched(folder, "consent", "system.yaml", "--give") == {"code": 0, "seen": []}
    assert set(folder.rglob("*")) == before
    assert list(kept.parent.iterdir()) == [kept]
