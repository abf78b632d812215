"""M-28: a rolling z-score of the ingestion rate: window 100, warm-up 30, three standard deviations.

Comes in: one value after the other. Goes out: whether it is called anomalous.

Known defects. The value is in the window that it is compared with: a step of three standard deviations is
flagged on its first values and has vanished 20 values later, so a check "is it still bad?" reads healthy
while it is. A slow ramp is hardly ever flagged. On heavy-tailed or day-and-night data 17 to 66 clean values
of 1,000 are.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean, pstdev

WINDOW, WARM_UP, SIGMAS = 100, 30, 3.0


class RollingZ:
    """The detector; one for each rate.

    >>> detector = RollingZ()
    >>> [detector.see(float(value % 7)) for value in range(60)].count(True)
    0
    >>> detector.see(500.0)
    True
    """

    def __init__(self, window: int = WINDOW, warm_up: int = WARM_UP, sigmas: float = SIGMAS) -> None:
        self._values: deque[float] = deque(maxlen=window)
        self._warm_up = warm_up
        self._sigmas = sigmas

    def see(self, value: float) -> bool:
        """Take a value in; True where it lies more than three deviations from the mean of the window.

        What is no finite number is no data: it is neither kept nor flagged.
        """
        if not math.isfinite(value):
            return False
        self._values.append(value)
        if len(self._values) < self._warm_up:
            return False
        mean, spread = fmean(self._values), pstdev(self._values)
        return spread > 0 and abs(value - mean) / spread > self._sigmas
