"""Broken files through the real command line: a message that helps, exit 2, nothing touched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.frontends.cli import main

SYSTEM = """\
version: 1
name: toy
services:
  scorer: {command: [scorer]}
workload: {service: scorer, route: /decide}
"""
RIGHT = """\
title: Kill the scorer
description: Does it come back?
method:
  - type: action
    name: kill-scorer
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_hang
      arguments: {service: scorer}
x-hormesis:
  version: 1
  system: system.yaml
  scenario: scenario.yaml
  profile: test
"""


def text(old: str, new: str) -> Callable[[Path], Path]:
    """A file that is right but for one change."""

    def write(folder: Path) -> Path:
        assert old in RIGHT
        (folder / "bad.yaml").write_text(RIGHT.replace(old, new, 1))
        return folder / "bad.yaml"

    return write


def raw(content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "bad.yaml").write_bytes(content)
        return folder / "bad.yaml"

    return write


def broken(file: str, content: str) -> Callable[[Path], Path]:
    """A right experiment on a broken system or scenario."""

    def write(folder: Path) -> Path:
        (folder / file).write_text(content)
        (folder / "right.yaml").write_text(RIGHT)
        return folder / "right.yaml"

    return write


def through_a_file(folder: Path) -> Path:
    (folder / "plain").write_text("x")
    return folder / "plain" / "bad.yaml"


def unreadable(folder: Path) -> Path:
    """A folder under the name of a file: unreadable even for root, as a file without permission is."""
    (folder / "bad.yaml").mkdir()
    return folder / "bad.yaml"


def loop(folder: Path) -> Path:
    (folder / "bad.yaml").symlink_to("bad.yaml")
    return folder / "bad.yaml"


BOMB = "a: &a [x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
# name -> (how the file is made, code of the first problem, line of it or 0)
FILES: dict[str, tuple[Callable[[Path], Path], str, int]] = {
    "bracket not closed": (text("{service: scorer}", "{service: scorer"), "HRM106", 11),
    "tab as indentation": (text("  version: 1", "\tversion: 1"), "HRM106", 12),
    "quote not closed": (text("title: Kill", "title: 'Kill"), "HRM106", 1),
    "unknown fault": (text("process_hang", "process_hnag"), "HRM211", 9),
    "unknown service": (text("{service: scorer}", "{service: scorr}"), "HRM212", 10),
    "unknown key": (text("profile: test", "profle: test"), "HRM202", 15),
    "unknown key at the top": (text("title:", "titel:"), "HRM202", 1),
    "unknown arm": (text("profile: test", "arms: [bear]"), "HRM219", 15),
    "unknown profile": (text("profile: test", "profile: tset"), "HRM220", 15),
    "duplicate key": (text("title: Kill", "title: Kill\ntitle: Kill"), "HRM110", 2),
    "alias bomb": (raw(BOMB.encode()), "HRM108", 1),
    "tag": (text("title: Kill", "title: !!python/name:os.system Kill"), "HRM109", 1),
    "negative pause": (text("    name:", "    pauses: {after: -1}\n    name:"), "HRM205", 5),
    "negative length": (text("{service: scorer}", "{service: scorer, duration_s: -1}"), "HRM205", 10),
    "fault that outlives every guard": (
        text("{service: scorer}", "{service: scorer, duration_s: 901}"),
        "HRM218",
        10,
    ),
    "old boolean": (text("profile: test", "sham: no"), "HRM113", 15),
    "foreign code": (text("harness.frontends.chaostoolkit.faults", "os"), "HRM213", 8),
    "probe in the method": (text("type: action", "type: probe"), "HRM214", 4),
    "objective of no arm": (
        text("profile: test", "objectives: [{arm: bare, exactly_once: true}]"),
        "HRM222",
        15,
    ),
    "wrong type": (text("profile: test", "repetitions: many"), "HRM201", 15),
    "too deep": (raw(b"a: " + b"[" * 500 + b"]" * 500), "HRM111", 1),
    "several documents": (raw(RIGHT.encode() + b"---\n" + RIGHT.encode()), "HRM107", 16),
    "list instead of an experiment": (raw(b"- a\n- b\n"), "HRM201", 1),
    "binary": (raw(bytes(range(256)) * 40), "HRM104", 0),
    "program": (raw(Path(sys.executable).read_bytes()[: 1 << 19]), "HRM104", 0),
    "UTF-16": (raw(RIGHT.encode("utf-16")), "HRM104", 0),
    "control character": (text("title: Kill", "title: \x1b[31mKill"), "HRM104", 1),
    "empty": (raw(b""), "HRM105", 0),
    "only comments": (raw(b"# nothing\n\n"), "HRM105", 0),
    "two megabytes": (raw(b"a: b\n" * 400_000), "HRM103", 0),
    "missing": (lambda folder: folder / "bad.yaml", "HRM101", 0),
    "path through a file": (through_a_file, "HRM101", 0),
    "unreadable": (unreadable, "HRM102", 0),
    "link to itself": (loop, "HRM101", 0),
    "missing scenario": (text("scenario.yaml", "gone.yaml"), "HRM101", 14),
    "broken system": (broken("system.yaml", SYSTEM.replace("command", "comand")), "HRM202", 4),
    "broken scenario": (broken("scenario.yaml", "version: 1\nname: a\nworld_s_per_run_s: -1\n"), "HRM205", 3),
    "empty scenario": (broken("scenario.yaml", ""), "HRM105", 0),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder with a right system and scenario, and a store that does not exist yet."""
    work = tmp_path / "files"
    work.mkdir()
    (work / "system.yaml").write_text(SYSTEM)
    (work / "scenario.yaml").write_text("version: 1\nname: steady\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path / "store"))
    return work


def test_the_file_that_the_broken_ones_are_made_of_is_right(folder, capsys):
    (folder / "right.yaml").write_text(RIGHT)
    assert main(["validate", str(folder / "right.yaml")]) == 0
    assert capsys.readouterr().err == ""


def test_there_are_at_least_25_broken_files():
    assert len(FILES) >= 25


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_explained_and_nothing_is_touched(folder, tmp_path, capsys, name, command):
    make, code, line = FILES[name]
    file = make(folder)
    before = sorted(tmp_path.rglob("*"))
    assert main([command, str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    first = err.split("\n\n")[0]
    assert first.startswith(f"error[{code}]: ")
    assert re.search(rf"^  --> .+\.yaml{f':{line}:[0-9]+' if line else '$'}", first, re.MULTILINE)
    assert ("^" in first) == bool(line)
    assert "  help: " in first
    assert err.rstrip().endswith("Nothing was done.")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_broken_file_is_explained_by_the_installed_command_too(folder, tmp_path):
    file = text("process_hang", "process_hnag")(folder)
    run = subprocess.run(
        [sys.executable, "-m", "harness.frontends.cli", "run", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HORMESIS_STORE": str(tmp_path / "store")},
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert "bad.yaml:9:13" in run.stderr
    assert "did you mean 'process_hang'" in run.stderr
    assert not (tmp_path / "store").exists()
