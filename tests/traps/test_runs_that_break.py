"""Parts that raise, refuse, hang or die in real runs of the tiny system: none ends 0, nothing stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused, Unsafe, Untrustworthy
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment, Objective
from harness.experiment.places import FilePlace, Observe
from harness.guard.shell import clock_gap_s
from harness.history.events import Acted, Blind, ControlRaised, Injected
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign
from harness.targets.local.target import LocalTarget
from harness.verdict.codes import EXIT_CODE
from tests.safety import safety_kit as kit

HANGING = Path(__file__).with_name("hanging.py")


def asked(store: Path, fault: str = "kill", times: int = 1, **changes: object) -> Experiment:
    """An experiment on the tiny system with one fault so many times."""
    base = load_experiment(kit.experiment(store, fault))
    profile = msgspec.structs.replace(base.profile, name="traps", rate_hz=400, load_every_s=0.05)
    return msgspec.structs.replace(base, profile=profile, steps=base.steps * times, **changes)


def code_of(store: Path, experiment: Experiment, **ports: object) -> int:
    """Run it; gives the code with which the command would end. No record is left open."""
    plans = make_plans(experiment, 7)
    try:
        folder = run_campaign(plans, experiment, store=store, seed=7, progress=print, **ports)
        code = compose(folder).verdict.exit_code
    except Refused:
        code = EXIT_CODE["REFUSED"]
    except Untrustworthy:
        code = EXIT_CODE["VOID"]
    except Unsafe:
        code = EXIT_CODE["UNSAFE"]
    assert list((store / ".undo").glob("*.json")) == []
    return code


def told(store: Path, kind: type) -> list:
    """All events of this kind in the histories of the store."""
    (folder,) = store.glob("[a-z]*-s7")
    events = [entry.event for run in read_campaign(folder).runs for entry in run.entries]
    return [event for event in events if isinstance(event, kind)]


def refuses(_: Path) -> None:
    raise Refused("this is not ours to hurt")


def raises(_: Path) -> None:
    raise RuntimeError("the safety part broke")


def takes_the_name(store: Path) -> None:
    """Records cannot be written any more, as on a disk that went bad under way."""
    run = next((store / ".undo").glob("*.json")).stem.rpartition("-")[0]
    for number in range(2, 5):
        (store / ".undo" / f".{run}-{number}.new").mkdir(exist_ok=True)


def ends_the_guardian(_: Path) -> None:
    (pid,) = guardians()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def guardians() -> Iterator[int]:
    """Pids of our children that guard."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            mine = int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
            if mine and b"harness.guard" in path.joinpath("cmdline").read_bytes():
                yield int(path.name)
        except OSError:  # it ended meanwhile
            continue


def blocked(store: Path, at: int, block: Callable[[Path], None]) -> type[LocalTarget]:
    """A target whose fault number ``at`` (from 1) is blocked after the baseline and before it begins."""

    class Blocked(LocalTarget):
        asked = 0

        def prepare(self, effect, /):
            self.asked += 1
            if self.asked == at:
                block(store)
            return super().prepare(effect)

    return Blocked


BLOCKS = [refuses, raises, takes_the_name, ends_the_guardian]
SLOW = [raises, ends_the_guardian]


@pytest.mark.live
@pytest.mark.parametrize(
    "block", [pytest.param(one, marks=[pytest.mark.slow] if one in SLOW else []) for one in BLOCKS]
)
def test_a_fault_that_is_blocked_before_it_begins_never_happened_and_never_passes(tmp_path, block):
    """SR-3: no act without its durable record."""
    code = code_of(tmp_path, asked(tmp_path), open_target=blocked(tmp_path, 1, block))
    assert code == EXIT_CODE["REFUSED" if block is refuses else "VOID"]
    assert told(tmp_path, Injected) == []
    assert len(told(tmp_path, ControlRaised)) == 1


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize("block", BLOCKS)
def test_a_later_fault_that_is_blocked_makes_what_came_before_void(tmp_path, block):
    code = code_of(tmp_path, asked(tmp_path, times=2), open_target=blocked(tmp_path, 2, block))
    assert code == EXIT_CODE["VOID"]
    assert [event.episode for event in told(tmp_path, Injected)] == [0]
    assert len(told(tmp_path, ControlRaised)) == 1


class LookRaises(LocalTarget):
    def is_clean(self, applied, /):
        raise ConnectionRefusedError(f"nobody answers after {applied.effect}")


@pytest.mark.slow
@pytest.mark.live
def test_a_look_afterwards_that_raises_is_unsafe(tmp_path):
    """SR-5: no proof is no clean state."""
    assert code_of(tmp_path, asked(tmp_path), open_target=LookRaises) == EXIT_CODE["UNSAFE"]


def breaking(store: Path) -> Callable[[], float]:
    """A clock check that raises as soon as a fault is in force."""

    def check() -> float:
        if any(b"fault.injected" in path.read_bytes() for path in store.glob("*/runs/*/history.jsonl")):
            raise RuntimeError("the clock check broke")
        return clock_gap_s()

    return check


