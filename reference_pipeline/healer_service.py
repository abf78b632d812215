"""The healer as a service: its journal by cursor, the common routes, and the loop behind them.

It stands beside the request path: without it every record is decided all the same. See
docs/protocols/pipeline.md and :mod:`reference_pipeline.healing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reference_pipeline.door import Door
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.diagnose import Diagnosis
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.loop import Healer
from reference_pipeline.healing.outside import Outside
from reference_pipeline.healing.policy import PolicySource
from reference_pipeline.healing.ports import Platform
from reference_pipeline.healing.reach import Reach, edge_to
from reference_pipeline.healing.reach_models import ReachModels
from reference_pipeline.ports import Ports, Reply
from reference_pipeline.records import FeatureSpec, Record

LOGS = (JOURNAL,)


def edges(config: HealerConfig) -> tuple[str, ...]:
    """Name the edges that the healer's calls go over, one a service."""
    return tuple(edge_to(name) for name in config.services)


class HealerService:
    """The healer of one system; its store needs the logs ``LOGS``, its calls the :func:`edges`.

    ``golden``: records whose fields are known (the template's golden rows).
    """

    def __init__(
        self,
        ports: Ports,
        platform: Platform,
        *,
        golden: Sequence[Record],
        spec: FeatureSpec,
        config: HealerConfig,
        policy: PolicySource,
        watch: RowWatch | None = None,
    ) -> None:
        self._ports = ports
        self._journal = Journal(ports.store, ports.service, ports.boot_id)
        reach, models = Reach(ports.call), ReachModels(ports.call)
        outside = Outside(
            platform=platform,
            switches=reach,
            signals=reach,
            experience=models,
            models=models,
            journal=self._journal,
            policy=policy,
            clock=ports.clock,
            life=ports.boot_id,
        )
        self._healer = Healer(outside, Diagnosis(spec, golden, config), config, costs=spec.costs, watch=watch)
        self._door = Door(ports, {"GET /journal": self._journal.reply}, signals=self._signals)

    async def start(self) -> None:
        """Take up what an earlier life began, then look, probe and tick for ever."""
        self._healer.recover()
        self._ports.spawn(self._healer.probing.pulse_forever)
        self._ports.spawn(self._healer.probing.probe_forever)
        self._ports.spawn(self._healer.run_forever)
        self._ports.spawn(self._healer.care_forever)

    async def handle(self, route: str, body: bytes, /) -> Reply:
        """See :class:`reference_pipeline.ports.Service`."""
        return await self._door.handle(route, body)

    def _signals(self) -> Mapping[str, float]:
        books = self._healer.books
        return {
            **self._healer.counts,
            "overslept_total": self._healer.probing.overslept_total,
            "acts_total": sum(len(instants) for instants in books.attempts.values()),
            "acts_open": len(books.begun) + len(books.unverified),
            "pages_total": books.pages,
            "mappings": len(books.mapped),
        }
