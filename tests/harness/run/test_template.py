"""A template is whole or it is not there: nothing half made is ever started from."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.errors import Refused, UsageProblem
from harness.run import template
from harness.run.template import ensure_template
from harness.targets.local.procfs import start_ticks

MAKE = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.mkdir(); (p / 'model').write_text('m')"
HALF = MAKE + "; sys.exit('no space left')"


def ensure(experiment, cache):
    return ensure_template(experiment, cache=cache, python_path="", progress=lambda _: None)


def test_what_prepare_made_is_there_whole_and_is_made_once(prepared_by, tmp_path):
    experiment = prepared_by("{python}", "-c", MAKE, "{out}")
    folder = ensure(experiment, tmp_path / "cache")
    assert (folder / "model").read_text() == "m"
    made_ns = (folder / "model").stat().st_mtime_ns
    assert ensure(experiment, tmp_path / "cache") == folder
    assert (folder / "model").stat().st_mtime_ns == made_ns
    assert [p for p in (tmp_path / "cache").iterdir() if p.is_dir()] == [folder]


def test_what_a_failed_prepare_made_is_not_the_template_of_the_next_run(prepared_by, tmp_path):
    experiment = prepared_by("{python}", "-c", HALF, "{out}")
    for _ in range(2):
        with pytest.raises(Refused, match="no space left"):
            ensure(experiment, tmp_path / "cache")
    assert [p for p in (tmp_path / "cache").iterdir() if p.is_dir()] == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/program", "{out}"), "/no/such/program"),
        (("{python}", "{0}"), r"\{0\}"),
        (("{python}", "{outt}"), r"\{outt\}"),
        (("{python}", "{"), r"\{python\}"),
        (("{python}", "-c", "pass"), "made no folder"),
        ((), "no program"),
        (("a\0b",), "cannot be started"),
    ],
)
def test_a_prepare_that_cannot_run_is_refused_with_the_reason(prepared_by, tmp_path, command, why):
    with pytest.raises(Refused, match=why):
        ensure(prepared_by(*command), tmp_path / "cache")


def test_a_scenario_that_prepare_does_not_take_is_the_files_problem(prepared_by, tmp_path):
    refuse = "import sys; print('knob labelcolumn is unknown'); sys.exit(2)"
    with pytest.raises(UsageProblem) as raised:
        ensure(prepared_by("{python}", "-c", refuse, "{out}"), tmp_path / "cache")
    (problem,) = raised.value.problems
    assert (problem.code, problem.why) == ("HRM227", "knob labelcolumn is unknown")
    assert [p for p in (tmp_path / "cache").iterdir() if p.is_dir()] == []


def test_a_prepare_that_takes_too_long_is_ended_and_refused(prepared_by, tmp_path, monkeypatch):
    monkeypatch.setattr(template, "PREPARE_LIMIT_S", 0.2)
    with pytest.raises(Refused, match=r"not done after 0\.2 s"):
        ensure(prepared_by("sleep", "600"), tmp_path / "cache")


RUNNER = """
import sys
from pathlib import Path
from harness.experiment.model import Prepare
from harness.run.template import _prepare
_prepare(Prepare(command=tuple(sys.argv[2:])), Path("s"), Path(sys.argv[1]) / "out", "")
"""
TELL = (
    "import os, pathlib, signal, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); signal.pause()"
)


@pytest.mark.live
def test_when_the_runner_is_killed_prepare_ends_too(tmp_path, until):
    said = tmp_path / "pid"
    command = [sys.executable, "-c", RUNNER, str(tmp_path), "{python}", "-c", TELL, str(said)]
    with subprocess.Popen(command) as runner:
        try:
            pid = int(until(lambda: said.exists() and said.read_text()))
            ticks = start_ticks(pid)
            assert ticks
        finally:
            runner.kill()
    until(lambda: start_ticks(pid) != ticks)
