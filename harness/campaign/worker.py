"""One chunk of a campaign, done where a worker is: its pairs, arm by arm, each run to its row.

Comes in: a question, where its material lies, the number of a chunk. Goes out: rows. A run that raises is a
row that says so: it hides no other.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.campaign.model import Question, RunRow
from harness.campaign.rows import row_of
from harness.episodes.baseline import BAD_RATIO_MAX
from harness.experiment.load import load_experiment
from harness.experiment.model import Arm, Experiment, RestartProfile
from harness.plan.model import Plan
from harness.plan.safety import SIMULATION
from harness.plan.schedule import plans_of_pair
from harness.run.simulated import Material, open_material, run_simulated


@dataclass(frozen=True, slots=True)
class Place:
    """Where the material of a question lies on the machine of a worker."""

    file: str
    template: str
    python_path: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """The work of one question; called with the number of a chunk."""

    question: Question
    place: Place

    def __call__(self, chunk: int) -> tuple[RunRow, ...]:
        """Do all runs of the chunk, in the order of their pairs."""
        material = material_of(self.question, self.place)
        pairs = self.question.pairs_of(chunk)
        return tuple(
            _row(material, plan)
            for pair in pairs
            for plan in plans_of_pair(material.experiment, self.question.seed, pair, SIMULATION)
        )


@functools.lru_cache(maxsize=4)
def material_of(question: Question, place: Place) -> Material:
    """Open what the runs of a question share, once a process; it is never changed."""
    experiment = asked(question, load_experiment(Path(place.file), question.profile or None))
    material = open_material(experiment, template=Path(place.template), python_path=place.python_path)
    return replace(material, observe_every_s=question.observe_every_s)


def asked(question: Question, experiment: Experiment) -> Experiment:
    """The experiment as this question asks it: its arms, one pair at a time."""
    return msgspec.structs.replace(experiment, arms=question.arms, repetitions=1)


def _row(material: Material, plan: Plan) -> RunRow:
    try:
        run = run_simulated(material, plan)
        return row_of(run, bad_ratio_max=BAD_RATIO_MAX)
    except Exception as error:  # noqa: BLE001 - told in the row, beside all that went well
        return failed(plan, f"{type(error).__name__}: {error}")


def failed(plan: Plan, why: str) -> RunRow:
    """The row of a run that there is nothing of but ``why``."""
    return RunRow(
        pair=plan.pair,
        arm=msgspec.convert(plan.arm, Arm),
        restart_profile=msgspec.convert(plan.restart_profile, RestartProfile),
        sham=plan.sham,
        why=why,
        digest="",
        virtual_ms=0,
        events=0,
        units=0,
        good=0,
        exactly_once=False,
        acts=0,
        false_heals=0,
        unbroken_ms=0,
        errors=0,
    )
