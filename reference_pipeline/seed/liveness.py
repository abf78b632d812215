"""The healer beside the path in the arm ``seed``: a plain liveness probe and a restart.

Comes in: whether each service answered ``/healthz`` within 1 s, every 10 s. Goes out: a restart of
what failed three times in a row, asked of the platform. No diagnosis, no verification, no limit.

Known defects: a hang is met 21 to 31 s after it; what answers
``/healthz`` is healthy, whatever it decides; one cut edge between healer and service restarts a
process that serves; a service that is down for long is restarted every 30 s, for ever.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from reference_pipeline.healing.acts import Restart
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.model import Entry, Evidence, Kind
from reference_pipeline.healing.ports import Platform, Signals
from reference_pipeline.ports import CallFailed, Clock, StoreFailed

PERIOD_S = 10.0
TIMEOUT_S = 1.0
FAILURES = 3
_COUNTS = ("probes_failed_total", "restarts_total", "restarts_failed_total", "lines_lost_total")


class Liveness:
    """Counts failures in a row of each service; pure.

    >>> liveness = Liveness()
    >>> [liveness.failed("scorer-a") for _ in range(4)]
    [False, False, True, False]
    """

    def __init__(self, failures: int = FAILURES) -> None:
        self._failures = failures
        self._in_a_row: Counter[str] = Counter()

    def answered(self, service: str) -> None:
        """Forget the failures of ``service``."""
        self._in_a_row[service] = 0

    def failed(self, service: str) -> bool:
        """Count one failure; tells whether ``service`` is to be restarted now, and starts anew."""
        self._in_a_row[service] += 1
        due = self._in_a_row[service] >= self._failures
        if due:
            self._in_a_row[service] = 0
        return due


class SeedHealer:
    """Probes ``services`` for ever and restarts what the probe calls dead."""

    def __init__(
        self, platform: Platform, signals: Signals, clock: Clock, *, journal: Journal, services: Sequence[str]
    ) -> None:
        self._platform = platform
        self._signals = signals
        self._clock = clock
        self._journal = journal
        self._services = tuple(services)
        self._liveness = Liveness()
        self._counts = Counter(dict.fromkeys(_COUNTS, 0))

    async def run_forever(self) -> None:
        """Probe all services, wait, again; a period is counted from the start of a round."""
        while True:
            begin_s = self._clock.now_s()
            await self.probe_all()
            await self._clock.rest_s(max(0.0, begin_s + PERIOD_S - self._clock.now_s()))

    async def probe_all(self) -> None:
        """Make one round: one probe of each service, and the restarts that follow from it."""
        answered = await asyncio.gather(*map(self._answers, self._services))
        for service, well in zip(self._services, answered, strict=True):
            if well:
                self._liveness.answered(service)
            elif self._liveness.failed(service):
                await self._restart(service)

    def signals(self) -> Mapping[str, float]:
        """Numbers for ``/signals``."""
        return self._counts

    async def _answers(self, service: str) -> bool:
        try:
            await self._signals.boot_id(service, TIMEOUT_S)
        except CallFailed:
            self._counts["probes_failed_total"] += 1
            return False
        return True

    async def _restart(self, service: str) -> None:
        now_s = self._clock.now_s()
        episode = f"{service}-{now_s:.3f}"
        self._note("detected", episode, service, f"{FAILURES} probes in a row failed")
        self._note("action.started", episode, service, "restart")
        try:
            await self._platform.restart(service, f"seed-{episode}")
        except CallFailed as error:
            self._counts["restarts_failed_total"] += 1
            self._note("action.finished", episode, service, f"restart failed: {error}", ok=False)
            return
        self._counts["restarts_total"] += 1
        self._note("action.finished", episode, service, "restart done", ok=True)

    def _note(self, kind: Kind, episode: str, target: str, reason: str, *, ok: bool | None = None) -> None:
        """Write a line; the recipe knows no journal, so one that is lost stops nothing."""
        act = None if kind == "detected" else Restart(service=target)
        entry = Entry(
            kind=kind,
            episode=episode,
            target=target,
            reason=reason,
            at_s=self._clock.now_s(),
            evidence=Evidence(act=act, ok=ok),
        )
        try:
            self._journal.write(entry)
        except StoreFailed:
            self._counts["lines_lost_total"] += 1
