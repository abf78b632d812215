"""The breaker on simulated hops: no false trips at the borne share, quick on real failures."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.resilience.breaker import Breaker, BreakerConfig, Outcome, least_rejecting

RATE_HZ = 50.0
EVENTS = st.lists(
    st.tuples(st.sampled_from(["good", "slow", "failed", "unknown", "not ended"]), st.floats(0, 3)),
    max_size=200,
)


def _breaker(seed: int = 1, **config: float) -> Breaker:
    return Breaker(BreakerConfig(**config), random.Random(seed).random)  # type: ignore[arg-type]


def _trips(breaker: Breaker, failed_share: float, calls: int, seed: int) -> int | None:
    """After how many calls it opened; None if it never did."""
    dice = random.Random(seed)
    for index in range(calls):
        now_s = index / RATE_HZ
        ticket = breaker.admit(now_s)
        if ticket is None:
            return index
        breaker.ended(ticket, "failed" if dice.random() < failed_share else "good", now_s)
    return None


@pytest.mark.parametrize("seed", range(4))
def test_at_the_borne_share_of_errors_it_never_trips(seed: int) -> None:
    # By the union bound it would, with probability at most 2 * 50,000 * 1e-9.
    assert _trips(_breaker(failed_share=0.05), 0.05, 50_000, seed) is None


def test_an_alpha_of_everyday_statistics_would_trip_at_the_borne_share() -> None:
    """What the small alpha is for: the same test at 1 % opens a hop that is as it should be."""
    assert _trips(_breaker(failed_share=0.05, alpha=0.01), 0.05, 50_000, 0) is not None


@pytest.mark.parametrize(("share", "at_most"), [(1.0, 10), (0.6, 60), (0.4, 300)])
@pytest.mark.parametrize("seed", range(10))
def test_a_hop_that_fails_is_given_up_soon(share: float, at_most: int, seed: int) -> None:
    opened = _trips(_breaker(failed_share=0.05), share, 2000, seed)
    assert opened is not None
    assert 10 <= opened <= at_most


def test_a_hop_that_dies_after_a_long_good_time_is_given_up_as_soon() -> None:
    breaker = _breaker(failed_share=0.2)
    for index in range(1000):
        breaker.ended(_ticket(breaker, index / RATE_HZ), "good", index / RATE_HZ)
    failures = 0
    while breaker.state == "closed":
        breaker.ended(_ticket(breaker, 20.0), "failed", 20.0)
        failures += 1
    assert failures <= 20


def test_few_calls_are_no_evidence_even_if_all_fail() -> None:
    breaker = _breaker()
    for index in range(9):
        breaker.ended(_ticket(breaker, index), "failed", float(index) / 10)
    assert breaker.state == "closed"


def test_old_failures_do_not_count_with_new_ones() -> None:
    breaker = _breaker()
    for index in range(300):
        breaker.ended(_ticket(breaker, index), "failed", index * 2.0)  # five in any ten seconds
    assert breaker.state == "closed"


def test_calls_that_are_all_slow_open_it_and_half_of_them_do_not() -> None:
    breaker = _breaker()
    for index in range(2000):
        breaker.ended(_ticket(breaker, index / 50), "slow" if index % 2 else "good", index / 50)
    assert breaker.state == "closed"
    for index in range(2000, 2100):
        if (ticket := breaker.admit(index / 50)) is not None:
            breaker.ended(ticket, "slow", index / 50)
    assert breaker.state == "open"
    assert "slow" in breaker.why


def test_while_open_nothing_passes_then_a_few_probes_and_good_ones_close_it() -> None:
    breaker = _opened(wait_s=1.0, probes=2, good_probes=3)
    assert breaker.admit(0.49) is None
    first, second, third = breaker.admit(1.0), breaker.admit(1.0), breaker.admit(1.0)
    assert first is not None
    assert second is not None
    assert third is None
    breaker.ended(first, "good", 1.01)
    breaker.ended(second, "unknown", 1.01)  # a cancelled probe says nothing, and its place is free again
    for _ in range(2):
        assert breaker.state == "half_open"
        breaker.ended(_ticket(breaker, 1.02), "good", 1.03)
    assert breaker.state == "closed"


def test_each_failed_probe_doubles_the_wait_up_to_its_limit_and_jitter_stays_within_half() -> None:
    breaker = _opened(wait_s=0.2, wait_max_s=2.0)
    now_s, waits = 0.0, []
    for _ in range(8):
        begin_s = now_s
        while (ticket := breaker.admit(now_s)) is None:
            now_s += 0.001
        waits.append(now_s - begin_s)
        breaker.ended(ticket, "failed", now_s)
    longest = [min(2.0, 0.2 * 2**n) for n in range(8)]
    assert all(0.5 * most - 0.002 <= wait <= most + 0.002 for wait, most in zip(waits, longest, strict=True))
    assert len({round(wait / most, 3) for wait, most in zip(waits, longest, strict=True)}) > 4


def test_waits_start_small_again_only_after_a_whole_window_of_health() -> None:
    def wait_after(healthy_s: float) -> float:
        breaker = _opened(wait_s=0.2, wait_max_s=64.0, window_s=10.0)
        now_s = 0.0
        for _ in range(5):
            now_s += 64.0
            breaker.ended(_ticket(breaker, now_s), "failed", now_s)
        now_s += 64.0
        for _ in range(3):
            breaker.ended(_ticket(breaker, now_s), "good", now_s)
        now_s += healthy_s
        _fail(breaker, now_s)
        begin_s = now_s
        while breaker.admit(now_s) is None:
            now_s += 0.01
        return now_s - begin_s

    assert wait_after(11.0) <= 0.21
    assert wait_after(1.0) >= 3.0


def test_a_call_that_began_before_it_opened_changes_nothing() -> None:
    breaker = _breaker()
    late = _ticket(breaker, 0.0)
    _fail(breaker, 0.0)
    assert breaker.admit(5.0) is not None
    assert breaker.state == "half_open"
    breaker.ended(late, "good", 5.0)
    breaker.ended(late, "failed", 5.0)
    assert breaker.state == "half_open"


@given(EVENTS, st.integers(0, 99))
def test_whatever_happens_probes_are_bounded_and_it_lets_calls_through_again(
    events: list[tuple[str, float]], seed: int
) -> None:
    config = BreakerConfig()
    breaker = Breaker(config, random.Random(seed).random)
    now_s, under_way = 0.0, []
    for what, gap_s in events:
        now_s += gap_s
        ticket = breaker.admit(now_s)
        if ticket is None:
            continue
        if breaker.state == "half_open":
            under_way.append(ticket)
            assert sum(t == ticket for t in under_way) <= config.probes
        if what != "not ended":
            under_way = [t for t in under_way if t != ticket] + [ticket] * (under_way.count(ticket) - 1)
            breaker.ended(ticket, what, now_s)  # type: ignore[arg-type]
    for ticket in under_way:
        breaker.ended(ticket, "good", now_s)
    for _ in range(config.good_probes):
        now_s += config.wait_max_s
        if (ticket := breaker.admit(now_s)) is not None:
            breaker.ended(ticket, "good", now_s)
    assert breaker.state == "closed"


@given(st.integers(1, 100), st.floats(0.001, 0.9), st.floats(1e-12, 0.5))
def test_the_least_rejecting_count_is_the_first_whose_tail_is_within_alpha(
    count: int, share: float, alpha: float
) -> None:
    def tail(k: int) -> float:
        terms = (math.comb(count, i) * share**i * (1 - share) ** (count - i) for i in range(k, count + 1))
        return math.fsum(terms)

    least = least_rejecting(count, share, alpha)
    assert tail(least) <= alpha * (1 + 1e-9)
    assert tail(least - 1) > alpha * (1 - 1e-9)


def _ticket(breaker: Breaker, now_s: float) -> int:
    ticket = breaker.admit(now_s)
    assert ticket is not None
    return ticket


def _fail(breaker: Breaker, now_s: float) -> None:
    outcome: Outcome = "failed"
    while breaker.state == "closed":
        breaker.ended(_ticket(breaker, now_s), outcome, now_s)


def _opened(**config: float) -> Breaker:
    """A breaker that opened at instant 0."""
    breaker = _breaker(**config)
    _fail(breaker, 0.0)
    assert breaker.state == "open"
    return breaker
