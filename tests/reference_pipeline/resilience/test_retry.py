"""Retries: classified, jittered, within the deadline, and never a storm."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.resilience.retry import RetryBudget, RetryConfig

CONFIG = RetryConfig()


@given(st.integers(1, 5), st.floats(0, 0.2), st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_in_its_jitter_and_leaves_time_for_the_attempt(
    attempt: int, left_s: float, die: float
) -> None:
    wait_s = RetryBudget(CONFIG, lambda: die).after_failure(attempt=attempt, transient=True, left_s=left_s)
    if wait_s is not None:
        assert 0 <= wait_s <= min(CONFIG.cap_s, CONFIG.base_s * 2 ** (attempt - 1))
        assert wait_s + CONFIG.least_s <= left_s
        assert attempt < CONFIG.attempts_max


@given(st.integers(1, 5), st.floats(0, 10))
def test_what_is_not_transient_is_never_tried_again(attempt: int, left_s: float) -> None:
    budget = RetryBudget(CONFIG, lambda: 0.0)
    assert budget.after_failure(attempt=attempt, transient=False, left_s=left_s) is None
    assert budget.tokens == CONFIG.tokens_max


def test_a_hop_where_everything_fails_gets_at_most_a_tenth_more_than_its_load() -> None:
    budget = RetryBudget(CONFIG, random.Random(1).random)
    calls, retries = 10_000, 0
    for _ in range(calls):
        budget.called()
        attempt = 1
        while budget.after_failure(attempt=attempt, transient=True, left_s=1.0) is not None:
            retries += 1
            attempt += 1
    assert CONFIG.ratio * calls * 0.99 <= retries <= CONFIG.ratio * calls + CONFIG.tokens_max


def test_two_callers_do_not_come_back_at_the_same_instant() -> None:
    budget = RetryBudget(CONFIG, random.Random(1).random)
    waits = {budget.after_failure(attempt=1, transient=True, left_s=1.0) for _ in range(8)}
    assert len(waits) == 8


@given(st.lists(st.booleans(), max_size=300))
def test_savings_never_exceed_their_limit_and_are_never_overdrawn(failures: list[bool]) -> None:
    budget = RetryBudget(CONFIG, lambda: 0.0)
    for failed in failures:
        budget.called()
        if failed:
            budget.after_failure(attempt=1, transient=True, left_s=1.0)
        assert 0 <= budget.tokens <= CONFIG.tokens_max
