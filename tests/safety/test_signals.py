"""SR-6: Ctrl-C on a terminal, once or again: undone, and never skipped; SIGTERM and SIGHUP alike."""

from __future__ import annotations

import random
import signal

import pytest
import safety_kit as kit


def check(came: kit.Interrupted) -> None:
    # 0: the run had ended before the signal came.
    assert came.code in (130, 0), came.said
    assert came.left.nothing
    assert "Traceback" not in came.said


@pytest.mark.live
@pytest.mark.parametrize("signals", [2])
def test_ctrl_c_undoes_and_again_does_not_skip_it(tmp_path, signals):
    """SR-6."""
    check(kit.interrupted(tmp_path, "pause", random.Random(signals), signals))


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(3600)
def test_ctrl_c_at_any_time_undoes(tmp_path):
    """SR-6: 30 times, one to three signals."""
    dice = random.Random(6)
    for number in range(30):
        name = dice.choice(sorted(kit.FAULTS))
        check(kit.interrupted(tmp_path, name, dice, 1 + number % 3))


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
