"""SR-1, SR-2: the runner is killed, with its guardian, or stopped: nothing of the run stays."""

from __future__ import annotations

import random

import pytest
import safety_kit as kit

from harness.verdict.codes import EXIT_CODE

NAMES = sorted(kit.FAULTS)
LATE, SURE = 700, 1400
"""Boundaries of a run: from here on the fault is near, and so many each run has."""


@pytest.mark.timeout(300)
def test_runners_killed_at_boundaries_leave_nothing(tmp_path):
    """SR-1: six side by side, each in a store of its own, twice."""
    dice = random.Random(1)
    for wave in range(2):
        # A wave lasts as long as its longest run: one of late boundaries, one of early ones.
        low, high = (LATE, SURE) if wave == 0 else (1, LATE)
        places = [(dice.choice(NAMES), dice.randrange(low, high)) for _ in range(6)]
        for number, left in enumerate(kit.killed_side_by_side(tmp_path / str(wave), places)):
            assert left.nothing, places[number]
            assert left.hit, places[number]


@pytest.mark.live
def test_a_runner_killed_with_its_guardian_leaves_records_which_undo_closes(tmp_path):
    """SR-2, SR-4: the next run is refused until ``hormesis undo`` has proven it clean."""
    with kit.running(tmp_path, "pause") as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"))
        guardian = runner.guardian()
        kit.os.kill(guardian, kit.signal.SIGKILL)
        runner.process.kill()
        assert runner.left(kit.time.monotonic(), records=False).nothing
        assert len(runner.records()) == 2
    with kit.running(tmp_path, "pause") as refused:
        code, said = refused.wait()
        assert code == 5
        assert "hormesis undo" in said
    assert kit.undo(tmp_path) == 0
    assert refused.records() == []
    assert kit.undo(tmp_path) == 0  # twice is once


@pytest.mark.slow
@pytest.mark.live
def test_a_stopped_runner_loses_its_lease_and_what_it_did(tmp_path):
    """SR-2: SIGSTOP."""
    left = kit.stopped(tmp_path, "latency")
    assert left.in_force
    assert left.nothing


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize(
    ("part", "word"),
    [("harness.driver", "VOID"), ("harness.proxy", "VOID"), ("harness.targets.local.supervisor", "UNSAFE")],
)
def test_a_part_that_is_killed_during_a_fault_ends_the_run_and_leaves_nothing(tmp_path, part, word):
    """SR-1: who measures, who hurts and who restarts may die as well as the runner.

    Without the supervisor no service is left that could be looked at while the run lasts: UNSAFE.
    """
    with kit.running(tmp_path, "latency") as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"))
        (pid,) = [pid for pid in runner.marked() if part in runner.words_of(pid)]
        kit.os.kill(pid, kit.signal.SIGKILL)
        code, said = runner.wait()
        assert code == EXIT_CODE[word], said
        assert runner.left(kit.time.monotonic()).nothing


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_a_runner_killed_at_every_kind_of_boundary_leaves_nothing(tmp_path, name):
    """SR-1: 60 boundaries a fault, 300 in all, each run in the same store: none may refuse the next."""
    count = kit.boundaries(tmp_path, name)
    assert count > SURE
    dice = random.Random(name)
    seen = {at: kit.killed_at(tmp_path, name, at) for at in sorted(dice.sample(range(1, count + 1), 60))}
    assert [at for at, left in seen.items() if not left.nothing] == []
    assert sum(left.hit for left in seen.values()) >= 55  # the last boundaries are in few runs


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(3600)
def test_runner_and_guardian_killed_together_leave_no_process(tmp_path):
    """SR-2: 50 pairs."""
    dice = random.Random(2)
    for number in range(50):
        store = tmp_path / str(number)
        name = dice.choice(NAMES)
        left = kit.until_hit(
            lambda s=store, n=name: kit.killed_with_guardian(s, n, dice), lambda left: left.counts
        )
        assert left.nothing, number
        assert kit.undo(store) == 0
