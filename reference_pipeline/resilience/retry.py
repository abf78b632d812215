"""Whether a failed call is made again, and after which wait.

Comes in: each call, each failure, the time left. Goes out: a wait in seconds, or None. Full jitter
(wait uniform in [0, base * 2^n], capped) so that callers do not come back together; a budget, so
that a sick hop never gets more than ``1 + ratio`` times its load, whatever fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """``base_s`` and ``cap_s`` bound the waits; the rest bounds how many retries there are."""

    attempts_max: int = 3
    base_s: float = 0.004
    cap_s: float = 0.02
    least_s: float = 0.01  # with less time left for it, an attempt is no more than load
    ratio: float = 0.1  # retries that a call pays for
    tokens_max: float = 10.0  # savings: what a quiet hour may spend at once


class RetryBudget:
    """The retries of one edge, by all its callers together. ``dice`` gives numbers in [0, 1).

    >>> budget = RetryBudget(RetryConfig(base_s=0.004), dice=lambda: 0.5)
    >>> budget.after_failure(attempt=1, transient=True, left_s=0.08)
    0.002
    >>> budget.after_failure(attempt=1, transient=False, left_s=0.08) is None
    True
    >>> budget.after_failure(attempt=3, transient=True, left_s=0.08) is None
    True
    """

    def __init__(self, config: RetryConfig, dice: Callable[[], float]) -> None:
        self._config = config
        self._dice = dice
        self._tokens = config.tokens_max

    @property
    def tokens(self) -> float:
        """Retries that could be made now."""
        return self._tokens

    def called(self) -> None:
        """Note a first attempt: it pays its part of a retry."""
        self._tokens = min(self._config.tokens_max, self._tokens + self._config.ratio)

    def after_failure(self, *, attempt: int, transient: bool, left_s: float) -> float | None:
        """Decide after the failure of attempt number ``attempt`` (from 1): wait so long, or give up.

        ``transient``: asking the same again may well succeed. The wait and ``least_s`` for the next
        attempt fit into ``left_s``, and a token is spent.
        """
        config = self._config
        if not transient or attempt >= config.attempts_max or self._tokens < 1.0:
            return None
        wait_s = self._dice() * min(config.cap_s, config.base_s * 2.0 ** (attempt - 1))
        if wait_s + config.least_s > left_s:
            return None
        self._tokens -= 1.0
        return wait_s