@pytest.mark.live
def test_a_safety_check_that_raises_during_the_fault_ends_the_run(tmp_path):
    """SR-11: what checks is not trusted to be there either."""
    code = code_of(tmp_path, asked(tmp_path, "pause"), clock_gap_s=breaking(tmp_path))
    assert code == EXIT_CODE["VOID"]
    assert len(told(tmp_path, Injected)) == 1
    assert "the clock check broke" in told(tmp_path, ControlRaised)[0].error


@pytest.mark.slow
@pytest.mark.live
def test_a_halt_that_cannot_be_read_is_a_halt(tmp_path):
    """SR-8: the check of the halt is broken, here by a link that leads to itself."""
    target = blocked(tmp_path, 1, lambda store: (store / ".halt").symlink_to(".halt"))
    assert code_of(tmp_path, asked(tmp_path, "pause"), open_target=target) == EXIT_CODE["VOID"]
    (why,) = told(tmp_path, ControlRaised)
    assert (why.where, why.error) == ("halt", "halted: the halt file does not say why")


@pytest.mark.slow
@pytest.mark.live
def test_an_observer_that_cannot_look_proves_no_absence_of_acts(tmp_path):
    base = asked(tmp_path, sham=True, objectives=(Objective(no_acts=True),))
    blind = msgspec.structs.replace(base.system, observe=Observe(acts=("one:/nothing-of-this-shape",)))
    code = code_of(tmp_path, msgspec.structs.replace(base, system=blind))
    assert code == EXIT_CODE["VOID"]
    assert told(tmp_path, Blind)


@contextlib.contextmanager
def rewritten(file: Path, every_s: float = 0.3) -> Iterator[None]:
    """Somebody who is no service of ours writes another version into ``file`` again and again."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(every_s):
            number += 1
            file.with_suffix(".new").write_text(f"v{number}")
            file.with_suffix(".new").replace(file)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.slow
@pytest.mark.live
def test_acts_without_a_journal_are_seen_from_outside_and_judged(tmp_path):
    """In a sham run nothing is broken: whoever moves the alias then heals falsely."""
    champion = tmp_path / "champion"
    champion.write_text("v0")
    base = asked(tmp_path, sham=True, objectives=(Objective(no_acts=True),))
    seen = msgspec.structs.replace(base.system, observe=Observe(files=(FilePlace(path=str(champion)),)))
    with rewritten(champion):
        code = code_of(tmp_path, msgspec.structs.replace(base, system=seen))
    assert code == EXIT_CODE["FAIL"]
    assert {act.observer for act in told(tmp_path, Acted)} == {f"file {champion}"}
    (folder,) = tmp_path.glob("[a-z]*-s7")
    document = compose(folder)
    assert [run.false_heals[0].act for run in document.runs if run.sham] == ["changed"]


@pytest.mark.slow
@pytest.mark.live
def test_a_guardian_that_dies_during_the_fault_makes_the_run_void(tmp_path):
    with kit.running(tmp_path, "pause") as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"))
        os.kill(runner.guardian(), signal.SIGKILL)
        code, said = runner.wait()
        assert code == EXIT_CODE["VOID"], said
        assert "the guardian ended under way" in said
        assert runner.left(kit.time.monotonic()).nothing


def guardian_said(store: Path) -> list[dict]:
    (log,) = store.glob("*/runs/*/logs/guardian.txt")
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.live
@pytest.mark.parametrize(
    "step", ["apply", *(pytest.param(step, marks=pytest.mark.slow) for step in ("holds", "undo", "is_clean"))]
)
def test_a_step_that_never_returns_is_undone_and_ended_by_the_guard(tmp_path, step):
    """SR-7: the guardian undoes when the allowance of the step is over; then the command is ended, too."""
    with kit.running(tmp_path, "pause", step, program=HANGING) as runner:
        code, _ = runner.wait()
        assert code == EXIT_CODE["TERMINATED"]
        assert runner.left(kit.time.monotonic()).nothing
    said = guardian_said(tmp_path)
    assert [line["ends"] for line in said if "ends" in line] == ["no beat for 0.8 s"]
    cleaned = {line["verb"]: line["clean"] for line in said if "clean" in line}
    assert cleaned == {"continue_process": True, "end_run": True}


@pytest.mark.slow
@pytest.mark.live
def test_a_fault_whose_stop_hangs_ends_by_its_time_to_live(tmp_path):
    """SR-7: the guardian undoes the one record while the runner lives, and the run is VOID."""
    with kit.running(tmp_path, "pause", "stop", program=HANGING) as runner:
        code, said = runner.wait()
        assert code == EXIT_CODE["VOID"], said
        assert runner.left(kit.time.monotonic()).nothing
    first = guardian_said(tmp_path)[0]
    assert (first["verb"], first["clean"]) == ("continue_process", True)
    assert "undone by the guardian before its time" in told(tmp_path, ControlRaised)[0].error
