"""What is above a number comes whole, oldest first, whatever was kept."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.newest import newer


@given(
    numbers=st.sets(st.integers(0, 40)),
    after=st.integers(-1, 41),
    limit=st.integers(0, 10),
)
def test_it_gives_what_reading_all_of_it_would(numbers, after, limit):
    kept = deque(sorted(numbers))
    assert newer(kept, int, after, limit) == [one for one in kept if one > after][:limit]


def test_a_look_at_what_is_new_does_not_read_what_is_old():
    asked = []

    def number_of(one):
        asked.append(one)
        return one

    assert newer(deque(range(10_000)), number_of, 9_997, 10) == [9_998, 9_999]
    assert len(asked) <= 3
