"""A stall of the witness is told once, with its whole length, and noise is not told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.driver.stalls import STALL_S, Stall, StallDetector


def test_regular_beats_are_no_stall() -> None:
    detector = StallDetector()
    assert [detector.beat(n * 0.012) for n in range(100)] == [None] * 100


def test_a_late_beat_is_a_stall_from_the_beat_before() -> None:
    detector = StallDetector()
    detector.beat(10.0)
    assert detector.beat(10.5) == Stall(10.0, 0.5)


def test_a_slot_sent_late_is_a_stall_from_its_due() -> None:
    assert StallDetector().sent(5.0, 5.25) == Stall(5.0, 0.25)
    assert StallDetector().sent(5.0, 5.004) is None


def test_all_that_one_gap_delays_is_told_once() -> None:
    detector = StallDetector()
    detector.beat(1.0)
    told = [detector.sent(1.0 + n * 0.005, 2.0 + n * 0.0001) for n in range(200)]
    told.append(detector.beat(2.02))
    assert [stall for stall in told if stall] == [Stall(1.0, 1.0)]


def test_a_second_gap_is_told_again() -> None:
    detector = StallDetector()
    for at_s in (1.0, 1.2, 1.21, 1.5):
        last = detector.beat(at_s)
    assert last is not None
    assert last.since_s == 1.21


@given(st.lists(st.floats(0, 0.4), max_size=60))
def test_told_stalls_cover_every_gap_and_never_more_than_a_threshold_is_left_out(gaps: list[float]) -> None:
    detector = StallDetector()
    at_s, told_s, long_s = 0.0, 0.0, 0.0
    detector.beat(at_s)
    for gap_s in gaps:
        at_s += gap_s
        stall = detector.beat(at_s)
        told_s += stall.lasted_s if stall else 0.0
        long_s += gap_s if gap_s > STALL_S + 1e-9 else 0.0
    assert abs(told_s - long_s) < 1e-6 + sum(abs(gap - STALL_S) < 1e-8 for gap in gaps)
