"""An event loop's selector that waits to the microsecond, where epoll rounds up to whole milliseconds.

Comes in: a time-out. Goes out: ready descriptors, or nothing once it has passed, and not a millisecond later.
A delay of both ways has two such waits: rounded, they made 100 ms into 101.6.
"""

from __future__ import annotations

import select
import selectors

FINE_S = 0.005  # the last stretch of a wait, done finely
EARLY_S = 0.003  # a longer wait ends so much before, and epoll's rounding keeps it before


class PreciseSelector(selectors.EpollSelector):
    """Epoll, whose own descriptor is waited for by ``select``, which counts microseconds.

    A long wait returns early with nothing; the loop then asks again for the rest.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for ready descriptors, at most ``timeout`` seconds."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if timeout > FINE_S:
            return super().select(timeout - EARLY_S)
        select.select([self.fileno()], [], [], timeout)
        return super().select(0)
