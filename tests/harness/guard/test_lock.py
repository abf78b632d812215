"""One holder at a time; who holds it is said, and a holder that died is told from one that lives (SR-10)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.guard.lock import Held, holders, locked

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from harness.guard.lock import Held, locked
try:
    with locked(Path(sys.argv[2]), "local"):
        print("held", flush=True)
        sys.stdin.read()
except Held as held:
    print("refused", held, flush=True)
    sys.exit(5)
"""
# Tries once a line, and lets go at the next one.
TRY = """
import sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from harness.guard.lock import Held, locked
while sys.stdin.readline():
    try:
        with locked(Path(sys.argv[2]), "local"):
            print("held", flush=True)
            sys.stdin.readline()
        print("released", flush=True)
    except Held:
        print("refused", flush=True)
"""


def hold(store: Path, script: str = HOLD) -> subprocess.Popen[str]:
    words = [sys.executable, "-S", "-c", script, str(ROOT), str(store)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path):
    with hold(tmp_path) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(Held, match=rf"pid {first.pid}, which runs"), locked(tmp_path, "local"):
            pass
        with locked(tmp_path, "kubernetes"):
            pass  # another target is another lock
        first.stdin.close()
        assert first.wait(10) == 0
    with locked(tmp_path, "local") as before:
        assert before == ""


def test_a_killed_holder_has_released_it_and_the_next_one_hears_of_it(tmp_path):
    with hold(tmp_path) as first:
        assert first.stdout.readline() == "held\n"
        first.kill()
        first.wait(10)
    with locked(tmp_path, "local") as before:
        assert f"pid {first.pid}, which is gone" in before


def say(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_of_two_processes_that_try_at_once_exactly_one_has_it(tmp_path, rounds):
    with hold(tmp_path, TRY) as one, hold(tmp_path, TRY) as other:
        for number in range(rounds):
            pair = (one, other) if number % 2 else (other, one)  # neither is always told first
            for process in pair:
                say(process)
            answers = {process.stdout.readline(): process for process in pair}
            assert sorted(answers) == ["held\n", "refused\n"], number
            say(answers["held\n"])
            assert answers["held\n"].stdout.readline() == "released\n"
    assert (one.returncode, other.returncode) == (0, 0)


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"pid": "x"}', b"\xff"])
def test_a_lock_file_that_nobody_can_read_is_no_reason_to_refuse(tmp_path, data):
    (tmp_path / ".lock-local").write_bytes(data)
    with locked(tmp_path, "local") as before:
        assert "cannot be read" in before
        assert str(os.getpid()).encode() in (tmp_path / ".lock-local").read_bytes()


def test_who_holds_a_lock_is_told_by_a_look_that_holds_and_makes_nothing(tmp_path):
    assert holders(tmp_path) == ()
    with locked(tmp_path, "local"), locked(tmp_path, "other"):
        found = holders(tmp_path)
        assert [one.partition(":")[0] for one in found] == ["local", "other"]
        assert all(f"pid {os.getpid()}, which runs" in one for one in found)
    assert holders(tmp_path) == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock-local", ".lock-other"]
    assert holders(tmp_path / "nowhere") == ()
