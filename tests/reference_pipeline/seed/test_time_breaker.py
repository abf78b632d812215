"""M-15: the breaker over 30 s and the historical average it falls back to."""

from __future__ import annotations

from reference_pipeline.seed.time_breaker import HistoricalAverage, TimeBreaker

THRESHOLD = 1 / 21


def offer(breaker: TimeBreaker, *, start_s: float, seconds: float, failed_every: int = 0) -> float | None:
    """Ten calls a second of 10 ms; the instant at which it opened. ``failed_every`` 0: none fails."""
    for index in range(round(seconds * 10)):
        at_s = start_s + index / 10
        breaker.record(not failed_every or index % failed_every != 0, 0.01, at_s)
        if breaker.state == "open":
            return at_s
    return None


def test_it_opens_on_more_than_a_tenth_of_errors_over_thirty_seconds() -> None:
    """M-15: > 10 % errors for 30 s opens it, 10 % do not."""
    assert offer(TimeBreaker(), start_s=0, seconds=120, failed_every=5) == 30.0
    assert offer(TimeBreaker(), start_s=0, seconds=120, failed_every=11) is None


def test_it_opens_on_a_mean_latency_above_half_a_second() -> None:
    """M-15: latency > 500 ms; exactly 500 ms is not above."""
    slow, even = TimeBreaker(), TimeBreaker()
    for second in range(40):
        slow.record(True, 0.51, second)
        even.record(True, 0.50, second)
    assert slow.state == "open"
    assert even.state == "closed"


def test_a_short_outage_in_its_first_half_minute_is_never_seen() -> None:
    """M-15, known defect: an outage of 8 s that starts with the service opens nothing."""
    breaker = TimeBreaker()
    assert offer(breaker, start_s=0, seconds=8, failed_every=1) is None
    assert offer(breaker, start_s=50, seconds=8) is None


def test_a_warm_breaker_needs_three_seconds_of_total_outage() -> None:
    """M-15: a tenth of 30 s of even traffic is 3 s of nothing but failures."""
    breaker = TimeBreaker()
    offer(breaker, start_s=0, seconds=60)
    opened_s = offer(breaker, start_s=60, seconds=20, failed_every=1)
    assert opened_s is not None
    assert 62.5 < opened_s < 63.5


def test_one_failure_among_nine_calls_opens_it_for_want_of_a_least_number() -> None:
    """M-15, known defect: a quiet half minute with one failure is 11 % errors."""
    breaker = TimeBreaker()
    for index in range(9):
        breaker.record(index != 4, 0.01, 30.0 * index / 8)
    assert breaker.state == "open"


def test_the_mean_hides_a_slow_tail() -> None:
    """M-15, known defect: one call in 25 takes ten seconds and the mean is 410 ms."""
    breaker = TimeBreaker()
    for index in range(10_000):
        breaker.record(True, 10.0 if index % 25 == 0 else 0.01, index / 100)
    assert breaker.state == "closed"


def test_it_closes_blindly_and_opens_again_only_after_another_half_minute() -> None:
    """M-15, known defect: under a lasting outage every second half minute goes to the sick hop."""
    breaker = TimeBreaker()
    passed = []
    for index in range(10 * 150):
        if breaker.allow(index / 10):
            passed.append(index / 10)
            breaker.record(False, 0.01, index / 10)
    assert 0.5 < len(passed) / 1500 < 0.7
    assert [at_s for at_s in passed if 30.0 < at_s < 60.0] == []
    assert 75.0 in passed


def test_the_historical_average_is_one_decision_for_everybody() -> None:
    """M-15, known defect: the fallback approves every fraud, as the average of rare fraud is low."""
    average = HistoricalAverage(THRESHOLD)
    average.learn([0.005] * 980 + [0.95] * 20)  # 2 % of a kind that the model declines
    assert 0.02 < average.score < THRESHOLD
    assert average.decision == "approve"


def test_the_historical_average_declines_everybody_when_fraud_is_less_rare() -> None:
    """M-15, known defect: at 6 % fraud the same constant turns away every customer."""
    average = HistoricalAverage(THRESHOLD)
    average.learn([0.005] * 940 + [0.95] * 60)
    assert average.decision == "decline"


def test_before_any_score_the_average_is_an_approval_of_nothing_known() -> None:
    """M-15, known defect: a fresh process has no history and approves all the same."""
    assert HistoricalAverage(THRESHOLD).decision == "approve"
