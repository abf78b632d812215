"""Registry, training and learner under 260 kills at random points: is an alias ever at what cannot be served?

100 kills of the registry while versions are put there and an alias moves, every other time by compare and
set; at least 100 of children that fit, each job killed until it is through; and 60 of the learner while
trainings are asked for. Wanted: nothing that was acknowledged is gone, the alias is always at a version that
was asked for and whose file is whole, no checkpoint or artefact is half, every job ends with the bytes that
it has without a kill, and every training that a learner was asked for is one version, with those bytes. At
least half of the kills hit something in flight.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from reference_pipeline.deploy.prepare import prepare
from tests.reference_pipeline.killing import Seen, kill_registry, kill_training
from tests.reference_pipeline.killing_learner import kill_learner
from tests.reference_pipeline.test_fitting import _fit, _job

NAME = "learning_kills"
SEED = 50_02
REGISTRY_KILLS, FIT_KILLS, LEARNER_KILLS, KILLS_A_JOB = 100, 100, 60, 6
FORECAST_S = REGISTRY_KILLS * 1.2 + FIT_KILLS * 1.8 + LEARNER_KILLS * 3.5 + 60.0
SCENARIO = {"world_s_per_run_s": 720, "kind": "simulator"}


def run(full: bool) -> dict[str, object]:
    """Kill 260 times, or 13 where not ``full``."""
    share = 1.0 if full else 0.05
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as name:
        folder = Path(name)
        template = prepare(SCENARIO, seed=SEED, out=folder / "template")
        registry = kill_registry(
            folder / "registry", template, kills=round(REGISTRY_KILLS * share), seed=SEED
        )
        whole = _fit(_job(folder / "whole", template, rows=4000))
        fits, jobs = Seen(), 0
        while fits.kills < round(FIT_KILLS * share):
            job = _job(folder / f"job-{jobs}", template, rows=4000)
            one = kill_training(job, whole, kills=KILLS_A_JOB, seed=SEED + jobs)
            fits.kills, fits.in_flight = fits.kills + one.kills, fits.in_flight + one.in_flight
            fits.wrong += one.wrong
            jobs += 1
        learner = kill_learner(folder / "learner", template, kills=round(LEARNER_KILLS * share), seed=SEED)
    kills = registry.kills + fits.kills + learner.kills
    return {
        "registry": {**_told(registry), "compare_and_set": registry.compared},
        "training": {**_told(fits), "jobs": jobs},
        "learner": {
            **_told(learner),
            "rounds": learner.rounds,
            "unpublished": learner.unpublished,
            "held": learner.held,
        },
        "bars": {
            "260 kills": kills >= REGISTRY_KILLS + FIT_KILLS + LEARNER_KILLS,
            "nothing half or lost in the registry": not registry.wrong,
            "every training ends with the same bytes": not fits.wrong,
            "every training of a learner is one version with the same bytes": not learner.wrong,
            "half of the registry's kills hit a request": registry.in_flight >= registry.kills / 2,
            "half of the children had begun to fit": fits.in_flight >= fits.kills / 2,
            "half of the learner's kills hit a training": learner.in_flight >= learner.kills / 2,
            "a child that outlived its learner was waited for": learner.held > 0,
        },
    }


def _told(seen: Seen) -> dict[str, object]:
    return {"kills": seen.kills, "in_flight": seen.in_flight, "wrong": seen.wrong}
