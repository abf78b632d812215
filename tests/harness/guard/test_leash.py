"""A leash on a real process: it goes on however the holding ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.guard.leash import Leash, NotHeld
from harness.guard.processes import pinned, start_ticks

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import os, signal, sys
sys.path[:0] = [sys.argv[1]]
from harness.guard.leash import Leash
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)  # whoever started the tests may ignore them
leash = Leash(os.pidfd_open(int(sys.argv[2])), float(sys.argv[3]))
print("held", flush=True)
signal.pause()
"""


def held(pid: int) -> Leash:
    with pinned(pid, start_ticks(pid)) as handle:
        return Leash(handle, 60.0)


def test_what_is_let_go_goes_on_and_again_is_harmless(stopped, state_of):
    process = stopped()
    leash = held(process.pid)
    assert state_of(process.pid) == "T"
    leash.let_go()
    assert state_of(process.pid) != "T"
    leash.let_go()


def test_what_is_gone_meanwhile_is_no_trouble(stopped):
    process = stopped()
    leash = held(process.pid)
    process.kill()
    process.wait()
    leash.let_go()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_goes_on_when_its_holder_is_ended_by_a_signal(stopped, state_of, until, number):
    process = stopped()
    words = [sys.executable, "-c", HOLDER, str(ROOT), str(process.pid), "60"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert state_of(process.pid) == "T"
        os.killpg(holder.pid, number)  # its whole group, as a terminal does
    until(lambda: state_of(process.pid) != "T")


def test_it_goes_on_when_its_time_is_over_though_its_holder_lives(stopped, state_of, until):
    process = stopped()
    words = [sys.executable, "-c", HOLDER, str(ROOT), str(process.pid), "0.05"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        until(lambda: state_of(process.pid) != "T")
        assert holder.poll() is None
        holder.kill()


def test_without_anybody_who_stands_by_nothing_is_held(monkeypatch, stopped):
    process = stopped()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NotHeld):
        held(process.pid)
