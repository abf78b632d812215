"""One scan, and what it says in the journal: once an episode, however long an alarm lasts.

Comes in: components, batch by batch. Goes out: ``detected`` entries that name column, direction and since
when. An episode ends when some batches in a row that could be judged were no alarm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.scan import Baseline, Scan, step
from reference_pipeline.healing.scribe import Facts, Scribe

_CALM, _CALM_OF_CYCLES = 100, 16  # batches of a hundred rows each; of a half hour of the world each


class Stream:
    """The scan of ``baseline``, told under ``target``."""

    def __init__(self, target: str, scribe: Scribe, baseline: Baseline) -> None:
        self._target = target
        self._scribe = scribe
        self._baseline = baseline
        self._scan = Scan.fresh(baseline)
        self._calm_batches = _CALM_OF_CYCLES if len(baseline.mean) > 1 else _CALM
        self._calm = 0

    def take(self, components: Sequence[float], phase: int) -> bool:
        """Take one batch in, empty where there was nothing to look at; tell whether it is an alarm.

        Raises:
            StoreFailed: the journal cannot be written.
        """
        values = np.array(components) if components else None
        self._scan, reading = step(self._baseline, self._scan, values, phase)
        if reading.says == "alarm":
            self._calm = 0
            self._tell(reading)
            return True
        # What never varies is never quiet: it is enough that it was looked at and is as it always was.
        if reading.statistic is not None:
            self._calm += 1
            if self._calm == self._calm_batches:
                self._scribe.close(self._target)
        return False

    def _tell(self, reading: Reading) -> None:
        facts: Facts = {
            "batches": reading.window,
            "statistic": round(reading.statistic or 0.0, 3),
            "threshold": round(reading.threshold or 0.0, 3),
        }
        self._scribe.saw_once(self._target, f"{reading.where} has moved: {reading.how}", facts)
