"""Many kills of the reference pipeline in few runs: the experiment, the runs, and the bare outage of each.

``served_again_s`` is read from the rows directly, without the change-back test, so that an outage too
short to violate a window is timed as well and not left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from harness.episodes.facts import facts
from harness.episodes.model import RunFacts
from harness.experiment.load import load_experiment
from harness.experiment.model import PROFILES, Experiment
from harness.faults.effects import Kill
from harness.history.events import Injected
from harness.history.model import History
from harness.history.observations import DEGRADED, GOOD, WITNESS
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("gateway", "features", "scorer-a", "scorer-b", "delivery", "registry")
QUICK = msgspec.structs.replace(
    PROFILES["test"], name="kills", tau_s=1.0, hold_s=0.5, wash_out_s=0.5, load_every_s=0.5
)
"""Episodes of 2 s: enough for an outage of tens of milliseconds, and many of them."""


@dataclass(frozen=True, slots=True)
class Killed:
    """All runs of one series: what was seen, and the time of each kill until served again."""

    runs: tuple[RunFacts, ...]
    served_again_s: tuple[float | None, ...]


def killing(count: int, services: Sequence[str], seed: int) -> Experiment:
    """Build one experiment of ``count`` kills, each of a service drawn from ``services``."""
    base = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")
    drawn = np.random.default_rng(seed).choice(np.array(services), size=count)
    steps = tuple(
        msgspec.structs.replace(base.steps[0], name=f"kill-{i}", effect=Kill(service=str(name)))
        for i, name in enumerate(drawn)
    )
    return msgspec.structs.replace(
        base, steps=steps, profile=QUICK, arms=("none",), sham=False, objectives=(), repetitions=1
    )


def run_kills(
    count: int, services: Sequence[str], *, seed: int, store: Path, say: Callable[[str], None]
) -> Killed:
    """Kill ``count`` times, at most 20 times a run, on freshly started systems."""
    runs: list[RunFacts] = []
    times: list[float | None] = []
    for number, left in enumerate(range(count, 0, -20)):
        experiment = killing(min(20, left), services, seed + number)
        plans = make_plans(experiment, seed + number)
        folder = run_campaign(plans, experiment, store=store, seed=seed + number, progress=say)
        history = read_campaign(folder).runs[-1]  # before it stand attempts that missed their baseline
        runs.append(facts(history))
        times.extend(served_again_s(history))
    return Killed(tuple(runs), tuple(times))


def served_again_s(history: History) -> list[float | None]:
    """Seconds from each proven kill to the first served unit after the last that was not; None: never."""
    rows = np.sort(history.rows[history.rows["stream"] == WITNESS], order="due")
    served = (rows["outcome"] == GOOD) | (rows["outcome"] == DEGRADED)
    times: list[float | None] = []
    for entry in history.entries:
        event = entry.event
        if isinstance(event, Injected):
            window = (rows["ended"] >= event.asked_at_s) & (rows["due"] < event.effective_at_s + QUICK.tau_s)
            bad = np.flatnonzero(window & ~served)
            after = rows["due"][bad[-1] + 1 :] if bad.size else np.array([event.effective_at_s])
            times.append(float(after[0]) - event.effective_at_s if after.size else None)
    return times
