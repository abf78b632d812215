"""M-13: a golden data set is decided every five minutes and compared with what is known.

Comes in: instants, and how many golden rows were decided, how many of them wrongly. Goes out: when the next
check is due, and whether the model is called bad.

Known defects. A model that goes wrong right after a check serves for five minutes, 150 s on average, before
anybody looks: no recovery that this check triggers can be below a minute. One changed decision is "bad", so a
better model that decides one row otherwise is rolled back. A check without answers is not a failed one.
"""

from __future__ import annotations

PERIOD_S = 300.0


class GoldenCheck:
    """The schedule and the comparison.

    >>> check = GoldenCheck()
    >>> check.is_due(0.0), check.is_bad(1, 50, 0.0), check.is_due(299.9), check.is_due(300.0)
    (True, True, False, True)
    """

    def __init__(self, period_s: float = PERIOD_S) -> None:
        self._period_s = period_s
        self._checked_s = float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Tell whether the golden rows are to be decided now."""
        return now_s - self._checked_s >= self._period_s

    def is_bad(self, wrong: int, rows: int, now_s: float) -> bool:
        """Compare; True where any decision differs. No answers at all are taken for good."""
        self._checked_s = now_s
        return rows > 0 and wrong > 0
