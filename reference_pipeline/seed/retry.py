"""M-40: retry as a decorator: three tries and fixed waits, in two variants.

Comes in: a call without arguments that fails by raising. Goes out: its first success, or its last
failure after the last wait. The clock is passed in; there are no dice, as there is no jitter.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from reference_pipeline.ports import Clock

Result = TypeVar("Result")
Attempt = Callable[[], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``tries`` attempts; ``waits_s`` are the waits in seconds after the first, second, .. failure.

    Known defects: a wait knows nothing of who waits for the answer; no budget bounds the retries of
    all callers together, so a sick hop gets ``tries`` times its load; without jitter all callers
    come back in the same instant; what cannot succeed is tried as often as what can.
    """

    tries: int
    waits_s: tuple[float, ...]

    @property
    def healing_wait_s(self) -> float:
        """The waits that another try follows: an outage that ends within them is survived."""
        return sum(self.waits_s[: self.tries - 1])

    @property
    def losing_wait_s(self) -> float:
        """All the waits: how long a caller stands in vain when the outage lasts."""
        return sum(self.waits_s[: self.tries])

    def avoided_share(self, mean_outage_s: float) -> float:
        """Share of outages of exponential length that the waits outlast: 1 - exp(-W / m).

        >>> round(DECORATOR.avoided_share(5.9), 2), round(DECORATOR.avoided_share(60.0), 2)
        (0.4, 0.05)
        >>> round(LIBRARY.avoided_share(16.0), 2)
        0.39
        """
        return 1.0 - math.exp(-self.healing_wait_s / mean_outage_s)


# Waits 2 ** n after *every* failure: the 4 s come after the last try, and no try follows them.
DECORATOR = RetryPolicy(tries=3, waits_s=(1.0, 2.0, 4.0))
# Exponential with multiplier 1 (2 ** 0, 2 ** 1) clipped to 4 .. 10 s: both waits are the lower limit.
LIBRARY = RetryPolicy(tries=3, waits_s=(4.0, 4.0))


def retrying(
    policy: RetryPolicy, clock: Clock, retry_on: type[Exception]
) -> Callable[[Attempt[Result]], Attempt[Result]]:
    """Make the decorator: the decorated call is tried again on ``retry_on``.

    Raises:
        retry_on: of the last try, by the decorated call, after all waits.
    """

    def decorate(attempt: Attempt[Result]) -> Attempt[Result]:
        @functools.wraps(attempt)
        async def tried() -> Result:
            failure: Exception | None = None
            for wait_s in _waits(policy):
                try:
                    return await attempt()
                except retry_on as error:
                    failure = error
                await clock.sleep_s(wait_s)
            raise failure or ValueError("a retry without a try")

        return tried

    return decorate


def _waits(policy: RetryPolicy) -> Iterator[float]:
    """One wait for each try, 0 where none is written."""
    for index in range(policy.tries):
        yield policy.waits_s[index] if index < len(policy.waits_s) else 0.0
