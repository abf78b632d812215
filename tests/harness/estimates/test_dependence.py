"""Dependence of neighbouring runs: false alarms at their level, .6 found with the stated power, and what the
widened intervals cover in simulations of which the truth is known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.estimates import dependence as module
from harness.estimates.dependence import dependence
from harness.estimates.means import mean
from harness.estimates.quantiles import quantile
from harness.estimates.shares import lower_bound, share, upper_bound
from harness.verdict.evidence import judge_share

CAMPAIGNS = 400


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """The level of the test is exact for any number of permutations; fewer cost it a little power."""
    monkeypatch.setattr(module, "DRAWS", 199)


def campaigns(rho: float, runs: int, seed: int = 3) -> np.ndarray:
    """Normal outcomes of which each tells ``rho`` of the next; shape (CAMPAIGNS, runs)."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((CAMPAIGNS, runs))
    made = noise.copy()
    for n in range(1, runs):
        made[:, n] = rho * made[:, n - 1] + (1 - rho**2) ** 0.5 * noise[:, n]
    return made


SHAPES = {
    "normal": lambda x: x,
    "a long tail": lambda x: np.exp(2 * x),
    "mostly absorbed": lambda x: np.maximum(0.0, x - 0.8),
    "back or not": lambda x: (x > 0.5) * 6.0,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_independent_runs_are_called_dependent_in_one_campaign_of_twenty_at_most(shape):
    found = [dependence(SHAPES[shape](row)) for row in campaigns(0.0, 20)]
    alarms = sum(one.widened > 1 for one in found)
    assert lower_bound(alarms, CAMPAIGNS, 0.999) <= module.LEVEL_RATIO
    assert all(one.widened == 1.0 for one in found if one.p is None or one.p > module.LEVEL_RATIO)


def test_the_level_is_used_up():
    """A test that never alarms would keep the level, too."""
    alarms = sum(dependence(row).p <= module.LEVEL_RATIO for row in campaigns(0.0, 20))
    assert upper_bound(alarms, CAMPAIGNS, 0.999) >= module.LEVEL_RATIO


@pytest.mark.parametrize(("runs", "power"), [(20, 0.6), (30, 0.8), (40, 0.9)])
def test_a_correlation_of_six_tenths_is_found_with_the_stated_power(runs, power):
    found = sum(dependence(np.exp(row)).widened > 1 for row in campaigns(0.6, runs))
    assert lower_bound(found, CAMPAIGNS) >= power


def test_runs_that_alternate_widen_nothing():
    found = dependence([float(n % 2) for n in range(40)])
    assert found.lag1 < -0.9
    assert found.widened == 1.0


@pytest.mark.parametrize(
    ("rho", "least", "wanted_of_narrow"), [(0.0, 0.92, 0.92), (0.6, 0.88, 0.0)], ids=["none", "six tenths"]
)
def test_intervals_cover_where_they_did_not(rho, least, wanted_of_narrow):
    """Forty runs. Without widening those of correlated runs cover about 68, 78 and 83 %."""
    covered = np.zeros((2, 3))
    rows = campaigns(rho, 40, seed=8)
    for row in rows:
        widened = dependence(row).widened
        for which, wide in enumerate((widened, 1.0)):
            of_mean, of_share = (
                mean(list(row), widened=wide),
                share(int((row < 0.8416).sum()), 40, widened=wide),
            )
            middle = quantile(list(np.exp(row)), 0.5, widened=wide)
            covered[which] += (
                of_mean.low is None or of_mean.low <= 0.0 <= of_mean.high,
                middle.low_s is None or middle.low_s <= 1.0 <= middle.high_s,
                of_share.low_ratio <= 0.8 <= of_share.high_ratio,
            )
    wide, narrow = covered / len(rows)
    assert wide.min() >= least
    assert narrow.min() >= wanted_of_narrow
    if rho:
        assert (narrow < wide - 0.1).all()


def test_below_its_least_number_of_runs_nothing_is_said():
    found = dependence([float(n) for n in range(module.NEEDS_RUNS - 1)])
    assert (found.lag1, found.p, found.widened) == (None, None, 1.0)


def test_runs_that_are_all_alike_tell_nothing_of_dependence():
    assert dependence([0.0] * 40).lag1 is None


def test_the_same_runs_give_the_same_figures_every_time():
    row = list(campaigns(0.3, 40)[0])
    assert dependence(row) == dependence([3 * one + 1 for one in row])
    random.Random(1).shuffle(row)
    assert dependence(row) == dependence(row)


def test_a_claim_rests_on_as_many_runs_as_the_dependent_ones_are_worth():
    assert judge_share(40, 40, 0.9).word == "PASS"
    held = judge_share(40, 40, 0.9, widened=2.0)
    assert held.word == "INCONCLUSIVE"
    assert "40 of 40 (runs depend on each other: as much as 20.0)" in held.evidence
    assert (
        judge_share(20, 20, 0.9).evidence.split("at least")[1][:7] == held.evidence.split("at least")[1][:7]
    )
    assert judge_share(12, 40, 0.5).word == "FAIL"
    assert judge_share(12, 40, 0.5, widened=4.0).word == "INCONCLUSIVE"


def test_a_quantile_of_dependent_runs_needs_more_of_them():
    times = [float(n) for n in range(12)]
    assert quantile(times, 0.5).value_s is not None
    few = quantile(times, 0.5, widened=3.0)
    assert (few.value_s, few.needs_n) == (None, 18)
    wide = quantile([float(n) for n in range(40)], 0.5, widened=4.0)
    narrow = quantile([float(n) for n in range(40)], 0.5)
    assert wide.low_s < narrow.low_s
    assert wide.high_s > narrow.high_s
    assert wide.value_s == narrow.value_s
