"""The circuit breaker: when a hop is not asked at all.

Comes in: who wants to call, how each call ended, the instant. Goes out: whether the call may be
made, and the state. It opens on evidence, not on a share: over the last ``windows`` calls of the last
``window_s`` seconds an exact binomial test must reject "the share of failed calls is at most
``failed_share``" (or the same of slow calls) at level ``alpha``. A short window sees a hop that has just
died behind its good past, a long one sees a part that fails. The tests are made after each call, so
``alpha`` is small: by the union bound a hop with both shares at their limits opens it within N
independent calls with probability at most 4 * N * alpha (two windows, two tests).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["closed", "half_open", "open"]
Outcome: TypeAlias = Literal["good", "slow", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerConfig:
    """Shares that are borne, sizes of the window, waits between probes (seconds)."""

    failed_share: float = 0.05
    slow_share: float = 0.5
    alpha: float = 1e-9
    windows: tuple[int, ...] = (20, 100)
    window_s: float = 10.0
    calls_min: int = 10
    wait_s: float = 0.2  # the first wait before probes; each failed probe doubles it
    wait_max_s: float = 1.0
    probes: int = 2  # calls that may be under way at once while half open
    good_probes: int = 3  # in a row, to close


class _Ended(NamedTuple):
    at_s: float
    failed: bool
    slow: bool


class Breaker:
    """One edge's breaker. ``dice`` gives numbers in [0, 1) and jitters the waits.

    A call is allowed by a ticket from :meth:`admit`, which is given back to :meth:`ended` once,
    whatever happened; outcomes of calls that began in an earlier state change nothing.
    """

    def __init__(self, config: BreakerConfig, dice: Callable[[], float]) -> None:
        self._config = config
        self._dice = dice
        self._calls: deque[_Ended] = deque(maxlen=max(config.windows))
        self._generation = 0
        self._probing = self._good_probes = 0
        self._reopenings = 0
        self._changed_s = self._retry_s = -math.inf
        self.state: State = "closed"
        self.why = ""

    def admit(self, now_s: float) -> int | None:
        """Give a ticket for one call, or None: it must not be made now."""
        if self.state == "open" and now_s >= self._retry_s:
            self._turn("half_open", now_s, f"waited {now_s - self._changed_s:.2f} s; probing")
        if self.state == "open" or (self.state == "half_open" and self._probing >= self._config.probes):
            return None
        self._probing += self.state == "half_open"
        return self._generation

    def ended(self, ticket: int, outcome: Outcome, now_s: float) -> None:
        """Note how the call of ``ticket`` ended; ``unknown`` (cancelled) is no evidence."""
        if ticket != self._generation:
            return
        if self.state == "half_open":
            self._probed(outcome, now_s)
        elif outcome != "unknown":
            self._calls.append(_Ended(now_s, outcome == "failed", outcome != "good"))
            if outcome != "good" and (why := self._evidence(now_s)):
                self._open(now_s, why)

    def _probed(self, outcome: Outcome, now_s: float) -> None:
        self._probing -= 1
        match outcome:
            case "good":
                self._good_probes += 1
                if self._good_probes >= self._config.good_probes:
                    self._turn("closed", now_s, f"{self._good_probes} probes in a row were good")
            case "slow" | "failed":
                self._open(now_s, f"a probe was {outcome}")
            case "unknown":
                pass

    def _evidence(self, now_s: float) -> str:
        """Say why the window forces it open; empty when it does not."""
        config = self._config
        while self._calls and self._calls[0].at_s < now_s - config.window_s:
            self._calls.popleft()
        calls = list(self._calls)
        for window in config.windows:
            if why := self._excess(calls[-window:]):
                return why
        return ""

    def _excess(self, calls: Sequence[_Ended]) -> str:
        config, count = self._config, len(calls)
        if count < config.calls_min:
            return ""
        failed = sum(call.failed for call in calls)
        if failed >= least_rejecting(count, config.failed_share, config.alpha):
            return f"{failed} of {count} calls failed; {config.failed_share:.0%} is borne"
        slow = sum(call.slow for call in calls)
        if slow >= least_rejecting(count, config.slow_share, config.alpha):
            return f"{slow} of {count} calls were slow; {config.slow_share:.0%} is borne"
        return ""

    def _open(self, now_s: float, why: str) -> None:
        """Open, for a wait that doubles until the hop has been well for a whole window."""
        config = self._config
        if self.state == "closed" and now_s - self._changed_s >= config.window_s:
            self._reopenings = 0
        longest_s = min(config.wait_max_s, config.wait_s * 2.0 ** min(self._reopenings, 30))
        self._reopenings += 1
        self._turn("open", now_s, why)
        self._retry_s = now_s + longest_s * (0.5 + 0.5 * self._dice())

    def _turn(self, state: State, now_s: float, why: str) -> None:
        self.state, self.why = state, why
        self._changed_s = now_s
        self._generation += 1
        self._probing = self._good_probes = 0
        self._calls.clear()


@cache
def least_rejecting(count: int, share: float, alpha: float) -> int:
    """Give the least k with P(X >= k) <= alpha, X binomial of ``count`` calls and ``share``.

    ``count + 1`` when no k rejects. Exact up to rounding: the upper tail is summed from its far end.

    >>> least_rejecting(10, 0.05, 1e-9), least_rejecting(100, 0.05, 1e-9), least_rejecting(5, 0.05, 1e-9)
    (9, 23, 6)
    """
    tail = 0.0
    for k in range(count, -1, -1):
        tail += math.comb(count, k) * share**k * (1.0 - share) ** (count - k)
        if tail > alpha:
            return k + 1
    return 0
