"""Exact tests on counts, against scipy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from harness.episodes.binomial import binomial_pmf, critical_count, critical_counts, halves_p_value


@given(st.integers(1, 400), st.floats(0.001, 0.999), st.floats(0.001, 0.2))
def test_the_critical_count_is_the_smallest_that_is_rare_enough(n: int, p: float, level: float) -> None:
    b = critical_count(n, p, level)
    assert b == n + 1 or binom.sf(b - 1, n, p) <= level * (1 + 1e-9)
    assert binom.sf(b - 2, n, p) > level * (1 - 1e-9)


@pytest.mark.parametrize("p", [0.0, 1.0, 0.3])
def test_probabilities_sum_to_one_at_the_edges_too(p: float) -> None:
    assert binomial_pmf(20, p).sum() == pytest.approx(1)


def test_with_a_limit_of_zero_one_bad_unit_is_a_violation() -> None:
    assert critical_count(100, 0.0, 0.05) == 1


def test_no_units_are_never_a_violation() -> None:
    assert critical_count(0, 0.01, 0.05) == 1


def test_many_sizes_at_once_equal_each_size_alone() -> None:
    sizes = np.array([[250, 249], [1, 250]])
    expected = [[critical_count(int(n), 0.02, 0.05) for n in row] for row in sizes]
    assert critical_counts(sizes, 0.02, 0.05).tolist() == expected


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_the_trend_test_is_fishers(n1: int, n2: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    table = [[bad[0], n1 - bad[0]], [bad[1], n2 - bad[1]]]
    assert halves_p_value(bad, (n1, n2)) == pytest.approx(fisher_exact(table).pvalue, rel=1e-6)


def test_a_half_without_units_shows_no_trend() -> None:
    assert halves_p_value((0, 5), (0, 10)) == 1.0
