"""Does as much come as usually, and does anything come at all? Told, and never a reason to act.

Comes in: what the gateway has counted, looked at once a second. Goes out: ``detected`` entries, once an
episode. How much is usual is learned from the first eight minutes of this life; until then, and whenever a
count cannot be taken, nothing is said of the volume. There is no cycle in it: a run is shorter than a day.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reference_pipeline.healing.detectors.baseline import BATCHES_LEAST, fit_baseline
from reference_pipeline.healing.detectors.scan import Baseline, Scan, step
from reference_pipeline.healing.detectors.volume import VOLUME, staleness, volume_component
from reference_pipeline.healing.ports import Signals
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.ports import Clock

INFLOW = "inflow"
NOTHING_COMES = "nothing has come for a while"
ALLOWED_S = 10.0
_EVERY_S = 1.0
_LATE_S = 1.5  # a look that comes later counts more than a second's records
_LEARN = BATCHES_LEAST
_RUN_LENGTH = 21_600.0  # looks to a false alarm: six hours
_QUIET = 60  # looks after which an episode is over


class Inflow:
    """Looks at the gateway; ``dice`` set the threshold."""

    def __init__(self, signals: Signals, scribe: Scribe, clock: Clock, *, dice: np.random.Generator) -> None:
        self._signals = signals
        self._scribe = scribe
        self._clock = clock
        self._dice = dice
        self._looked_s = self._counted_s = float("-inf")
        self._total: float | None = None
        self._newest_s: float | None = None
        self._seen: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self._usual: tuple[Baseline, Scan] | None = None
        self._quiet = 0

    async def look(self) -> None:
        """Take one count in, once a second.

        Raises:
            CallFailed, StoreFailed: gateway or journal failed; the next look goes on.
        """
        now_s = self._clock.now_s()
        if now_s - self._looked_s < _EVERY_S:
            return
        self._looked_s = now_s
        count = self._count(await self._signals.numbers("gateway"))
        elapsed_s, self._counted_s = now_s - self._counted_s, now_s  # a look that failed has counted nothing
        if count:
            self._newest_s = now_s
        stale = staleness(newest_s=self._newest_s, now_s=now_s, allowed_s=ALLOWED_S)
        if stale.says == "alarm":
            self._tell(NOTHING_COMES, {"age_s": round(stale.statistic or 0.0, 1)})
        self._weigh(None if count is None or elapsed_s > _LATE_S else count / elapsed_s)

    def _count(self, numbers: Mapping[str, float]) -> float | None:
        """How many came since the last look; None at the first one, and after another life of the gateway."""
        if "accepted_total" not in numbers:
            return None
        total = numbers["accepted_total"] + numbers.get("quarantined_total", 0.0)
        before, self._total = self._total, total
        return None if before is None or total < before else total - before

    def _weigh(self, count: float | None) -> None:
        component = volume_component(count)
        if self._usual is None:
            if component is not None:
                self._learn(component)
            return
        base, scan = self._usual
        scan, reading = step(base, scan, component, 0)
        self._usual = base, scan
        if reading.says == "alarm":
            facts: Facts = {"looks": reading.window, "statistic": round(reading.statistic or 0.0, 3)}
            self._tell(f"{reading.where} has moved: {reading.how}", facts)
        elif reading.says == "quiet":
            self._quiet += 1
            if self._quiet == _QUIET:
                self._scribe.close(INFLOW)

    def _learn(self, component: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        self._seen.append(component)
        if len(self._seen) == _LEARN:
            base = fit_baseline(np.array(self._seen), (VOLUME,), run_length=_RUN_LENGTH, dice=self._dice)
            self._usual = base, Scan.fresh(base)

    def _tell(self, reason: str, facts: Facts) -> None:
        self._quiet = 0
        self._scribe.saw_once(INFLOW, reason, facts)
