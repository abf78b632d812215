"""Does as much come as usually, and does anything come at all? Told, and never a reason to act.

Comes in: what the gateway has counted, looked at once a second. Goes out: ``detected`` entries, once an
episode. What is usual is learned from what comes, five seconds at a time: how much is offered no template
knows. Eight such blocks are learned; from then on, before the first minute of traffic is over, each is judged
by those before it. There is no cycle in it: the units of this world come evenly, day and night. Whenever a
count cannot be taken, nothing is said of the volume.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reference_pipeline.healing.detectors.baseline import normal_baseline
from reference_pipeline.healing.detectors.scan import Baseline, Scan, step
from reference_pipeline.healing.detectors.usual import LEAST, MOST, Usual, see
from reference_pipeline.healing.detectors.volume import VOLUME, staleness, volume_component
from reference_pipeline.healing.ports import Signals
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.ports import Clock

INFLOW = "inflow"
NOTHING_COMES = "nothing has come for a while"
ALLOWED_S = 10.0
_EVERY_S = 1.0
_BLOCK_S = 5.0  # records come in batches: of a second's count, one more of them is half
_LATE_S = 7.5  # a block that took longer holds a pause of ours, or of the gateway
RUN_LENGTH_S = 21_600.0  # to a false alarm: six hours
_SPREAD_LEAST = 1.0  # of the root of a count (``volume``)
_QUIET = 12  # blocks after which an episode is over


class Inflow:
    """Looks at the gateway; ``dice`` set the threshold."""

    def __init__(self, signals: Signals, scribe: Scribe, clock: Clock, *, dice: np.random.Generator) -> None:
        self._signals = signals
        self._scribe = scribe
        self._clock = clock
        self._dice = dice
        self._usual = Usual()
        self._scan: tuple[Baseline, Scan] | None = None
        self._looked_s = self._began_s = float("-inf")
        self._total: float | None = None
        self._newest_s: float | None = None
        self._block = 0.0
        self._quiet = 0
        self._alarmed = False

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
        has_begun = self._newest_s is not None
        if count:
            self._newest_s = now_s
        stale = staleness(newest_s=self._newest_s, now_s=now_s, allowed_s=ALLOWED_S)
        if stale.says == "alarm":
            self._tell(NOTHING_COMES, {"age_s": round(stale.statistic or 0.0, 1)})
        # Neither before the first record nor while none comes is there anything usual.
        if count is None or not has_begun or stale.says == "alarm":
            self._block, self._began_s = 0.0, now_s
            return
        self._block += count
        length_s = now_s - self._began_s
        if length_s >= _BLOCK_S:
            block, self._block, self._began_s = self._block, 0.0, now_s
            self._weigh(None if length_s > _LATE_S else block * _BLOCK_S / length_s)

    def _count(self, numbers: Mapping[str, float]) -> float | None:
        """How many came since the last look; None at the first one, and after another life of the gateway."""
        if "accepted_total" not in numbers:
            return None
        total = numbers["accepted_total"] + numbers.get("quarantined_total", 0.0)
        before, self._total = self._total, total
        return None if before is None or total < before else total - before

    def _weigh(self, count: float | None) -> None:
        """Judge one block; while it is an alarm, what comes is not learned."""
        root = volume_component(count)
        if root is None or (not count and self._usual.count < LEAST):
            return
        learn = not self._alarmed
        self._usual, component = see(self._usual, float(root[0]), spread_least=_SPREAD_LEAST, learn=learn)
        if component is not None and self._is_alarm(component):
            return
        self._quiet += 1
        if self._quiet == _QUIET:
            self._scribe.close(INFLOW)

    def _is_alarm(self, component: float) -> bool:
        base, scan = self._scan or self._fresh()
        scan, reading = step(base, scan, np.array([component]), 0)
        self._scan = base, scan
        self._alarmed = reading.says == "alarm"
        if self._alarmed:
            facts: Facts = {"blocks": reading.window, "statistic": round(reading.statistic or 0.0, 3)}
            self._tell(f"{reading.where} has moved: {reading.how}", facts)
        return self._alarmed

    def _fresh(self) -> tuple[Baseline, Scan]:
        """Make the baseline when it is first needed: it takes a tenth of a second."""
        run_length = RUN_LENGTH_S / _BLOCK_S
        base = normal_baseline((VOLUME,), most=MOST, run_length=run_length, dice=self._dice)
        return base, Scan.fresh(base)

    def _tell(self, reason: str, facts: Facts) -> None:
        self._quiet = 0
        self._scribe.saw_once(INFLOW, reason, facts)
