"""The healer of the arm ``seed`` as a service: the liveness probe, and its journal by cursor.

Built like :class:`reference_pipeline.healer_service.HealerService` and listens on the same routes;
``deploy.local`` starts one or the other by ``HEALING``. Its store needs the log ``JOURNAL``.
"""

from __future__ import annotations

from collections.abc import Mapping

from reference_pipeline.door import Door
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.ports import Platform
from reference_pipeline.healing.reach import Reach
from reference_pipeline.healing.reach_models import ReachModels
from reference_pipeline.ports import Ports, Reply
from reference_pipeline.seed.learning import SeedLearning
from reference_pipeline.seed.liveness import SeedHealer


class SeedHealerService:
    """Probes the services of ``config``, its only use of it, over edges ``healer-NAME``.

    Where there is a learner and a ``watch``, the recipes for models run as well.
    """

    def __init__(
        self, ports: Ports, platform: Platform, *, config: HealerConfig, watch: RowWatch | None = None
    ) -> None:
        self._ports = ports
        self._journal = Journal(ports.store, ports.service, ports.boot_id)
        self._healer = SeedHealer(
            platform, Reach(ports.call), ports.clock, journal=self._journal, services=config.services
        )
        self._learning = self._learned(ports, watch) if watch and "learner" in config.services else None
        self._door = Door(ports, {"GET /journal": self._journal.reply}, signals=self._signals)

    async def start(self) -> None:
        """Probe for ever; an earlier life left nothing to take up."""
        self._ports.spawn(self._healer.run_forever)
        if self._learning:
            self._ports.spawn(self._learning.run_forever)

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    def _learned(self, ports: Ports, watch: RowWatch) -> SeedLearning:
        reach = ReachModels(ports.call)
        training = {name: values.tolist() for name, values in watch.samples().items()}
        return SeedLearning(
            Reach(ports.call),
            reach,
            reach,
            reach,
            clock=ports.clock,
            journal=self._journal,
            training=training,
            life=ports.boot_id,
        )

    def _signals(self) -> Mapping[str, float]:
        return {**self._healer.signals(), **(self._learning.signals() if self._learning else {})}
