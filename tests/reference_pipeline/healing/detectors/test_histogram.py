"""Score bins: quantiles of the reference, crowded and constant scores included."""

from __future__ import annotations

import numpy as np
import pytest

from reference_pipeline.healing.detectors.columns import BadReference
from reference_pipeline.healing.detectors.histogram import make_bins, score_components


def test_components_of_the_reference_law_have_mean_0_and_variance_near_1() -> None:
    dice = np.random.default_rng(1)
    bins = make_bins(dice.beta(0.5, 20.0, 50_000))
    seen = np.array([score_components(bins, dice.beta(0.5, 20.0, 200)) for _ in range(2000)])
    assert seen[:, :10].mean(axis=0) == pytest.approx(np.zeros(10), abs=0.3)
    assert seen[:, :10].var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.12)


def test_scores_that_crowd_on_one_value_share_a_bin() -> None:
    dice = np.random.default_rng(2)
    scores = np.where(dice.random(3000) < 0.8, 0.0, dice.random(3000))
    bins = make_bins(scores)
    assert len(bins.group.parts) < 11
    assert np.abs(score_components(bins, scores[:500])).max() < 4.0


def test_a_model_that_gives_everybody_one_score_is_seen() -> None:
    bins = make_bins(np.random.default_rng(3).random(2000))
    assert score_components(bins, np.full(100, 0.55)).max() > 10.0


def test_a_constant_reference_has_no_data_about_itself_and_is_loud_about_others() -> None:
    bins = make_bins(np.full(500, 0.3))
    assert score_components(bins, np.full(100, 0.3)) is None
    assert np.abs(score_components(bins, np.full(100, 0.9))).max() > 10.0


def test_scores_that_are_no_number_are_a_part_of_their_own() -> None:
    dice = np.random.default_rng(4)
    bins = make_bins(dice.random(2000))
    scores = dice.random(100)
    scores[:50] = np.nan
    found = dict(zip(bins.group.parts, score_components(bins, scores), strict=True))
    assert found["no number"] > 10.0


@pytest.mark.parametrize("scores", [np.zeros(0), np.full(100, np.nan)])
def test_a_batch_without_a_number_has_no_components(scores: np.ndarray) -> None:
    assert score_components(make_bins(np.random.default_rng(5).random(500)), scores) is None


def test_too_few_scores_are_no_reference() -> None:
    with pytest.raises(BadReference, match="150 scores"):
        make_bins(np.concatenate([np.random.default_rng(6).random(150), np.full(100, np.nan)]))
