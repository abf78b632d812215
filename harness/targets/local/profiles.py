"""Restart policy as a pure function of (profile, exits so far, instants); probe periods beside it.

Comes in: one life of a process (when it started, when it ended). Goes out: how long to wait before the
next start. ``kubernetes`` follows the kubelet: the first restart at once, then 10 s doubling to 300 s,
forgotten after 600 s of running. ``fast`` is the floor: at once, but 1 s apart once 10 exits fall in 10 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class RestartProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All knobs of one profile, in seconds; 0 switches a rule off.

    ``burst_count`` exits within ``burst_window_s`` put ``burst_delay_s`` between restarts. What begins is
    asked every ``readiness_period_s``; once it has been ready, every ``watch_period_s`` if that is longer.
    """

    backoff_first_s: NotNegative = 0.0
    backoff_max_s: NotNegative = 0.0
    backoff_reset_after_s: NotNegative = 0.0
    burst_count: Annotated[int, msgspec.Meta(ge=0)] = 0
    burst_window_s: NotNegative = 0.0
    burst_delay_s: NotNegative = 0.0
    readiness_period_s: Annotated[float, msgspec.Meta(ge=0.005)] = 1.0
    watch_period_s: NotNegative = 1.0
    liveness_period_s: NotNegative = 0.0
    liveness_timeout_s: NotNegative = 1.0
    liveness_failures: Annotated[int, msgspec.Meta(ge=1)] = 3


class RestartState(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy remembers: restarts since the last reset, and recent exits (instants)."""

    row_count: int = 0
    recent_at_s: tuple[float, ...] = ()


PROFILES: Mapping[str, RestartProfile] = {
    "fast": RestartProfile(burst_count=10, burst_window_s=10.0, burst_delay_s=1.0, readiness_period_s=0.02),
    "kubernetes": RestartProfile(
        backoff_first_s=10.0,
        backoff_max_s=300.0,
        backoff_reset_after_s=600.0,
        readiness_period_s=1.0,
        liveness_period_s=10.0,
    ),
}


def after_exit(
    profile: RestartProfile, state: RestartState, *, started_at_s: float, exited_at_s: float
) -> tuple[RestartState, float]:
    """Count one exit and give the seconds to wait before the next start.

    >>> state, waits = RestartState(), []
    >>> for start in (0.0, 1.0, 12.0, 33.0):
    ...     state, wait = after_exit(PROFILES["kubernetes"], state, started_at_s=start, exited_at_s=start + 1)
    ...     waits.append(wait)
    >>> waits
    [0.0, 10.0, 20.0, 40.0]
    """
    lived_s = exited_at_s - started_at_s
    forget = profile.backoff_reset_after_s > 0 and lived_s >= profile.backoff_reset_after_s
    row_count = 0 if forget else state.row_count
    recent = _recent(profile, (*state.recent_at_s, exited_at_s))
    wait_s = max(_backoff_s(profile, row_count), _burst_s(profile, recent))
    return RestartState(row_count=row_count + 1, recent_at_s=recent), wait_s


def _backoff_s(profile: RestartProfile, row_count: int) -> float:
    if row_count == 0:
        return 0.0
    # The exponent is capped: 2.0 ** 1100 is no float, and the ceiling is reached long before.
    return min(profile.backoff_first_s * 2.0 ** min(row_count - 1, 64), profile.backoff_max_s)


def _recent(profile: RestartProfile, exits_at_s: tuple[float, ...]) -> tuple[float, ...]:
    """Keep what the burst rule can still need: the last ``burst_count`` exits within the window."""
    if profile.burst_count == 0:
        return ()
    since_s = exits_at_s[-1] - profile.burst_window_s
    return tuple(at_s for at_s in exits_at_s if at_s > since_s)[-profile.burst_count :]


def _burst_s(profile: RestartProfile, recent_at_s: tuple[float, ...]) -> float:
    full = profile.burst_count > 0 and len(recent_at_s) >= profile.burst_count
    return profile.burst_delay_s if full else 0.0
