"""The whole pipeline with a fault, in fresh processes: one digest, whatever hashes, order and pace are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.run.whole import episode
from tests.harness.simulation.leaks import Trace, same

ROOT = Path(__file__).resolve().parents[3]


def fresh(template: Path, hash_seed: str, *numbers: int, slow: bool = False) -> dict[int, Trace]:
    """Episodes of a fresh process, in that order."""
    words = [
        sys.executable,
        "-m",
        "tests.harness.run.whole",
        str(template),
        str(int(slow)),
        *map(str, numbers),
    ]
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {number: Trace(*trace) for number, *trace in rows}


@pytest.mark.parametrize("numbers", [(0, 13), pytest.param((0, 2, 13), marks=pytest.mark.slow)])
def test_an_episode_is_the_same_in_every_process_whatever_hashes_order_and_pace_are(
    small_template: Path, numbers: tuple[int, ...]
) -> None:
    """SR-39: the digest is over every event, message and write of a run.

    ``numbers``: a kill, an edge, a move of the world; three arms.
    """
    here = {number: episode(small_template, number) for number in numbers}
    forth = fresh(small_template, "0", *numbers)
    back = fresh(small_template, "1", *reversed(numbers))
    late = fresh(small_template, "2", numbers[1], slow=True)
    for number in numbers:
        assert same(here[number], forth[number], back[number]), f"episode {number}"
    assert same(here[numbers[1]], late[numbers[1]])
    assert len({trace.digest for trace in here.values()}) == len(numbers)
