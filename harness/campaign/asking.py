"""From a user's words to a question, and to where its material lies; the one place that prepares a campaign.

Comes in: an experiment, numbers. Goes out: a ``Chunk`` that workers can be sent, or ``Refused``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

import harness
from harness.campaign.gating import read_baseline
from harness.campaign.model import Question
from harness.campaign.outcomes import kind_of
from harness.campaign.worker import Chunk, Place, asked, plans_asked
from harness.errors import Refused
from harness.experiment.model import Experiment, Pace
from harness.experiment.pack import pack_sha256
from harness.plan.safety import SIMULATION, TARGETS, promises
from harness.run.code import code_sha256
from harness.run.fields import check_record_faults
from harness.run.modules import import_path
from harness.run.template import ensure_template, template_key

CHUNK_PAIRS, CHUNK_S = 10, 1800.0
"""A chunk is what one worker does in one go: few enough of long pairs that all workers end together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a user may say besides the experiment; see ``Question``."""

    seed: int
    profile: str = ""
    pairs_max: int
    precision_ratio: float | None = None
    pairs_a_chunk: int | None = None
    observe_every_s: float = 1.0
    pace: Pace = "dense"
    sham_only: bool = False
    baseline: Path | None = None


def ask(experiment: Experiment, wanted: Wanted, *, store: Path, progress: Callable[[str], None]) -> Chunk:
    """Prepare what all runs share, and refuse now what no run could do."""
    question = Question(
        title=experiment.title,
        experiment_file=Path(experiment.file).name,
        experiment_sha256=experiment.sha256,
        code_sha256=code_sha256(Path(experiment.system_dir)),
        template=template_key(experiment),
        profile=wanted.profile,
        system=experiment.system.name,
        arms=experiment.arms,
        seed=wanted.seed,
        pairs_max=wanted.pairs_max,
        pairs_a_chunk=CHUNK_PAIRS,
        precision_ratio=wanted.precision_ratio,
        observe_every_s=wanted.observe_every_s,
        pace=wanted.pace,
        sham_only=wanted.sham_only,
        harness_version=harness.__version__,
        pack_sha256=pack_sha256(experiment),
        gate=experiment.gate,
        weights=tuple(sorted(experiment.score.weights.items())),
    )
    plans = tuple(plans_asked(question, asked(question, experiment), 0))
    if not plans:
        raise Refused("there is nothing to run: the experiment has no arm")
    for plan in plans:
        promises(plan, TARGETS[SIMULATION])
    if wanted.baseline is not None:
        sha256 = read_baseline(wanted.baseline, kind_of(question), question.seed).sha256
        question = msgspec.structs.replace(question, baseline_sha256=sha256)
    fits = int(CHUNK_S / sum(plan.duration_s for plan in plans))
    pairs_a_chunk = wanted.pairs_a_chunk or max(1, min(CHUNK_PAIRS, fits))
    question = msgspec.structs.replace(question, pairs_a_chunk=pairs_a_chunk)
    python_path = import_path(experiment)
    cache = store / ".templates"
    template = ensure_template(experiment, cache=cache, python_path=python_path, progress=progress)
    check_record_faults(plans, experiment, template=template, python_path=python_path)
    return Chunk(question, Place(str(Path(experiment.file).resolve()), str(template.resolve()), python_path))


def workers_here() -> int:
    """As many as there are processors that this process may use."""
    return len(os.sched_getaffinity(0))
