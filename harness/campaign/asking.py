"""From a user's words to a question, and to where its material lies; the one place that prepares a campaign.

Comes in: an experiment, numbers. Goes out: a ``Chunk`` that workers can be sent, or ``Refused``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.campaign.code import code_sha256
from harness.campaign.model import Question
from harness.campaign.worker import Chunk, Place, asked
from harness.errors import Refused
from harness.experiment.model import Experiment
from harness.plan.safety import SIMULATION, TARGETS, promises
from harness.plan.schedule import plans_of_pair
from harness.run.campaign import import_path
from harness.run.fields import check_record_faults
from harness.run.template import ensure_template

CHUNK_PAIRS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a user may say besides the experiment; see ``Question``."""

    seed: int
    profile: str = ""
    pairs_max: int
    precision_ratio: float | None = None
    pairs_a_chunk: int = CHUNK_PAIRS
    observe_every_s: float = 1.0


def ask(experiment: Experiment, wanted: Wanted, *, store: Path, progress: Callable[[str], None]) -> Chunk:
    """Prepare what all runs share, and refuse now what no run could do."""
    question = Question(
        title=experiment.title,
        experiment_file=Path(experiment.file).name,
        experiment_sha256=experiment.sha256,
        code_sha256=code_sha256(Path(experiment.system_dir)),
        profile=wanted.profile,
        system=experiment.system.name,
        arms=experiment.arms,
        seed=wanted.seed,
        pairs_max=wanted.pairs_max,
        pairs_a_chunk=wanted.pairs_a_chunk,
        precision_ratio=wanted.precision_ratio,
        observe_every_s=wanted.observe_every_s,
        harness_version=harness.__version__,
    )
    plans = plans_of_pair(asked(question, experiment), wanted.seed, 0, SIMULATION)
    if not plans:
        raise Refused("there is nothing to run: the experiment has no arm")
    for plan in plans:
        promises(plan, TARGETS[SIMULATION])
    python_path = import_path(experiment)
    cache = store / ".templates"
    template = ensure_template(experiment, cache=cache, python_path=python_path, progress=progress)
    check_record_faults(plans, experiment, template=template, python_path=python_path)
    return Chunk(question, Place(str(Path(experiment.file).resolve()), str(template.resolve()), python_path))


def workers_here() -> int:
    """As many as there are processors that this process may use."""
    return len(os.sched_getaffinity(0))
