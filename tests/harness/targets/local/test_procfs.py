"""Looks through /proc survive strange names and processes that go."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness.targets.local.kernel import is_gone, pinned
from harness.targets.local.procfs import (
    carriers,
    carries,
    descendants,
    is_stopped,
    start_ticks,
    thread_states,
)


@pytest.fixture
def sleeper(tmp_path):
    """A process whose name tries to break a parser of ``stat``: blanks and brackets."""
    program = tmp_path / "a) S 1 (b"
    shutil.copy(shutil.which("sleep"), program)
    env = {"CARRIED": "mark-4711"}
    with subprocess.Popen([str(program), "600"], env=env) as process:
        yield process.pid
        process.kill()


def test_a_name_with_brackets_does_not_shift_the_fields(sleeper, until):
    until(lambda: ")" in Path(f"/proc/{sleeper}/comm").read_text(encoding="utf-8"))
    assert start_ticks(sleeper) >= start_ticks(os.getpid()) > 0
    assert sleeper in descendants(os.getpid())


def test_a_stopped_process_is_seen_stopped_and_going_on(sleeper, until):
    assert not is_stopped(sleeper)
    os.kill(sleeper, signal.SIGSTOP)
    until(lambda: is_stopped(sleeper))
    assert thread_states(sleeper) == ("T",)
    os.kill(sleeper, signal.SIGCONT)
    until(lambda: not is_stopped(sleeper))


def test_a_process_is_known_by_what_it_was_started_with(sleeper, until):
    until(lambda: carries(sleeper, "CARRIED", "mark-4711"))
    assert not carries(sleeper, "CARRIED", "mark-471")
    assert sleeper in carriers("CARRIED", "mark-4711")


def test_a_process_that_is_gone_gives_empty_answers():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert start_ticks(process.pid) == 0
    assert thread_states(process.pid) == ()
    assert not is_stopped(process.pid)
    assert not carries(process.pid, "A", "b")


def test_a_zombie_counts_as_gone(until):
    with subprocess.Popen(["true"]) as process:
        until(lambda: start_ticks(process.pid) == 0)
        assert Path(f"/proc/{process.pid}").exists()


def test_pinned_refuses_the_same_pid_with_another_start(sleeper):
    ticks = start_ticks(sleeper)
    with pinned(sleeper, ticks) as handle:
        assert not is_gone(handle, 0.0)
    for wrong in (ticks - 1, 0):
        with pytest.raises(ProcessLookupError), pinned(sleeper, wrong):
            pytest.fail("a stranger was held")
