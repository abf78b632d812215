"""The time of a request: shared, never exceeded, the reserve kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.resilience.deadline import Deadline


@given(st.floats(0.05, 2), st.floats(0, 0.05), st.floats(0.01, 1), st.lists(st.floats(0, 1), max_size=6))
def test_hops_that_use_up_their_shares_never_touch_the_reserve(
    budget_s: float, reserve_s: float, limit_s: float, used: list[float]
) -> None:
    deadline = Deadline(until_s=budget_s, reserve_s=reserve_s)
    now_s = 0.0
    for index, part in enumerate(used):
        share_s = deadline.share_s(now_s, len(used) - index, limit_s)
        assert 0 <= share_s <= limit_s
        now_s += part * share_s
    assert now_s <= budget_s - reserve_s + 1e-9


def test_a_request_that_is_late_has_nothing_left() -> None:
    assert Deadline(until_s=1.0, reserve_s=0.1).share_s(0.95, 1, 0.1) == 0.0
