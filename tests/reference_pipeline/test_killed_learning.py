"""Registry, learner and child under SIGKILL at random points: nothing half, nothing lost, the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference_pipeline.killing import kill_registry, kill_training
from tests.reference_pipeline.killing_learner import kill_learner
from tests.reference_pipeline.test_fitting import _fit, _job


@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_a_killed_registry_keeps_what_it_acknowledged_and_serves_nothing_half(
    tmp_path: Path, small_template: Path, kills: int
) -> None:
    seen = kill_registry(tmp_path, small_template, kills=kills, seed=kills)
    assert seen.wrong == []
    assert seen.kills == kills
    assert seen.in_flight >= max(1, kills // 4)
    assert seen.compared >= kills // 4


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 8])
def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path: Path, small_template: Path, jobs: int) -> None:
    whole = _fit(_job(tmp_path / "whole", small_template, rows=4000))
    kills = 0
    for number in range(jobs):
        job = _job(tmp_path / f"killed-{number}", small_template, rows=4000)
        seen = kill_training(job, whole, kills=4, seed=number)
        assert seen.wrong == []
        kills += seen.kills
    assert kills >= jobs


@pytest.mark.slow
def test_a_learner_that_is_killed_publishes_its_training_once(tmp_path: Path, small_template: Path) -> None:
    seen = kill_learner(tmp_path, small_template, kills=2, seed=192, rows=1000, keys={"one": "adapt"})
    assert seen.wrong == []
    assert seen.kills == 2
    assert seen.in_flight >= 1


@pytest.mark.slow
def test_learners_that_are_killed_publish_each_training_once_and_with_the_same_bytes(
    tmp_path: Path, small_template: Path
) -> None:
    seen = kill_learner(tmp_path, small_template, kills=10, seed=20)
    assert seen.wrong == []
    assert seen.kills == 10
    assert seen.in_flight >= seen.kills / 2
    assert seen.held >= 1
