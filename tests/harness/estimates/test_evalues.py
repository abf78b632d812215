"""Evidence that may be looked at at any time: by its null hypothesis it is worth one on average, exactly."""

from __future__ import annotations

import math
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from harness.estimates.evalues import BETS, RankEvidence, RateEvidence, ShareEvidence

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
