"""Evidence that may be looked at at any time: by its null hypothesis it is worth one on average, exactly."""

from __future__ import annotations

import math
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from harness.estimates.evalues import (
    BETS,
    JointEvidence,
    MeanEvidence,
    PairEvidence,
    RankEvidence,
    RateEvidence,
    ShareEvidence,
)

TIMES = st.lists(st.floats(0, 100) | st.just(math.inf), max_size=12)


@pytest.mark.parametrize("side", ["more", "less"])
@pytest.mark.parametrize("pool_n", [0, 1, 3])
def test_where_nothing_changed_ranks_are_fair_bets(side, pool_n) -> None:
    # A die enters each factor linearly and on its own, so its mean stands for it.
    found = []
    for order in permutations(range(pool_n + 3)):
        evidence = RankEvidence([float(rank) for rank in order[:pool_n]], side)
        for rank in order[pool_n:]:
            evidence.add(float(rank), 0.5)
        found.append([math.exp(log) for log in evidence.logs])
    for of_bet in zip(*found, strict=True):
        assert math.fsum(of_bet) / len(of_bet) == pytest.approx(1.0)


def test_among_equals_the_die_decides_and_its_mean_proves_nothing() -> None:
    evidence = RankEvidence([0.0] * 5, "more")
    for _ in range(50):
        evidence.add(0.0, 0.5)
    assert evidence.value() == pytest.approx(1.0)


@given(TIMES, st.floats(0, 100), st.floats(0, 0.999))
def test_what_never_came_back_counts_as_slower_than_whatever_did(pool, time_s, die) -> None:
    def after(value):
        evidence = RankEvidence(pool, "more")
        evidence.add(value, die)
        return evidence.value()

    assert after(math.inf) >= after(time_s)


@given(TIMES, TIMES)
def test_the_two_sides_of_one_bet_never_both_win(pool, values) -> None:
    more, less = RankEvidence(pool, "more"), RankEvidence(pool, "less")
    for value in values:
        more.add(value, 0.3)
        less.add(value, 0.3)
    for one, other in zip(more.logs, less.logs, strict=True):
        assert one + other <= 1e-9  # (1 + x)(1 - x) <= 1
    assert len(more.logs) == len(BETS)


@pytest.mark.parametrize("side", ["more", "less"])
def test_where_a_coin_decides_which_comes_first_the_sign_of_a_difference_is_a_fair_bet(side) -> None:
    pairs = [(1.0, 1.2), (3.0, 1.0), (2.0, math.inf), (0.0, 0.5), (1.0, 1.1), (7.0, 2.0)]
    worth = []
    for coins in product((False, True), repeat=len(pairs)):
        evidence = PairEvidence(side)
        for (one, other), heads in zip(pairs, coins, strict=True):
            evidence.add(one if heads else other, other if heads else one, 0.5)
        worth.append(evidence.value())
    assert math.fsum(worth) / len(worth) == pytest.approx(1.0)


def test_classes_that_share_a_coin_are_a_fair_bet_together_and_their_product_is_none() -> None:
    joint, product_of_both = [], []
    for coins in product((-1.0, 1.0), repeat=6):
        evidence, alone = JointEvidence(), JointEvidence()
        for sign in coins:
            evidence.add([sign * 0.7, sign * 0.9, -sign * 0.2])
            alone.add([sign * 0.8])
        joint.append(evidence.value())
        product_of_both.append(alone.value() ** 2)
    assert math.fsum(joint) / len(joint) == pytest.approx(1.0)
    assert math.fsum(product_of_both) / len(product_of_both) > 2.0


@given(TIMES, st.floats(0, 100), st.floats(0, 100), st.floats(0, 100), st.floats(0, 0.999))
def test_a_time_that_is_shorter_is_never_more_evidence_of_slower(before, one, other, beside, die) -> None:
    def after(value):
        evidence = PairEvidence("more")
        for earlier in before:
            evidence.add(earlier, 1.0, 0.3)
        evidence.add(value, beside, die)
        return evidence.value()

    assert after(min(one, other)) <= after(max(one, other)) * (1 + 1e-12)


@pytest.mark.parametrize(("null", "others"), [(0.05, (0.15, 0.3)), (0.15, (0.0, 0.05)), (0.5, (0.9,))])
def test_a_share_as_claimed_is_a_fair_bet(null, others) -> None:
    worth = 0.0
    for outcomes in product((False, True), repeat=8):
        evidence = ShareEvidence(null, others)
        for happened in outcomes:
            evidence.add(happened)
        k = sum(outcomes)
        worth += null**k * (1 - null) ** (8 - k) * evidence.value()
    assert worth == pytest.approx(1.0)


@pytest.mark.parametrize("side", ["more", "less"])
def test_a_mean_as_claimed_is_a_fair_bet_however_its_values_are_spread(side) -> None:
    values, chances = (0.0, 0.5, 1.0), (0.2, 0.4, 0.4)  # their mean is 0.6
    worth = 0.0
    for drawn in product(range(3), repeat=6):
        evidence = MeanEvidence(0.6, side)
        for place in drawn:
            evidence.add(values[place])
        worth += math.prod(chances[place] for place in drawn) * evidence.value()
    assert worth == pytest.approx(1.0)


@pytest.mark.parametrize(("null", "others"), [(0.5, (1.0, 4.0)), (2.0, (0.0, 0.5))])
def test_a_rate_as_claimed_is_a_fair_bet(null, others) -> None:
    worth = 0.0
    for events in range(200):
        evidence = RateEvidence(null, others)
        evidence.add(events, 3.0)
        worth += poisson.pmf(events, null * 3.0) * evidence.value()
    assert worth == pytest.approx(1.0)


def test_hours_may_come_in_pieces() -> None:
    whole, pieces = RateEvidence(0.5, (1.0, 2.0)), RateEvidence(0.5, (1.0, 2.0))
    whole.add(3, 6.0)
    for events in (0, 2, 1):
        pieces.add(events, 2.0)
    assert pieces.value() == pytest.approx(whole.value())


def test_what_cannot_be_under_the_other_hypothesis_takes_its_part_of_the_evidence_away() -> None:
    evidence = ShareEvidence(0.2, (0.0,))
    evidence.add(True)
    assert evidence.value() == 0.0


def test_evidence_beyond_what_a_float_holds_is_infinite_and_no_error() -> None:
    evidence = ShareEvidence(0.01, (0.99,))
    for _ in range(400):
        evidence.add(True)
    assert evidence.value() == math.inf
