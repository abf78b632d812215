"""A guardian process, real processes to guard: whatever happens to the runner, the acts are undone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.guard.client import Guardian, GuardianGone, NotProven
from harness.guard.halt import halt
from harness.guard.records import open_records, undo_folder, write_record

ROOT = Path(__file__).resolve().parents[3]
VARIABLE, TOKEN = "HORMESIS_RUN", f"{os.getpid():064x}"  # tests side by side end what carries theirs

RUNNER = """
import sys, threading
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from harness.guard.client import Guardian
store = Path(sys.argv[2])
guardian = Guardian(store, "c/r1", target="local", log=store / "guardian.txt")
with guardian:
    guardian.allow(float(sys.argv[3]))
    words = dict(variable="HORMESIS_RUN", token=sys.argv[4], folder=str(store / "hormesis-1"))
    guardian.open("end_run", words, episode=-1, fault="")
    print(guardian.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def runner(tmp_path):
    """Start a runner that has opened ``end_run`` and then waits; gives it and the guardian's pid."""
    started = []

    def start(allowed_s: float = 60.0) -> tuple[subprocess.Popen[str], int]:
        words = [sys.executable, "-S", "-c", RUNNER, str(ROOT), str(tmp_path), str(allowed_s), TOKEN]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ends(store: Path) -> list[str]:
    lines = (store / "guardian.txt").read_text().splitlines()
    return [json.loads(line)["ends"] for line in lines if "ends" in json.loads(line)]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_runner_leaves_nothing_in_force(runner, carrier, stopped, until, tmp_path):
    """SR-1: the end of the pipe is the end of the runner."""
    mine, paused, stranger = carrier(), stopped(), carrier("another")
    process, guardian = runner()
    process.kill()
    until(lambda: is_gone(guardian))
    assert (mine.wait(10), paused.wait(10)) == (-9, -9)
    assert stranger.poll() is None
    assert open_records(undo_folder(tmp_path)) == ()
    assert ends(tmp_path) == ["the runner is gone"]


def test_a_stopped_runner_loses_its_lease(runner, carrier, until, tmp_path):
    """SR-2: SIGSTOP closes no pipe; the beats stop."""
    mine = carrier()
    process, guardian = runner()
    process.send_signal(signal.SIGSTOP)
    until(lambda: is_gone(guardian))
    assert mine.wait(10) == -9
    assert open_records(undo_folder(tmp_path)) == ()
    assert ends(tmp_path) == ["no beat for 0.8 s"]


def test_a_runner_that_hangs_loses_its_lease_though_its_threads_live(runner, carrier, until, tmp_path):
    """SR-7: the beating thread beats only as long as the main thread allowed itself."""
    mine = carrier()
    _, guardian = runner(allowed_s=0.3)
    until(lambda: is_gone(guardian))
    assert mine.wait(10) == -9
    assert ends(tmp_path) == ["no beat for 0.8 s"]


def test_a_halt_ends_a_run_whose_runner_is_busy(runner, carrier, until, tmp_path):
    """SR-8: the guardian sees the halt as well."""
    mine = carrier()
    _, guardian = runner()
    halt(tmp_path, "stop")
    until(lambda: is_gone(guardian))
    assert mine.wait(10) == -9
    assert ends(tmp_path) == ["the store is halted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_terminals_signals_do_not_end_the_guardian_and_sigterm_undoes(
    runner, carrier, until, tmp_path, number
):
    mine = carrier()
    _, guardian = runner()
    os.kill(guardian, number)
    os.kill(guardian, signal.SIGTERM)
    until(lambda: is_gone(guardian))
    assert mine.wait(10) == -9
    assert ends(tmp_path) == ["SIGTERM"]


ASKED_AT_ONCE = """
import os, signal, sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from harness.guard import guardian
guardian.say_ready = lambda: os.kill(os.getpid(), signal.SIGTERM)
sys.exit(guardian.guard(guardian.Watch(store=Path(sys.argv[2]), run="c/r1", lease_s=5.0)))
"""


def test_a_sigterm_that_comes_with_the_word_ready_undoes(carrier, record, tmp_path):
    """A guardian that was put aside by a busy machine right after its word once ended without an undo."""
    mine = carrier()
    words = {"variable": VARIABLE, "token": TOKEN, "folder": str(tmp_path / "no")}
    write_record(undo_folder(tmp_path), record("end_run", **words))
    asked = [sys.executable, "-S", "-c", ASKED_AT_ONCE, str(ROOT), str(tmp_path)]
    assert subprocess.run(asked, check=False, timeout=20, capture_output=True).returncode == 3
    assert mine.wait(10) == -9


HANGS = """
import signal, sys, threading
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from harness.guard import client
client.HUNG_S = client.STUCK_S = 0.2
signal.signal(signal.SIGTERM, lambda *_: print("SIGTERM", flush=True))
store = Path(sys.argv[2])
with client.Guardian(store, "c/r1", target="local", log=store / "guardian.txt") as guardian:
    words = dict(variable="HORMESIS_RUN", token=sys.argv[3], folder=sys.argv[4])
    guardian.open("end_run", words, episode=-1, fault="", promise_s=0.0)
    guardian.allow(0.0)
    while True:
        threading.Event().wait(1.0)
"""


@pytest.mark.parametrize(
    ("folder", "code", "word"), [("", 143, b"was undone"), ("kept", 6, b"hormesis undo --store")]
)
def test_a_command_that_hangs_and_takes_no_sigterm_is_ended(tmp_path, carrier, folder, code, word):
    """SR-7: as after a first Ctrl-C, whose handler only tells that it is ending."""
    mine = carrier()
    (tmp_path / "kept").mkdir()
    words = [
        sys.executable,
        "-S",
        "-c",
        HANGS,
        str(ROOT),
        str(tmp_path),
        TOKEN,
        str(tmp_path / (folder or "no")),
    ]
    done = subprocess.run(words, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (code, b"SIGTERM\n")
    assert word in done.stderr
    assert mine.wait(10) == -9


def opened(tmp_path: Path, run: str = "c/r1") -> Guardian:
    return Guardian(tmp_path, run, target="local", log=tmp_path / "guardian.txt")


def whole(tmp_path: Path) -> dict[str, str]:
    return {"variable": VARIABLE, "token": TOKEN, "folder": str(tmp_path / "hormesis-1")}


def test_an_orderly_end_leaves_nothing_and_says_bye(tmp_path):
    with opened(tmp_path) as guardian:
        record = guardian.open("end_run", whole(tmp_path), episode=-1, fault="")
        assert guardian.open_ids() == {record.id}
        assert guardian.undo(record).clean
        assert not guardian.close(record)
    assert ends(tmp_path) == ["bye"]
    assert list(undo_folder(tmp_path).glob("*.json")) == []


def test_what_is_open_at_the_end_is_undone_whatever_ended_it(tmp_path, carrier):
    mine = carrier()
    with pytest.raises(KeyboardInterrupt), opened(tmp_path) as guardian:  # noqa: PT012 (the raise is inside)
        guardian.open("end_run", whole(tmp_path), episode=-1, fault="")
        raise KeyboardInterrupt
    assert mine.wait(10) == -9
    assert open_records(undo_folder(tmp_path)) == ()


def test_a_single_record_is_undone_when_its_time_is_over_though_the_runner_lives(
    tmp_path, stopped, of, until, state_of
):
    """SR-7: no act outlives its time."""
    process, other = stopped(), stopped()
    with pytest.raises(GuardianGone, match="code 3"), opened(tmp_path) as guardian:  # noqa: PT012
        short = guardian.open("continue_process", of(process), episode=0, fault="f", within_s=0.0)
        long = guardian.open("continue_process", of(other), episode=0, fault="f")
        until(lambda: guardian.open_ids() == {long.id})
        assert state_of(process.pid) != "T"
        assert state_of(other.pid) == "T"
        assert not guardian.close(short)
        assert guardian.undo(long).clean


@pytest.mark.parametrize("how", ["the record", "the folder", "the store", "the folder, and a file is there"])
def test_what_is_open_is_undone_though_its_record_has_vanished(tmp_path, stopped, of, state_of, how):
    """SR-4: a record that somebody removed does not mean that nothing is in force."""
    process, store = stopped(), tmp_path / "store"
    store.mkdir()
    untold = pytest.raises(NotProven) if "file" in how else contextlib.nullcontext()
    with untold, opened(store) as guardian:
        record = guardian.open("continue_process", of(process), episode=0, fault="f")
        folder = undo_folder(store)
        if how == "the record":
            (folder / f"{record.id}.json").unlink()
        else:
            (store if how == "the store" else folder).rename(tmp_path / "elsewhere")
        if "file" in how:
            folder.write_text("")
        assert state_of(process.pid) == "T"
    assert is_gone(guardian.pid)
    assert state_of(process.pid) != "T"


def test_a_vanished_record_that_cannot_be_proven_undone_is_told(tmp_path, server):
    """SR-4: what cannot be seen is never called clean."""
    routes = {"GET /proxies/a/toxics": (200, '[{"name": "t"}]'), "DELETE /proxies/a/toxics/t": (500, "")}
    path = tmp_path / "proxy"
    server(routes, path)
    words = {"socket": str(path), "token": "t", "edge": "a", "name": "t"}
    with pytest.raises(NotProven, match="still has toxic t"), opened(tmp_path) as guardian:  # noqa: PT012
        guardian.open("remove_toxic", words, episode=0, fault="f", promise_s=0.1)
        undo_folder(tmp_path).rename(tmp_path / "elsewhere")
    assert [record.verb for record in open_records(undo_folder(tmp_path))] == ["remove_toxic"]


def test_a_run_over_its_hard_limit_is_ended(tmp_path, carrier, until):
    """SR-7: a run has a hard limit of time."""
    mine = carrier()
    with pytest.raises(GuardianGone), opened(tmp_path) as guardian:  # noqa: PT012
        guardian.open("end_run", whole(tmp_path), episode=-1, fault="", within_s=0.0)
        assert mine.wait(10) == -9
        until(lambda: is_gone(guardian.pid))
        guardian.check()


def test_a_guardian_that_was_killed_is_noticed_and_opens_nothing_more(tmp_path, until):
    with pytest.raises(GuardianGone, match="-9"), opened(tmp_path) as guardian:  # noqa: PT012
        os.kill(guardian.pid, signal.SIGKILL)
        until(lambda: is_gone(guardian.pid))
        guardian.open("end_run", whole(tmp_path), episode=-1, fault="")


def test_what_cannot_be_proven_clean_is_told_at_the_end(tmp_path, record):
    with pytest.raises(NotProven, match="no verb remove_all"), opened(tmp_path):
        write_record(undo_folder(tmp_path), record("remove_all"))


def test_what_cannot_be_proven_clean_says_what_to_read_and_what_to_type(tmp_path, record):
    with pytest.raises(NotProven) as told, opened(tmp_path):
        write_record(undo_folder(tmp_path), record("remove_all"))
    assert f"{tmp_path / 'guardian.txt'} says what was tried" in str(told.value)
    assert f"`hormesis undo --store {tmp_path}`" in str(told.value)


def test_other_runs_records_are_left_alone(tmp_path, record, carrier):
    mine = carrier()
    other = record("end_run", record_id="r2-1", run="c/r2", **whole(tmp_path))
    write_record(undo_folder(tmp_path), other)
    with opened(tmp_path):
        pass
    assert [one.id for one in open_records(undo_folder(tmp_path))] == ["r2-1"]
    assert mine.poll() is None


def test_a_lease_that_is_not_renewed_is_told(tmp_path, until):
    def renew() -> None:
        raise ConnectionRefusedError("nobody listens")

    def told(guardian: Guardian) -> bool:
        try:
            guardian.check()
        except GuardianGone as error:
            return "nobody listens" in str(error)
        return False

    with opened(tmp_path) as guardian:
        guardian.keep_alive(renew)
        until(lambda: told(guardian))


@pytest.mark.parametrize("spec", ["{", "[]", "{}", '{"store": "x", "run": "r", "lease_s": "y"}'])
def test_a_wrong_spec_is_refused(tmp_path, spec):
    (tmp_path / "spec").write_text(spec)
    words = [sys.executable, "-m", "harness.guard", str(tmp_path / "spec")]
    assert subprocess.run(words, cwd=ROOT, stderr=subprocess.PIPE, check=False).returncode == 2


def test_the_guardian_imports_nothing_but_the_standard_library_and_itself():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import harness.guard.__main__, harness.guard.client\n"
        "print(*(m for m in sys.modules if m.partition('.')[0] not in sys.stdlib_module_names))"
    )
    words = [sys.executable, "-S", "-c", program, str(ROOT)]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert {
        m for m in found if m not in ("__main__", "harness") and not m.startswith("harness.guard")
    } == set()
    assert "harness.guard.verbs" in found
