"""M-34: the confidence of what serves, over 1,000 requests; 5 % below its reference leads to a rollback.

Comes in: scores as they were served. Goes out: a reading. Confidence is the mean of max(p, 1 - p). The recipe
does not say what the reference is: here it is the first whole window.

Known defects. Confidence is no accuracy: a model that is sure of the opposite is as sure as before, and the
reading hardly moves while every decision is another one. One score for everybody, near 0 or 1, is as certain
as can be. At 2 % frauds the mean is near 0.98 whoever decides: to fall by 5 % requests must lose 0.05 each.
Where its world becomes harder an honest model is rightly less sure, and is rolled back for it. One that is
wrong from the start is its own reference.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from statistics import fmean

from reference_pipeline.healing.detectors.reading import Reading

WINDOW = 1000
FALL_RATIO = 0.05


def confidence(scores: Collection[float], least: int = WINDOW) -> float | None:
    """Give the mean of max(p, 1 - p); None for fewer than ``least`` scores, or where one is no number.

    >>> confidence([0.1] * 600 + [0.8] * 400)
    0.86
    >>> confidence([0.1] * 999) is confidence([0.1] * 999 + [math.nan]) is None
    True
    """
    if len(scores) < max(1, least) or not all(math.isfinite(p) for p in scores):
        return None
    return fmean(max(p, 1.0 - p) for p in scores)


class ConfidenceMonitor:
    """The last ``window`` scores, and what their confidence was over the first ``window`` of them.

    >>> monitor = ConfidenceMonitor()
    >>> [monitor.see([p] * 1000).says for p in (0.1, 0.9, 0.14, 0.15)]
    ['quiet', 'quiet', 'quiet', 'alarm']
    >>> ConfidenceMonitor().see([0.1] * 999).says
    'no data'
    """

    def __init__(self, window: int = WINDOW, fall_ratio: float = FALL_RATIO) -> None:
        self._window = window
        self._fall_ratio = fall_ratio
        self._scores: deque[float] = deque(maxlen=window)
        self._reference: float | None = None

    def see(self, scores: Sequence[float]) -> Reading:
        """Take scores in, in their order, and say how sure the last ``window`` of them are."""
        self._scores.extend(scores)
        now = confidence(self._scores, self._window)
        if now is None:
            return Reading(says="no data", means="moved")
        if self._reference is None:
            self._reference = now
        least = (1.0 - self._fall_ratio) * self._reference
        return Reading(
            says="alarm" if now < least else "quiet",
            means="moved",
            statistic=now,
            threshold=least,
            window=self._window,
        )

    def forget(self) -> None:
        """Begin the window anew, as another version serves; the reference stays."""
        self._scores.clear()
