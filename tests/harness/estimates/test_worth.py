"""Degraded answers are worth what they decide, on the same units as the champion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.estimates.worth import Costs, worth
from harness.history.observations import BAD, DECLINED_FLAG, DEGRADED, DTYPE, GOOD, LOAD, Rows

COSTS = Costs(missed=20.0, declined_good=1.0)
POSTERIOR = np.array([0.9, 0.01, 0.02, 0.5, 0.01, 0.0, 0.03, 0.01])
RIGHT = POSTERIOR > 1 / 21


def rows(declined: np.ndarray, outcome: int, posterior: np.ndarray = POSTERIOR) -> Rows:
    made = np.zeros(len(posterior), dtype=DTYPE)
    made["unit"] = np.arange(len(posterior))
    made["posterior"] = posterior
    made["outcome"] = outcome
    made["flags"] = np.where(declined, DECLINED_FLAG, 0)
    return made


def test_the_champions_own_decisions_are_worth_all_of_its_gain() -> None:
    found = worth(rows(RIGHT, DEGRADED), rows(RIGHT, GOOD), COSTS)
    assert (found.n, found.ratio) == (8, 1.0)


@pytest.mark.parametrize("all_no", [True, False])
def test_a_constant_decision_is_worth_nothing_or_less(all_no: bool) -> None:
    found = worth(rows(np.full(8, all_no), DEGRADED), rows(RIGHT, GOOD), COSTS)
    assert found.ratio is not None
    assert found.ratio <= 0.0
    cheaper = COSTS.declined_good * (1 - POSTERIOR).sum() < COSTS.missed * POSTERIOR.sum()
    assert (found.ratio == 0.0) == (all_no == cheaper)


def test_only_units_degraded_here_and_full_there_are_compared() -> None:
    mixed = rows(~RIGHT, DEGRADED)
    mixed["outcome"][:6] = BAD
    mixed["stream"][6] = LOAD
    assert worth(mixed, rows(RIGHT, GOOD), COSTS).n == 1
    assert worth(mixed[:0], rows(RIGHT, GOOD), COSTS).ratio is None


def test_rows_without_a_known_posterior_prove_nothing() -> None:
    blind = rows(RIGHT, DEGRADED, np.full(8, np.nan))
    assert worth(blind, rows(RIGHT, GOOD), COSTS) == worth(blind[:0], blind, COSTS)


@given(st.integers(0, 2**8 - 1), st.integers(0, 2**8 - 1))
def test_no_decisions_are_worth_more_than_the_best(degraded: int, champion: int) -> None:
    bits = 1 << np.arange(8)
    best = worth(rows((degraded & bits) > 0, DEGRADED), rows(RIGHT, GOOD), COSTS)
    assert best.ratio is not None
    assert best.ratio <= 1.0
    other = worth(rows((degraded & bits) > 0, DEGRADED), rows((champion & bits) > 0, GOOD), COSTS)
    assert other.degraded_cost == best.degraded_cost
