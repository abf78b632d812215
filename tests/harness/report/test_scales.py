"""Axes carry round values at a readable distance."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.report.scales import even_ticks, root, ticks


@given(st.floats(0.1, 1000))
def test_ticks_end_at_the_limit_and_keep_their_distance(limit):
    scale = root(limit, 0, 200)
    values = ticks(limit, scale, 34)
    assert values[0] == 0
    assert values[-1] == limit
    assert all(scale(b) - scale(a) >= 34 for a, b in itertools.pairwise(values))


def test_even_ticks_contain_zero_where_the_axis_does():
    assert 0.0 in even_ticks(-0.17, 0.84, 10)
