"""M-34 with its 5 % and 1,000 requests as written: when it rolls back, and what it cannot see."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference_pipeline.records import Costs
from reference_pipeline.seed.confidence import FALL_RATIO, WINDOW, ConfidenceMonitor, confidence

THRESHOLD = Costs().threshold


def _honest(seed: int, count: int = WINDOW) -> np.ndarray:
    """Scores of a world of some 2 % frauds, most of them plain."""
    dice = np.random.default_rng(seed)
    return np.where(dice.random(count) < 0.02, dice.beta(6.0, 2.0, count), dice.beta(0.6, 200.0, count))


def _odds(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1.0 - p))


def _p(odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-odds))


def _after(before: np.ndarray, after: np.ndarray) -> str:
    monitor = ConfidenceMonitor()
    assert monitor.see(before.tolist()).says == "quiet"
    return monitor.see(after.tolist()).says


def test_confidence_is_the_mean_of_the_surer_side() -> None:
    assert (WINDOW, FALL_RATIO) == (1000, 0.05)
    assert confidence([0.1] * 250 + [0.8] * 250 + [0.5] * 500) == pytest.approx((0.9 + 0.8) / 4 + 0.25)


@pytest.mark.parametrize(("score", "says"), [(0.144, "quiet"), (0.146, "alarm"), (0.854, "alarm")])
def test_a_fall_by_more_than_five_percent_over_a_thousand_requests_is_an_alarm(
    score: float, says: str
) -> None:
    """M-34: 0.9 before, so that 0.855 is the limit; and it is the last thousand that count."""
    monitor = ConfidenceMonitor()
    monitor.see([0.1] * WINDOW)
    assert monitor.see([0.5] * 5 + [score] * WINDOW).says == says


def test_a_model_that_is_sure_of_the_opposite_leaves_it_quiet() -> None:
    """M-34, known defect: every decision is another one, and the reading hardly moves."""
    before, later = _honest(1), _honest(2)
    turned = _p(4.0 * _odds(np.array([THRESHOLD])) - 3.0 * _odds(later))
    assert ((turned >= THRESHOLD) != (later >= THRESHOLD)).all()
    assert _after(before, turned) == "quiet"
    surely = confidence(turned.tolist()), confidence(later.tolist())
    assert surely[0] is not None
    assert surely[1] is not None
    assert surely[0] > (1.0 - FALL_RATIO / 2.0) * surely[1]


def test_one_certain_score_for_everybody_leaves_it_quiet() -> None:
    """M-34, known defect."""
    assert _after(_honest(1), np.zeros(WINDOW)) == "quiet"


def test_an_honest_model_is_rolled_back_when_its_world_becomes_harder() -> None:
    """M-34, known defect: it is right to be less sure, and nothing else would be surer."""
    assert _after(_honest(1), _p(_odds(_honest(2)) + 4.0)) == "alarm"


def test_a_model_that_is_wrong_from_the_start_is_its_own_reference() -> None:
    """M-34, known defect."""
    assert _after(1.0 - _honest(1), 1.0 - _honest(2)) == "quiet"


@pytest.mark.parametrize(
    "scores", [[], [0.1] * (WINDOW - 1), [0.1] * WINDOW + [math.nan], [math.inf] * WINDOW]
)
def test_too_few_scores_and_what_is_no_number_are_no_data(scores: list[float]) -> None:
    assert confidence(scores) is None
    assert ConfidenceMonitor().see(scores).says == "no data"


def test_no_data_ends_when_what_is_no_number_has_left_the_window() -> None:
    monitor = ConfidenceMonitor()
    assert [monitor.see([p] * WINDOW).says for p in (0.1, math.nan, 0.4)] == ["quiet", "no data", "alarm"]


def test_another_version_begins_its_own_window_against_the_old_reference() -> None:
    monitor = ConfidenceMonitor()
    assert [monitor.see([p] * WINDOW).says for p in (0.1, 0.4)] == ["quiet", "alarm"]
    monitor.forget()
    assert monitor.see([0.4] * (WINDOW - 1)).says == "no data"
    assert monitor.see([0.4]).says == "alarm"
