"""A system on a virtual clock, for tests: prepared once, then every schedule is an episode of its own.

Comes in: an experiment's file, of which the system, the world and the arms count and the method does not.
Goes out: a ``Pipeline``, which gives an ``Outcome`` for a schedule. The same schedule is the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.errors import Untrustworthy
from harness.experiment.load import load_experiment
from harness.experiment.model import System
from harness.faults.effects import Mutate
from harness.run.refusals import refuse_if_halted
from harness.run.root import store_root
from harness.search.finding import ground_of, healing
from harness.search.limits import Limits
from harness.search.outcome import Outcome
from harness.search.records import mutations_of
from harness.search.schedule import Schedule
from harness.search.wording import schedule_text
from harness.search.workers import Ground, experiment_of, player_of

LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A system that schedules are played on; opened at the first one, once a process."""

    ground: Ground

    @property
    def system(self) -> System:
        """What can be hurt: what ``strategies.schedules`` draws for."""
        return experiment_of(self.ground).system

    @property
    def mutations(self) -> tuple[Mutate, ...]:
        """What can be done to its records; for ``strategies.schedules``, which draws none unless told."""
        return mutations_of(player_of(self.ground).material, self.ground.limits, self.ground.seed)

    def play(self, schedule: Schedule) -> Outcome:
        """Play one episode, some 0.3 s for 10 s of virtual time; ``broken`` lists the invariants that broke.

        Raises ``Untrustworthy`` where nothing can be said of it: an episode without evidence is no success.
        """
        outcome = player_of(self.ground).play(schedule)
        if outcome.void:
            raise Untrustworthy(f"nothing can be said of {schedule_text(schedule)}: {outcome.void}")
        return outcome


def pipeline(
    file: str | Path, *, arm: str = "", seed: int = 0, limits: Limits = LIMITS, store: Path | None = None
) -> Pipeline:
    """Load the experiment ``file`` and prepare its system: once a store, minutes at most, then cached.

    ``arm``: whose healer, "" = the file's first that has one; ``seed``: what is offered; ``limits``: how long
    an episode is and what is asked of the healer; ``store``: None = where ``hormesis run`` keeps its own
    (``HORMESIS_STORE``, else ``reports/runs``). Raises ``UsageProblem`` where the file is wrong or the system
    has no healer in ``arm``, ``Refused`` where it has none at all or cannot be prepared.
    """
    store = store or store_root()
    refuse_if_halted(store)
    # Absolute: a test may change the folder before the first schedule is played.
    experiment = load_experiment(Path(file).absolute())
    heals = healing(experiment, arm)
    ground = ground_of(experiment, seed=seed, arm=heals, store=store, progress=lambda _: None)
    return Pipeline(msgspec.structs.replace(ground, limits=limits))
