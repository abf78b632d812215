"""Regret, jump and what is left, by known answers and by laws that hold for any rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.episodes.decided import ALIKE_UNITS_MIN, BACK_RATIO, WINDOW, Span, decided_of, regret
from harness.history.events import Priced
from harness.history.observations import (
    BAD,
    DECLINED_FLAG,
    DEGRADED,
    DTYPE,
    GOOD,
    LOAD,
    REFERENCE_DECLINED_BEFORE,
    REFERENCE_DECLINES,
    REFERENCE_KNOWN,
    WITNESS,
    Rows,
)

COSTS = Priced(missed=20.0, declined_good=1.0)
INJECT_S, EVERY_S = 100.0, 0.01
BASELINE = 200


def rows(
    posterior: np.ndarray, before: np.ndarray, *, served: np.ndarray, reference: np.ndarray, was: np.ndarray
) -> Rows:
    """Witness rows, one every ten milliseconds from the injection on."""
    made = np.zeros(len(posterior), dtype=DTYPE)
    made["due"] = INJECT_S + EVERY_S * np.arange(len(posterior))
    made["posterior"], made["posterior_before"] = posterior, before
    made["flags"] = np.where(served, DECLINED_FLAG, 0)
    made["outcome"], made["stream"] = GOOD, WITNESS
    made["reference"] = (
        REFERENCE_KNOWN
        | np.where(reference, REFERENCE_DECLINES, 0)
        | np.where(was, REFERENCE_DECLINED_BEFORE, 0)
    )
    return made


def concept(n: int, healed_from: int, hit: float = 0.1) -> Rows:
    """A tenth of the units become frauds that the system as prepared approves, served so at first."""
    changed = np.random.default_rng(1).random(n) < hit
    return rows(
        np.where(changed, 0.7, 0.001),
        np.full(n, 0.001),
        served=changed & (np.arange(n) >= healed_from),
        reference=np.zeros(n, dtype=bool),
        was=np.zeros(n, dtype=bool),
    )


def baseline(n: int = BASELINE, unlike: int = 0) -> Rows:
    """Decisions before the fault, every tenth declined; in ``unlike`` the reference says otherwise."""
    declined = np.arange(n) % 10 == 0
    made = rows(
        np.full(n, 0.001),
        np.full(n, 0.001),
        served=declined,
        reference=declined ^ (np.arange(n) < unlike),
        was=declined,
    )
    made["due"] -= n * EVERY_S
    return made


def judged(made: Rows, end_s: float = 1e9, *, before: Rows | None = None, **more: float):
    every = np.concatenate([baseline() if before is None else before, made])
    span = Span(inject_s=INJECT_S, end_s=end_s, first_s=INJECT_S, **more)
    return decided_of(every, COSTS, span)


def test_the_regret_of_a_decision_is_what_it_costs_above_the_best_one():
    p = np.array([0.7, 0.7, 0.01, 0.01, 1 / 21])
    declines = np.array([False, True, False, True, True])
    np.testing.assert_allclose(regret(p, declines, COSTS), [14.0 - 0.3, 0, 0, 0.99 - 0.2, 0], atol=1e-9)


def test_where_nobody_learns_all_of_the_jump_is_left():
    found = judged(concept(3000, healed_from=3000))
    assert found.n == 3000
    assert found.jump == pytest.approx(0.1 * (14.0 - 0.3), rel=0.15)
    assert found.excess_sum == found.jump_sum > 0
    assert [window.left_ratio for window in found.windows] == [1.0] * 6
    assert found.last.left_ratio == 1.0
    assert found.back_s is None


def test_what_was_won_back_is_seen_in_the_windows_after_it():
    found = judged(concept(3000, healed_from=1250))
    assert [window.left_ratio for window in found.windows[:2]] == [1.0, 1.0]
    assert 0.2 < found.windows[2].left_ratio < 0.8
    assert [window.left_ratio for window in found.windows[3:]] == [0.0] * 3
    assert found.back_s == pytest.approx(15.0)
    assert 0 < found.excess_sum < found.jump_sum


def test_a_relapse_takes_back_what_was_back():
    made = concept(3000, healed_from=1000)
    made["flags"][2500:] = 0
    assert judged(made).back_s is None
    assert judged(made).last.left_ratio == 1.0


def test_a_relapse_behind_the_last_whole_window_counts_too():
    made = concept(2490, healed_from=1000)
    assert judged(made).back_s == pytest.approx(10.0)
    made["flags"][2000:] = 0
    assert judged(made).last.left_ratio > 0.9
    assert judged(made).back_s is None


def test_one_good_window_is_not_back_yet():
    made = concept(1500, healed_from=1000)
    assert judged(made).windows[-1].left_ratio == judged(made).last.left_ratio == 0.0
    assert judged(made).back_s is None
    assert judged(concept(2000, healed_from=1000)).back_s == pytest.approx(10.0)


def test_what_comes_after_the_end_of_a_move_is_no_healing_of_it():
    made = concept(3000, healed_from=3000)
    made["posterior"][1500:] = 0.001
    assert judged(made).last.left_ratio is None
    while_there = judged(made, end_s=INJECT_S + 15.0)
    assert (while_there.n, while_there.last.left_ratio, while_there.back_s) == (1500, 1.0, None)


def test_a_recurring_move_is_judged_in_its_halves():
    made = concept(4000, healed_from=2000)
    off = (np.arange(4000) // 500) % 2 == 1
    made["posterior"][off] = 0.001
    found = judged(made, onset_s=INJECT_S, period_s=10.0)
    assert found.n == 2000
    assert [window.left_ratio for window in found.windows] == [1.0, 1.0, 0.0, 0.0]
    assert found.back_s == pytest.approx(20.0)


def test_a_reference_that_is_not_the_system_that_runs_judges_nothing():
    made = concept(1000, healed_from=1000)
    assert judged(made, before=baseline(unlike=2)).why == ""
    other = judged(made, before=baseline(unlike=100))
    assert other.why == "before the first fault the system decided 50% of units as the reference did"
    assert (other.last, other.windows, other.n) == (None, (), 1000)
    assert "tell what is in service" in judged(made, before=baseline(ALIKE_UNITS_MIN - 1)).why


def test_only_what_is_due_in_the_span_and_was_answered_counts():
    made = concept(3000, healed_from=3000)
    made["outcome"][:700] = BAD
    made["outcome"][700:1000] = DEGRADED
    made["stream"][1000:1500] = LOAD
    found = judged(made, end_s=INJECT_S + 20)
    assert (found.n, found.unanswered) == (800, 700)
    assert len(found.windows) == 1
    assert found.last.until_s == pytest.approx(19.99)


def test_a_jump_that_cannot_be_told_from_none_leaves_no_ratio():
    still = judged(concept(3000, healed_from=0, hit=0.0))
    assert (still.jump, still.back_s) == (0.0, None)
    assert all(window.left_ratio is None for window in still.windows)
    rare = judged(concept(1000, healed_from=1000, hit=0.004))
    assert rare.windows[0].jump > 0
    assert rare.windows[0].left_ratio is None


def test_a_shift_of_who_comes_is_measured_against_who_would_have_come():
    n = 1000
    found = judged(
        rows(
            np.full(n, 0.3),
            np.full(n, 0.001),
            served=np.ones(n, dtype=bool),
            reference=np.arange(n) % 2 == 0,
            was=np.zeros(n, dtype=bool),
        )
    )
    assert found.jump == pytest.approx((20 * 0.3 - 0.7) / 2)
    assert found.last.left_ratio == pytest.approx(0.0)


def test_decisions_that_are_better_than_ever_are_below_zero_and_not_clipped():
    n = 1000
    made = concept(n, healed_from=0)
    made["posterior_before"], made["reference"] = 0.5, REFERENCE_KNOWN
    assert judged(made).last.excess < 0


@pytest.mark.parametrize("column", ["posterior", "posterior_before"])
def test_without_truth_nothing_is_said(column):
    made = concept(1000, healed_from=1000)
    made[column] = np.nan
    assert judged(made) is None


def test_without_costs_a_reference_or_rows_nothing_is_said():
    made = concept(1000, healed_from=1000)
    assert decided_of(made, None, Span(inject_s=INJECT_S, end_s=1e9, first_s=INJECT_S)) is None
    assert judged(made[:0]) is None
    made["reference"] = 0
    assert judged(made) is None


def test_too_few_decisions_for_a_window_are_not_judged():
    found = judged(concept(WINDOW - 1, healed_from=0))
    assert (found.n, found.windows, found.last) == (WINDOW - 1, (), None)
    assert found.why == "499 decisions; 500 are needed"
    lost = concept(1000, healed_from=0)
    lost["outcome"] = BAD
    assert (judged(lost).n, judged(lost).unanswered) == (0, 1000)


@given(st.integers(WINDOW, 4 * WINDOW), st.floats(0.0, 1.0), st.integers(0, 2**31))
def test_whoever_decides_best_leaves_no_more_than_whoever_does_not(n: int, share: float, seed: int) -> None:
    dice = np.random.default_rng(seed)
    posterior, before = dice.random(n), dice.random(n) * 0.04
    best = posterior * 20 > 1 - posterior
    some = np.where(dice.random(n) < share, best, dice.random(n) < 0.5)
    plain = {"reference": np.zeros(n, dtype=bool), "was": np.zeros(n, dtype=bool)}
    ideal, other = (judged(rows(posterior, before, served=one, **plain)) for one in (best, some))
    assert ideal.excess_sum <= other.excess_sum + 1e-6
    assert ideal.excess_sum == pytest.approx(0.0, abs=1e-3 * n)
    assert all(window.left_ratio <= BACK_RATIO for window in ideal.windows)
    assert other.jump == ideal.jump > 0
