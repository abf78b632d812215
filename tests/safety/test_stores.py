"""SR-8, SR-10, SR-11: two runs at once, a halt, a store that fails, a clock that is set."""

from __future__ import annotations

import compileall
import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import safety_kit as kit

from harness.errors import Untrustworthy
from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.guard.halt import halt, release
from harness.history.events import ControlRaised
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign
from harness.run.safety import MustStop, store_problem
from harness.verdict.codes import EXIT_CODE


def raised(store) -> list[str]:
    (folder,) = store.glob("[a-z]*-s7")
    events = (entry.event for run in read_campaign(folder).runs for entry in run.entries)
    return [event.where for event in events if isinstance(event, ControlRaised)]


@pytest.mark.live
def test_of_two_runs_on_one_store_one_is_refused_and_a_halt_ends_the_other(tmp_path, capsys):
    """SR-10, SR-8: stopped, undone, VOID; none begins until it is released."""
    long = kit.experiment(tmp_path, "pause").read_text().replace("tau_s: 0.8", "tau_s: 20")
    with kit.running(tmp_path, "pause", text=long) as first:
        assert first.await_seen(lambda: first.told(b"fault.injected"))
        with kit.running(tmp_path, "pause") as second:
            code, said = second.wait()
            assert code == 5
            assert f"pid {first.process.pid}, which runs" in said
        halt(tmp_path, "somebody else needs it")
        code, said = first.wait()
        assert code == 4
        assert "somebody else needs it" in said
        assert first.left(kit.time.monotonic()).nothing
    assert raised(tmp_path) == ["halt"]
    (folder,) = tmp_path.glob("[a-z]*-s7")
    assert compose(folder).verdict.word == "VOID"  # proven clean, so not UNSAFE
    words = ["run", str(first.file), "--store", str(tmp_path)]
    assert main(words) == 5
    assert "is halted: somebody else needs it" in capsys.readouterr().err
    assert release(tmp_path, "done")


@pytest.mark.live
def test_a_halt_while_the_system_starts_is_told_as_a_halt(tmp_path):
    """SR-8: its guardian kills the system then, and that a service died is not the reason."""
    with kit.running(tmp_path, "pause") as runner:
        assert runner.await_seen(lambda: any(one.name[:7] != "prepare" for one in runner.records()))
        halt(tmp_path, "not now")
        code, said = runner.wait()
        assert (code, "halted: not now" in said) == (4, True), said
        assert runner.left(kit.time.monotonic()).nothing
    assert raised(tmp_path) == ["halt"]


@pytest.mark.slow
@pytest.mark.live
def test_a_halt_stops_the_runs_of_its_store_alone(tmp_path):
    """SR-8: two stores."""
    with kit.running(tmp_path / "a", "pause") as one, kit.running(tmp_path / "b", "pause") as other:
        assert one.await_seen(lambda: one.told(b"fault.injected"))
        halt(tmp_path / "a", "stop")
        assert one.wait()[0] == 4
        assert other.wait()[0] in (0, 4)
        assert raised(tmp_path / "b") == []
        assert raised(tmp_path / "a") == ["halt"]


@pytest.fixture
def compiled() -> None:
    """Nothing of ours is left to compile: a limit makes Python 3.11 keep half a module."""
    for folder in (kit.ROOT / "harness", kit.HERE):
        assert compileall.compile_dir(folder, quiet=1)


@pytest.mark.usefixtures("compiled")
@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize("kib", [4, 8, 16])
def test_a_store_that_takes_no_more_ends_the_run_with_four(tmp_path, kib):
    """SR-11: a limit on the size of files stands for a full disk; both are errors of a write."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))

    with kit.running(tmp_path, "pause", preexec=limited) as runner:
        code, said = runner.wait()
        assert code == 4, said
        assert runner.left(kit.time.monotonic()).nothing


FILLED = """
mount -t tmpfs -o size=4m none "$1" || exit 99
small=$1; shift
( until grep -qs fault.injected "$small"/*/runs/*/history.jsonl; do sleep 0.02; done
  cat /dev/zero >"$small/filler" ) 2>/dev/null &
filler=$!
"$@"; code=$?
kill $filler 2>/dev/null
grep -qs fault.injected "$small"/*/runs/*/history.jsonl && echo "was injected"
for record in "$small"/.undo/*.json; do [ -e "$record" ] && echo "left open: $record"; done
exit $code
"""


@contextlib.contextmanager
def on_a_mount(folder: Path, script: str) -> Iterator[kit.Runner]:
    """A runner whose store is what ``script`` mounts; skips where nothing can be mounted."""
    small = folder / "small"
    small.mkdir()
    tried = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs none "$0"', small], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here, so this was not tried: {tried.stderr.decode()}")
    within = ("unshare", "-Urm", "sh", "-c", script, "sh", str(small))
    with kit.running(folder, "pause", within=within, words=("--store", str(small))) as runner:
        yield runner


@pytest.mark.slow
@pytest.mark.live
def test_a_disk_that_is_full_during_the_fault_ends_the_run_with_four_and_undone(tmp_path):
    """SR-11: a real file system of 4 MiB, filled to the last byte as soon as the fault is in force."""
    with on_a_mount(tmp_path, FILLED) as runner:
        code, said = runner.wait()
        assert code == 4, said
        assert "was injected" in said
        assert "left open" not in said
        assert runner.left(kit.time.monotonic()).nothing


READ_ONLY = """
mount -t tmpfs -o ro none "$1" || exit 99
shift; exec "$@"
"""


@pytest.mark.slow
@pytest.mark.live
def test_a_store_that_is_read_only_refuses_the_run(tmp_path):
    """SR-11: nothing was started, so 5 and not 4."""
    with on_a_mount(tmp_path, READ_ONLY) as runner:
        code, said = runner.wait()
        assert (code, "cannot be written: read-only file system" in said) == (5, True), said
        assert "injected" not in said
        assert runner.left(kit.time.monotonic()).nothing
    assert list(tmp_path.glob("**/history.jsonl")) == []


@pytest.mark.slow
@pytest.mark.live
def test_a_clock_that_is_set_ends_the_run(tmp_path):
    """SR-11: a faked step of the wall clock; what was injected is undone."""
    experiment = load_experiment(kit.experiment(tmp_path, "latency"))
    steps = iter([0.0] * 30)
    with pytest.raises(Untrustworthy, match="wall clock was set by") as caught:
        run_campaign(
            make_plans(experiment, 7),
            experiment,
            store=tmp_path,
            seed=7,
            progress=lambda _: None,
            clock_gap_s=lambda: next(steps, 3600.0),
        )
    assert isinstance(caught.value.__cause__, MustStop)  # VOID, 4, and no other run after it
    assert raised(tmp_path) == ["clock"]
    assert list((tmp_path / ".undo").glob("*.json")) == []


def test_only_errors_of_a_store_are_taken_for_one():
    for number in (28, 27, 30, 122, 5):
        assert isinstance(store_problem(OSError(number, "x")), MustStop)
    assert store_problem(OSError(2, "x")) is None
    assert store_problem(ValueError()) is None


@pytest.mark.live
def test_a_store_that_is_moved_during_a_fault_is_void_and_no_mistake_of_the_users(tmp_path):
    """SR-11: the fault is undone; what is still open moved with the store, and is closed there."""
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    with kit.running(store, "pause") as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"))
        store.rename(elsewhere)
        code, said = runner.wait()
        assert code == EXIT_CODE["VOID"], said
        assert "Nothing was done" not in said
    assert kit.undo(elsewhere) == 0
