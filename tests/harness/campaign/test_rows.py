"""What is kept of a run is what its facts say, and its points are those of the score of runs."""

from __future__ import annotations

import msgspec
import pytest

from harness.campaign.rows import row_of_facts
from harness.campaign.scoring import score_lines
from harness.campaign.tally import Tally
from harness.estimates.score import scores
from harness.experiment.rules import ScoreRules
from tests.harness.estimates.test_score import PROFILE, runs_of, seconds


@pytest.mark.parametrize("lost_s", [15.0, 119.0, 140.0])
def test_a_fault_that_lasts_costs_the_same_points_in_a_campaign_of_pairs_as_in_runs(lost_s):
    runs = [
        msgspec.structs.replace(
            run,
            episodes=tuple(
                msgspec.structs.replace(one, lasts_s=30.0, horizon_s=PROFILE.tau_s + 30.0)
                for one in run.episodes
            ),
        )
        for run in runs_of({"process.hang": [seconds(lost_s)] * 5})
    ]
    (of_runs,) = scores(runs, PROFILE, ScoreRules(), planned_runs=5)
    tally = Tally()
    for run in runs:
        tally.add_pair([row_of_facts(run, "", tau_s=PROFILE.tau_s)])
    (of_pairs,) = score_lines(tally, {})
    assert of_pairs.name == of_runs.name == "R120/v1"
    assert of_pairs.points.mean == pytest.approx(of_runs.points.mean, abs=0.05)
    assert of_pairs.floor.mean == pytest.approx(of_runs.points.mean, abs=0.05)
