"""Episodes of the whole pipeline on a virtual clock, by number, and what each leaves: for fresh processes.

``python -m tests.harness.run.whole TEMPLATE SLOW NUMBER...`` prints one trace an episode, as JSON, in the
order of the numbers: its digest is over the world, the history, the rows and the journal. SLOW 1: every call
may burn real time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from harness.experiment.model import Arm
from harness.history.events import Injected
from harness.run.simulated import SimulatedRun
from tests.harness.run.test_simulated import CASES, asked, ran
from tests.harness.simulation.leaks import Trace, slowed

ARMS: tuple[Arm, ...] = tuple(arm for arm in get_args(Arm) if arm != "bare")
"""In arm ``bare`` nobody starts again what was killed, so half of the kinds would end in nothing."""


def trace_of(run: SimulatedRun) -> Trace:
    """All that a run leaves, as one digest."""
    whole = hashlib.blake2b(run.digest.encode(), digest_size=16)
    whole.update(msgspec.json.encode(run.history.entries))
    for name in sorted(run.files):
        whole.update(name.encode() + b"\0" + run.files[name])
    faults = sum(isinstance(entry.event, Injected) for entry in run.history.entries)
    return Trace(whole.hexdigest(), run.events, faults if run.state == "ended" else 0)


def episode(template: Path, number: int) -> Trace:
    """One episode: the kinds and arms take turns, the seed is the number's own."""
    kind, effect = CASES[number % len(CASES)]
    arm = ARMS[(number // len(CASES) + number) % len(ARMS)]
    return trace_of(ran(template, asked(kind, effect, arm), seed=number))


def main(template: str, slow: str, numbers: Sequence[str]) -> None:
    """Print the traces, a line each as it is there."""
    with slowed(3, 0.001) if int(slow) else contextlib.nullcontext():
        for number in numbers:
            sys.stdout.write(json.dumps([int(number), *episode(Path(template), int(number))]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
