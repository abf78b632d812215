"""The restart policy, alone: a function of profile, exits and instants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.targets.local.profiles import PROFILES, RestartState, after_exit

FAST, KUBERNETES = PROFILES["fast"], PROFILES["kubernetes"]


def waits_of(profile, lives):
    """Waits after each life of ``(length, idle before it)`` seconds, and each exit's instant."""
    state, now_s, waits, exits = RestartState(), 0.0, [], []
    for lived_s, idle_s in lives:
        started_at_s = now_s + idle_s
        now_s = started_at_s + lived_s
        state, wait_s = after_exit(profile, state, started_at_s=started_at_s, exited_at_s=now_s)
        waits.append(wait_s)
        exits.append(now_s)
        now_s += wait_s
    return waits, exits


def test_kubernetes_restarts_at_once_then_doubles_from_ten_to_three_hundred_seconds():
    waits, _ = waits_of(KUBERNETES, [(1.0, 0.0)] * 9)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_kubernetes_forgets_after_six_hundred_seconds_of_running():
    waits, _ = waits_of(KUBERNETES, [(1.0, 0.0)] * 4 + [(600.0, 0.0), (1.0, 0.0)])
    assert waits == [0, 10, 20, 40, 0, 10]


def test_kubernetes_does_not_forget_just_before():
    waits, _ = waits_of(KUBERNETES, [(1.0, 0.0)] * 3 + [(599.9, 0.0)])
    assert waits[-1] == 40


def test_time_in_back_off_is_no_running():
    waits, _ = waits_of(KUBERNETES, [(1.0, 700.0)] * 3)
    assert waits == [0, 10, 20]


def test_fast_restarts_at_once_until_the_tenth_exit_within_ten_seconds():
    waits, _ = waits_of(FAST, [(0.1, 0.0)] * 12)
    assert waits == [0] * 9 + [1, 1, 1]


def test_fast_is_at_once_again_when_exits_are_rare():
    waits, _ = waits_of(FAST, [(0.1, 0.0)] * 12 + [(30.0, 0.0)])
    assert waits[-1] == 0


lives = st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 2000)), max_size=40)


@given(lives)
def test_no_wait_is_negative_or_above_the_ceiling(lives):
    assert all(0 <= wait_s <= 300 for wait_s in waits_of(KUBERNETES, lives)[0])
    assert all(wait_s in (0, 1) for wait_s in waits_of(FAST, lives)[0])


@given(lives)
def test_the_first_restart_is_at_once(lives):
    for profile in PROFILES.values():
        assert waits_of(profile, lives)[0][:1] in ([], [0.0])


@given(st.lists(st.floats(0, 599), min_size=1, max_size=40))
def test_without_a_long_life_the_kubernetes_wait_never_shrinks(lengths):
    waits, _ = waits_of(KUBERNETES, [(length, 0.0) for length in lengths])
    assert waits == sorted(waits)


@given(st.lists(st.floats(0, 0.5), min_size=30, max_size=60))
def test_a_crash_loop_under_fast_exits_at_most_twenty_times_within_ten_seconds(lengths):
    _, exits = waits_of(FAST, [(length, 0.0) for length in lengths])
    for at_s in exits:
        assert sum(at_s - 10 < other <= at_s for other in exits) <= 20


@given(lives)
def test_what_is_remembered_is_bounded(lives):
    state, now_s = RestartState(), 0.0
    for lived_s, _ in lives:
        now_s += lived_s
        state, _ = after_exit(FAST, state, started_at_s=now_s - lived_s, exited_at_s=now_s)
        assert len(state.recent_at_s) <= FAST.burst_count


def test_a_crash_loop_of_thousands_still_waits_the_ceiling():
    state = RestartState(row_count=5000)
    assert after_exit(KUBERNETES, state, started_at_s=0.0, exited_at_s=1.0)[1] == 300
