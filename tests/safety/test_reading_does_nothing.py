"""SR-18: validate, plan --offline, report, analyse, compare, history and explain import no module of the
user's, start nothing, open no socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "users_own.py").write_text("open('imported', 'w').close()\n")
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "scenario.yaml").write_text("version: 1\nname: steady\n")
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    written(tmp_path, killed())
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
