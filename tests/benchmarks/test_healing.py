"""Rows of the healing part: who gave a degraded answer, and that the experiments are what the bars judge."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.healing import EXPERIMENTS, PRIOR, _prior_ratio, variant
from benchmarks.healing_figures import FAULT_S, TAU_S, WINDOW_S
from harness.faults.effects import lasts_s
from harness.history.events import Versions
from harness.history.observations import DEGRADED, DTYPE, GOOD
from reference_pipeline.fallback import BY_PRIOR, BY_ROWS

NAMES = ("champion", BY_ROWS, BY_PRIOR)


def rows_of(*answers: tuple[int, int]) -> np.ndarray:
    """Rows with (outcome, number of the version)."""
    rows = np.zeros(len(answers), DTYPE)
    rows["outcome"] = [outcome for outcome, _ in answers]
    rows["version"] = [version for _, version in answers]
    return rows


def history_with(names: tuple[str, ...]) -> SimpleNamespace:
    return SimpleNamespace(entries=[SimpleNamespace(event=Versions(names=names))])


def test_the_prior_is_known_by_the_name_that_the_pipeline_gives_it():
    assert PRIOR == BY_PRIOR


def test_the_share_of_the_prior_is_that_of_the_degraded_answers():
    by_rows, by_prior = NAMES.index(BY_ROWS) + 1, NAMES.index(BY_PRIOR) + 1
    rows = rows_of((GOOD, 1), (DEGRADED, by_rows), (DEGRADED, by_prior), (DEGRADED, by_rows), (GOOD, 1))
    assert _prior_ratio(history_with(NAMES), rows) == pytest.approx(1 / 3)


def test_without_a_degraded_answer_or_a_name_nothing_is_known_of_the_prior():
    assert _prior_ratio(history_with(NAMES), rows_of((GOOD, 1))) is None
    assert _prior_ratio(history_with(()), rows_of((DEGRADED, 1))) is None
    assert _prior_ratio(history_with(NAMES), rows_of((DEGRADED, 0))) is None


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_bars_judge_the_lengths_that_the_experiments_have(name):
    asked = variant(name, "reference", sham=False)
    assert (asked.profile.tau_s, asked.profile.window_s) == (TAU_S, WINDOW_S)
    assert {lasts_s(step.effect) for step in asked.steps} <= {FAULT_S, None}
