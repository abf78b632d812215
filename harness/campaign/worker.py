"""One chunk of a campaign, done where a worker is: its pairs, arm by arm, each run to its row.

Comes in: a question, where its material lies, the number of a chunk. Goes out: rows. A run that raises is a
row that says so: it hides no other. A worker that cannot do this question at all refuses it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.campaign.model import Question, RunRow
from harness.campaign.rows import failed, row_of, worth_of
from harness.episodes.baseline import bad_ratio_allowed
from harness.errors import HormesisError, Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.plan.model import Plan
from harness.plan.safety import SIMULATION
from harness.plan.schedule import plans_of_pair
from harness.run.code import code_sha256
from harness.run.material import Material, open_material
from harness.run.simulated import SimulatedRun, run_simulated


@dataclass(frozen=True, slots=True)
class Place:
    """Where the material of a question lies on the machine of a worker; absolute paths."""

    file: str
    template: str
    python_path: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """The work of one question; called with the number of a chunk."""

    question: Question
    place: Place

    def __call__(self, chunk: int) -> tuple[RunRow, ...]:
        """Do all runs of the chunk, in the order of their pairs; ``Refused`` where none can be done here."""
        material = material_of(self.question, self.place)
        return tuple(row_or_why(material, plan)[0] for plan in self.plans(chunk))

    def plans(self, chunk: int) -> Iterator[Plan]:
        """Give the plans of the chunk, in the order of its rows."""
        experiment = _experiment(self.question, self.place)
        for pair in self.question.pairs_of(chunk):
            yield from plans_asked(self.question, experiment, pair)


@functools.lru_cache(maxsize=4)
def material_of(question: Question, place: Place) -> Material:
    """Open what the runs of a question share, once a process; it is never changed.

    ``Refused`` where it cannot be read here, or the code here is not that of the question.
    """
    try:
        experiment = _experiment(question, place)
        if code_sha256(Path(experiment.system_dir)) != question.code_sha256:
            raise Refused("the code or the libraries here are not those that the campaign was asked with")
        material = open_material(experiment, template=Path(place.template), python_path=place.python_path)
    except (HormesisError, OSError) as error:
        raise Refused(f"a worker cannot do this campaign: {error}") from error
    return replace(material, observe_every_s=question.observe_every_s, pace=question.pace)


def asked(question: Question, experiment: Experiment) -> Experiment:
    """The experiment as this question asks it: its arms, one pair at a time."""
    sham = experiment.sham or question.sham_only
    return msgspec.structs.replace(experiment, arms=question.arms, sham=sham, repetitions=1)


def plans_asked(question: Question, experiment: Experiment, pair: int) -> Iterator[Plan]:
    """Give the plans of one pair of an experiment as ``asked``, in running order."""
    for plan in plans_of_pair(experiment, question.seed, pair, SIMULATION):
        if plan.sham or not question.sham_only:
            yield plan


def row_or_why(material: Material, plan: Plan) -> tuple[RunRow, SimulatedRun | None]:
    """Do one run; gives its row and, where it came to its end, itself."""
    try:
        run = run_simulated(material, plan)
        asked = material.experiment
        limit, worth = bad_ratio_allowed(asked.objectives), worth_of(asked.score)
        return row_of(run, bad_ratio_max=limit, worth_ppm=worth), run
    except Exception as error:  # noqa: BLE001 - told in the row, beside all that went well
        return failed(plan, f"{type(error).__name__}: {error}"), None


@functools.lru_cache(maxsize=4)
def _experiment(question: Question, place: Place) -> Experiment:
    experiment = load_experiment(Path(place.file), question.profile or None)
    if experiment.sha256 != question.experiment_sha256:
        raise Refused(f"{place.file} was changed after the campaign was begun")
    return asked(question, experiment)
