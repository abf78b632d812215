"""The port of the truth, as the system file switches arms: open in arm ``oracle``, not there in any other."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from harness.experiment.load import load_experiment
from harness.experiment.model import Arm
from tests.ports import free_port
from tests.reference_pipeline.running import Pipeline
from tests.tiers import few

ROOT = Path(__file__).resolve().parents[3]
SYSTEM = load_experiment(ROOT / "experiments" / "standard" / "concept.yaml").system
LEARNERS = sorted(arm for arm in get_args(Arm) if "learner" in SYSTEM.services_of(arm))
TOLD = {"truth": [{"id": "w7-1", "p": 0.25}]}


def test_where_nobody_learns_there_is_nobody_to_be_told() -> None:
    assert LEARNERS == ["always", "never", "oracle", "random", "reference", "seed"]


@pytest.mark.parametrize("arm", few(sorted(LEARNERS, key=lambda arm: arm not in ("oracle", "reference")), 2))
def test_the_truth_is_taken_in_arm_oracle_alone(arm: str, tmp_path: Path, small_template: Path) -> None:
    """Labels are taken in each of them."""
    learner = {"learner": f"http://127.0.0.1:{free_port()}"}
    running = Pipeline(tmp_path, small_template, learner, healing=SYSTEM.arms[arm].env["HEALING"])
    try:
        running.start("learner")
        truth = running.post("learner", "/truth", TOLD)
        labels = running.post("learner", "/labels", {"labels": [{"id": "w7-2", "label": 1}]})
        assert (truth.status, labels.status) == (200 if arm == "oracle" else 404, 200)
        assert running.signal("learner", "labels_total") == (2 if arm == "oracle" else 1)
    finally:
        running.stop()
