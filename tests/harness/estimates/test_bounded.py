"""Intervals of bounded means: known bounds, coverage, and what breaks it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.estimates.bounded import BOOTSTRAP_N, interval

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=60)
SEED = 20_240_901
Draw = Callable[[np.random.Generator, int], np.ndarray]


def covered(draw: Draw, mean: float, n: int, samples: int = 150) -> float:
    """Share of simulated samples whose interval holds the true mean."""
    rng = np.random.default_rng(SEED)
    ends = [interval(draw(rng, n).tolist())[:2] for _ in range(samples)]
    return sum(low <= mean <= high for low, high in ends) / samples


def beta(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.beta(2, 5, n)


def rare(share: float) -> Draw:
    """A quick recovery that varies by half, and in ``share`` of runs all of the horizon is lost."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        quick = np.minimum(1.0, np.exp(0.5 * rng.standard_normal(n)) / 12)
        return np.where(rng.random(n) < share, 1.0, quick)

    return draw


QUICK = float(np.exp(0.125)) / 12  # mean of the quick ones; the cut at 1 takes 1e-7 off


@pytest.mark.parametrize("n", [5, 39])
@pytest.mark.parametrize(
    ("draw", "mean"),
    [(beta, 2 / 7), (rare(0.05), 0.05 + 0.95 * QUICK), (rare(0.01), 0.01 + 0.99 * QUICK)],
    ids=["beta", "5 % lose all", "1 % lose all"],
)
def test_betting_covers_at_least_the_nominal_share_whatever_the_spread(
    draw: Draw, mean: float, n: int
) -> None:
    assert covered(draw, mean, n) >= 0.95


@pytest.mark.parametrize("n", [40, 80])
@pytest.mark.parametrize(("draw", "mean"), [(beta, 2 / 7), (rare(0.0), QUICK)], ids=["beta", "all come back"])
def test_bootstrap_t_covers_within_three_points_where_the_sample_shows_the_spread(
    draw: Draw, mean: float, n: int
) -> None:
    assert covered(draw, mean, n, samples=500) >= 0.95 - 0.03


def test_shares_of_all_or_nothing_are_covered_at_any_n() -> None:
    for n in (5, 40, 80):
        assert covered(lambda rng, n: (rng.random(n) < 0.1).astype(float), 0.1, n) >= 0.95 - 0.03


def test_losses_too_rare_to_be_in_the_sample_break_bootstrap_t_and_not_betting() -> None:
    """The first broken assumption; docs/score.md tells it."""
    mean = 0.01 + 0.99 * QUICK
    assert 0.78 <= covered(rare(0.01), mean, 80) <= 0.92
    assert covered(rare(0.01), mean, 20) >= 0.95


def test_runs_that_hang_together_break_bootstrap_t() -> None:
    """The second: a lag-1 correlation of .6."""

    def chained(rng: np.random.Generator, n: int) -> np.ndarray:
        x = np.empty(n)
        x[0] = rng.standard_normal()
        for i in range(1, n):
            x[i] = 0.6 * x[i - 1] + 0.8 * rng.standard_normal()
        return np.clip(0.5 + 0.1 * x, 0, 1)

    assert 0.6 <= covered(chained, 0.5, 80) <= 0.8


def test_ten_runs_without_a_loss_leave_two_fifths_open() -> None:
    low, high, method = interval([0.0] * 10)
    assert (low, method) == (0.0, "betting")
    # nobody can do better than an exact bound on shares of all or nothing, which are such figures too
    assert 0.308 <= high <= 0.42


def test_from_forty_runs_on_that_vary_the_bootstrap_answers_and_is_narrower() -> None:
    values = np.random.default_rng(3).beta(2, 5, BOOTSTRAP_N).tolist()
    few, many = interval(values[:-1]), interval(values)
    assert (few[2], many[2]) == ("betting", "bootstrap-t")
    assert many[1] - many[0] < few[1] - few[0]


@pytest.mark.parametrize("rare_ones", [0, 1, 3])
def test_a_few_rare_losses_among_equal_runs_are_left_to_betting(rare_ones: int) -> None:
    assert interval([0.0] * (60 - rare_ones) + [1.0] * rare_ones)[2] == "betting"


@given(SHARES)
def test_an_interval_holds_the_mean_and_lies_between_nothing_and_all(values: list[float]) -> None:
    low, high, _ = interval(values)
    assert 0.0 <= low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= high <= 1.0


@given(SHARES, st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_nothing(values: list[float], random) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)
    assert interval(shuffled) == interval(values)


@given(st.lists(st.floats(0, 1), min_size=5, max_size=19), st.integers(2, 6))
def test_more_runs_of_the_same_losses_narrow_the_interval(values: list[float], times: int) -> None:
    few, many = interval(values), interval(values * times)
    assert many[1] - many[0] < few[1] - few[0]


@given(SHARES, st.floats(0.5, 0.94))
def test_a_lower_level_is_never_wider(values: list[float], level_ratio: float) -> None:
    wide, narrow = interval(values), interval(values, level_ratio)
    assert wide[0] - 1e-9 <= narrow[0]
    assert narrow[1] <= wide[1] + 1e-9


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_figure_outside_of_its_bounds_is_an_error(wrong: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval([0.5, wrong])


def test_no_data_says_nothing() -> None:
    assert interval([]) == (0.0, 1.0, "")
