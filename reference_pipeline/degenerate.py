"""Healers that look at nothing: one always acts, one acts at random, one never does.

Comes in: dice and the names of the services. Goes out: restarts, asked of the platform, without a reason.
What measures healing must tell these from a good one: the first two do harm where nothing is broken, and
the third is as good as nobody. Their journal stays empty: what they do is seen from outside.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from reference_pipeline.door import Door
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.ports import Platform
from reference_pipeline.ports import CallFailed, Ports, Reply

ALWAYS, RANDOM, NEVER = DEGENERATE = ("always", "random", "never")
EVERY_S = 5.0
"""Between two acts, on average."""


class DegenerateService:
    """A service that does ``word``, whatever happens; ``dice`` give numbers in [0, 1)."""

    def __init__(
        self,
        ports: Ports,
        platform: Platform,
        *,
        word: str,
        services: Sequence[str],
        dice: Callable[[], float],
    ) -> None:
        self._ports, self._platform = ports, platform
        self._turns = turns(word, services, dice)
        self._counts = Counter(restarts_total=0, restarts_failed_total=0)
        journal = Journal(ports.store, ports.service, ports.boot_id)
        self._door = Door(ports, {"GET /journal": journal.reply}, signals=lambda: self._counts)

    async def start(self) -> None:
        """Begin."""
        self._ports.spawn(self._act)

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    async def _act(self) -> None:
        for number, (wait_s, name) in enumerate(self._turns):
            await self._ports.clock.rest_s(wait_s)
            try:
                await self._platform.restart(name, f"{self._ports.boot_id}-{number}")
                self._counts["restarts_total"] += 1
            except CallFailed:
                self._counts["restarts_failed_total"] += 1


def turns(word: str, services: Sequence[str], dice: Callable[[], float]) -> Iterator[tuple[float, str]]:
    """Seconds to wait, and what to restart then, for ever; nothing where ``word`` is never.

    >>> list(itertools.islice(turns("always", ["a", "b"], lambda: 0.5), 3))
    [(5.0, 'a'), (5.0, 'b'), (5.0, 'a')]
    >>> list(turns("never", ["a"], lambda: 0.5))
    []
    """
    if word == ALWAYS:
        for name in itertools.cycle(services):
            yield EVERY_S, name
    while word == RANDOM and services:
        yield -EVERY_S * math.log(1.0 - dice()), services[int(dice() * len(services))]
