"""A template is whole or it is not there: nothing half made is ever started from."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused, UsageProblem
from harness.experiment.model import Scenario
from harness.guard.halt import halt
from harness.run import template
from harness.run.template import ensure_template
from harness.targets.local.procfs import start_ticks

ROOT = Path(__file__).resolve().parents[3]

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


@pytest.mark.parametrize(("why", "line"), [("knob positive: no row has 1", 4), ("no rows", 3)])
def test_a_scenario_that_is_not_taken_is_shown_in_its_own_file(prepared_by, tmp_path, why, line):
    file = tmp_path / "my.yaml"
    file.write_text("version: 1\nname: my\nknobs:\n  positive: 1\n")
    scenario = Scenario(version=1, name="my", knobs={"positive": 1})
    refuse = f"import sys; print({why!r}); sys.exit(2)"
    asked = msgspec.structs.replace(
        prepared_by("{python}", "-c", refuse), scenario=scenario, scenario_file=str(file)
    )
    with pytest.raises(UsageProblem) as raised:
        ensure(asked, tmp_path / "cache")
    (problem,) = raised.value.problems
    assert (problem.file, problem.line, problem.why) == (str(file), line, why)


def test_a_prepare_that_takes_too_long_is_ended_and_refused(prepared_by, tmp_path, monkeypatch):
    monkeypatch.setattr(template, "PREPARE_LIMIT_S", 0.2)
    with pytest.raises(Refused, match=r"not done after 0\.2 s"):
        ensure(prepared_by("sleep", "600"), tmp_path / "cache")


RUNNER = """
import sys
from pathlib import Path
import msgspec
from harness.experiment.model import Experiment
from harness.run.template import ensure_template
experiment = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Experiment)
ensure_template(experiment, cache=Path(sys.argv[2]), python_path="", progress=lambda _: None)
"""
GRANDCHILD = "import os, pathlib, signal; pathlib.Path({said!r}).write_text(str(os.getpid())); signal.pause()"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"


@pytest.fixture
def preparing(prepared_by, tmp_path, until, monkeypatch) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A runner whose prepare has started a child; gives it, and pid and start tick of that grandchild."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("HORMESIS_SCRATCH", str(scratch))
    said, file = tmp_path / "pid", tmp_path / "experiment.json"
    program = PARENT.format(grandchild=GRANDCHILD.format(said=str(said)))
    file.write_bytes(msgspec.json.encode(prepared_by("{python}", "-c", program)))
    words = [sys.executable, "-c", RUNNER, str(file), str(tmp_path / "store" / ".templates")]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as runner:
        try:
            pid = int(until(lambda: said.exists() and said.read_text()))
            yield runner, pid, start_ticks(pid)
        finally:
            runner.kill()


def test_when_the_runner_is_killed_all_that_prepare_started_ends_too(preparing, tmp_path, until):
    """SR-1: by the run's token, so that a child of it ends as well."""
    runner, pid, ticks = preparing
    assert ticks
    runner.kill()
    until(lambda: start_ticks(pid) != ticks)
    until(lambda: not list((tmp_path / "store" / ".undo").glob("*.json")))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_killed_runner_left_half_made_goes_with_the_next(preparing, prepared_by, tmp_path, until):
    runner, _, _ = preparing
    cache = tmp_path / "store" / ".templates"
    (lock,) = cache.glob(".tmp-*.lock")
    lock.with_suffix("").mkdir()  # what its `prepare` has written so far
    lock.with_suffix(".tmp-1234").mkdir()  # and what it would have renamed to that
    runner.kill()
    until(lambda: not list((tmp_path / "store" / ".undo").glob("*.json")))
    ensure(prepared_by("{python}", "-c", MAKE, "{out}"), cache)
    assert list(cache.glob(".tmp-*")) == []


def test_a_halt_ends_a_prepare_and_says_so(preparing, tmp_path, until):
    """SR-8: it may take minutes."""
    runner, pid, ticks = preparing
    halt(tmp_path / "store", "stop that")
    _, said = runner.communicate(timeout=30)
    assert "Refused" in said
    assert "is halted: stop that" in said
    assert start_ticks(pid) != ticks
    assert list((tmp_path / "scratch").iterdir()) == []


LEAVES = """
import pathlib, subprocess, sys, time
said = pathlib.Path(sys.argv[2])
subprocess.Popen([sys.executable, "-c", sys.argv[3]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not said.exists() or not said.read_text():
    time.sleep(0.01)
"""


def test_what_prepare_left_running_is_ended_with_it(prepared_by, tmp_path):
    said = tmp_path / "pid"
    command = ("{python}", "-c", LEAVES + MAKE, "{out}", str(said), GRANDCHILD.format(said=str(said)))
    folder = ensure(prepared_by(*command), tmp_path / "cache")
    assert (folder / "model").read_text() == "m"
    assert start_ticks(int(said.read_text())) == 0
