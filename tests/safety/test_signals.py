"""SR-6: Ctrl-C on a terminal, once or again: undone, never skipped; so SIGTERM, SIGHUP, a lost terminal."""

from __future__ import annotations

import os
import random
import signal

import pytest
import safety_kit as kit


def check(store, name: str, dice: random.Random, signals: int) -> None:
    came = kit.until_hit(lambda: kit.interrupted(store, name, dice, signals), lambda came: came.left.counts)
    assert came.code == 130, came.said
    assert came.left.nothing
    assert "Traceback" not in came.said


@pytest.mark.live
@pytest.mark.parametrize("signals", [2])
def test_ctrl_c_undoes_and_again_does_not_skip_it(tmp_path, signals):
    """SR-6."""
    check(tmp_path, "pause", random.Random(signals), signals)


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(3600)
def test_ctrl_c_at_any_time_undoes(tmp_path):
    """SR-6: 30 times, one to three signals."""
    dice = random.Random(6)
    for number in range(30):
        name = dice.choice(sorted(kit.FAULTS))
        check(tmp_path, name, dice, 1 + number % 3)


def ended_by(store, number: signal.Signals) -> int:
    """Send one signal while the fault is in force; gives the code when nothing is left."""
    with kit.running(store, "pause") as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"))
        runner.process.send_signal(number)
        code, _ = runner.wait()
        left = runner.left(kit.time.monotonic())
        assert left.nothing
        assert not left.in_force or code < 0  # an orderly end closes its records before it ends
    return code


@pytest.mark.live
@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGUSR2, -signal.SIGUSR2, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_no_signal_during_a_fault_leaves_it_in_force(tmp_path, number, code):
    """SR-6 the first two, SR-1 the others, which nobody can handle: the guardian undoes."""
    assert ended_by(tmp_path, number) == code


@pytest.mark.slow
@pytest.mark.live
def test_a_hang_up_is_an_orderly_end(tmp_path):
    """SR-6: SIGHUP."""
    assert ended_by(tmp_path, signal.SIGHUP) == 143


@pytest.mark.slow
@pytest.mark.live
def test_a_terminal_that_is_closed_during_a_fault_is_a_hang_up(tmp_path):
    """SR-6: the kernel sends SIGHUP to all in the foreground, and every word after that is an error."""
    master, slave = os.openpty()
    with kit.running(tmp_path, "pause", terminal=slave, preexec=kit._take_terminal) as runner:
        os.close(slave)
        injected = runner.await_seen(lambda: runner.told(b"fault.injected"))
        os.close(master)
        assert injected
        code, _ = runner.wait()
        left = runner.left(kit.time.monotonic())
    assert (code, left.nothing, left.in_force) == (143, True, False)


def check_went_on(runner: kit.Runner) -> None:
    code, said = runner.wait()
    assert code in (0, 4), said  # 4: the machine was too busy for the witness
    assert runner.told(b"run.ended")
    assert not runner.told(b"run.raised")
    assert runner.left(kit.time.monotonic()).nothing


@pytest.mark.slow
@pytest.mark.live
def test_a_run_whose_terminal_is_lost_without_a_signal_goes_on(tmp_path):
    """SR-6: as a job does that its shell has disowned."""
    master, slave = os.openpty()
    with kit.running(tmp_path, "pause", terminal=slave) as runner:
        os.close(slave)
        injected = runner.await_seen(lambda: runner.told(b"fault.injected"))
        os.close(master)
        assert injected
        check_went_on(runner)


@pytest.mark.slow
@pytest.mark.live
def test_a_run_whose_log_is_on_a_full_disk_goes_on(tmp_path):
    """SR-6: progress is no evidence, and its loss no problem of the store."""
    full_log = ("sh", "-c", 'exec "$@" 2>/dev/full', "sh")
    with kit.running(tmp_path, "pause", within=full_log) as runner:
        check_went_on(runner)
