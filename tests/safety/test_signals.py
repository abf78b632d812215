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


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_hang_up_is_an_orderly_end(tmp_path, number):
    with kit.running(tmp_path, "pause") as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"))
        runner.process.send_signal(number)
        code, _ = runner.wait()
        assert code == 143
        assert runner.left(kit.time.monotonic()).nothing
