"""`hormesis undo` never calls clean what it cannot see: a store not there, a run out of sight (SR-4)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.frontends.cli import main
from harness.guard.processes import start_ticks
from harness.guard.records import Record, open_records, ourselves, undo_folder, write_record

VARIABLE, TOKEN = "HORMESIS_RUN", "fedcba9876543210" * 4


@pytest.mark.parametrize("words", [[], ["--list"]])
def test_a_store_that_is_not_there_is_refused(tmp_path, capsys, words):
    """SR-4: "nothing is open" would be said of the wrong place."""
    assert main(["undo", "--store", str(tmp_path / "nowhere"), *words]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert f"there is no store {tmp_path / 'nowhere'}" in err
    assert "--store DIR, or HORMESIS_STORE" in err


def test_the_store_in_which_nothing_is_open_is_named_in_full(tmp_path, capsys, monkeypatch):
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["undo", "--store", "runs"]) == 0
    assert capsys.readouterr().out == f"nothing is open in {tmp_path / 'runs'}\n"


@pytest.fixture
def paused(until) -> subprocess.Popen[bytes]:
    """A stopped process that carries the token of a run."""
    program = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
    process = subprocess.Popen(program, env={VARIABLE: TOKEN})
    try:
        until(lambda: f"{VARIABLE}={TOKEN}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes())
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: state(process) == "T")
        yield process
    finally:
        process.kill()
        process.wait()


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_from_another_pid_namespace_a_run_is_never_said_to_be_clean(
    tmp_path, capsys, paused, in_other_pid_space
):
    """SR-4: a container that shares the store does not see the process that is still paused."""
    of = {"pid": paused.pid, "start_ticks": start_ticks(paused.pid), "variable": VARIABLE, "token": TOKEN}
    record = Record(
        id="r1-1",
        run="c/r1",
        target="local",
        episode=0,
        fault="process.pause",
        verb="continue_process",
        arguments=of,
        promise_s=5.0,
        expires_s=1e9,
        opened="2026-01-01T00:00:00Z",
        owner=ourselves(),
    )
    write_record(undo_folder(tmp_path), record)
    words = [sys.executable, "-m", "harness.frontends.cli", "undo", "--store", str(tmp_path)]
    listed = in_other_pid_space([*words, "--list"])
    assert "cannot be told from here" in listed.stdout, listed.stderr
    done = in_other_pid_space(words)
    assert done.returncode == 6, done.stderr
    assert "NOT CLEAN" in done.stdout
    assert "cannot tell" in done.stdout
    assert state(paused) == "T"
    assert open_records(undo_folder(tmp_path)) == (record,)
    assert main(["undo", "--store", str(tmp_path)]) == 0
    assert "1 undone and proven clean" in capsys.readouterr().out
    assert state(paused) != "T"
