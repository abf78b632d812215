"""Which question it is, whatever system it is asked of: what a baseline and later runs must share. Pure."""

from __future__ import annotations

import hashlib

import msgspec

from harness.experiment.model import Experiment


def pack_sha256(experiment: Experiment) -> str:
    """Hash world, measuring profile, faults and restart profiles of ``experiment``.

    Its system is what changes from one version to the next, its claims and its number of repetitions change
    no outcome: none of them is part of it.
    """
    files = (experiment.source, experiment.units, experiment.check)
    parts = (
        experiment.scenario,
        [file.sha256 for file in files if file is not None],
        experiment.profile,
        experiment.steps,
        experiment.restart_profiles,
    )
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
