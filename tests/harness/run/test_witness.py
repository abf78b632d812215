"""The driver ends with the runner, also where it is stopped and hears nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from harness.errors import Refused, Untrustworthy
from harness.run.witness import Witness
from harness.targets.local.procfs import start_ticks

RUNNER = """
import sys
from pathlib import Path
from harness.run.witness import Witness
here = Path(sys.argv[1])
witness = Witness({}, spec_file=here / "spec.json", log=here / "log.txt", python_path="")
sys.stdout.write(f"{witness.pid}\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.live
def test_a_stopped_driver_dies_with_its_killed_runner(tmp_path, until):
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        pid = int(runner.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        ticks = start_ticks(pid)
        assert ticks
        runner.kill()
    until(lambda: start_ticks(pid) != ticks)


FAILS = """
import sys
sys.stdout.write('{"done": {"units": 1}}\\n')
sys.stdout.close()
sys.exit(int(sys.argv[-1].rpartition("-")[2]))
"""


@pytest.mark.parametrize("code", [0, 5])
def test_a_driver_that_fails_after_its_last_unit_is_heard_as_one_that_failed(tmp_path, monkeypatch, code):
    (tmp_path / "driver.py").write_text(FAILS)
    monkeypatch.setattr(
        "harness.run.witness.sys.executable", str(_as_driver(tmp_path, tmp_path / "driver.py"))
    )
    spec, log = tmp_path / f"spec-{code}", tmp_path / "log.txt"
    with Witness({}, spec_file=spec, log=log, python_path="") as witness:
        witness.await_done(lambda _: None)
        if code:
            with pytest.raises(Untrustworthy, match="ended before the run did"):
                witness.pump(wait_s=5.0)
        else:
            assert witness.pump(wait_s=5.0) == []


def _as_driver(folder, program):
    """A program that runs ``program`` in place of the driver."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    script.chmod(0o755)
    return script


def test_no_code_of_the_folder_that_the_runner_stands_in_runs_as_the_driver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('the code of the folder ran')\n")
    log = tmp_path / "log.txt"
    with (
        Witness({}, spec_file=tmp_path / "spec.json", log=log, python_path="") as witness,
        pytest.raises(Refused, match="the driver did not get ready"),
    ):
        witness.await_ready()
    assert "the code of the folder ran" not in log.read_text()
    assert "ValidationError" in log.read_text()
