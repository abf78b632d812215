"""The healer's senses that never wait: probes of every service, and its own pulse.

Comes in: the Signals port and the clock. Goes out: ``watches``, which :mod:`detect` judges. Probes
overlap, so that a slow answer is still heard while the next question is on its way.
"""

from __future__ import annotations

import asyncio

from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.detect import Heard, Probed, Watch, Watches, overslept, probed
from reference_pipeline.healing.ports import Signals
from reference_pipeline.ports import CallFailed, Clock

_PULSE_S = 0.05
_LISTEN_S = 10.0  # a service that answers after the deadline is slow, not hung
_EARLY_S = 0.001  # a timer may fire this early


class Probing:
    """Spawn :meth:`probe_forever` and :meth:`pulse_forever`; both end only with the process."""

    def __init__(self, signals: Signals, clock: Clock, config: HealerConfig) -> None:
        self._signals = signals
        self._clock = clock
        self._config = config
        self.watches: Watches = {name: Watch() for name in config.services}
        self.overslept_total = 0

    async def probe_forever(self) -> None:
        """Send a probe to every service at every period, whatever became of the earlier ones."""
        async with asyncio.TaskGroup() as probes:
            while True:
                for name in self._config.services:
                    probes.create_task(self._probe(name))
                await self._clock.rest_s(self._config.probe_every_s)

    async def pulse_forever(self) -> None:
        """Notice when this process itself could not run: nothing it did not hear then is evidence."""
        while True:
            before_s = self._clock.now_s()
            meant_s = await self._clock.rest_s(_PULSE_S)
            now_s = self._clock.now_s()
            if now_s - before_s - meant_s > self._config.late_s:
                self.watches = overslept(self.watches, now_s)
                self.overslept_total += 1

    async def _probe(self, name: str) -> None:
        """Ask once. Without a word by the deadline it is silence; a word that comes later still ends it."""
        sent_s = self._clock.now_s()
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._config.probe_deadline_s, self._note, name, sent_s, "nothing")
        try:
            self._note(name, sent_s, "answer", await self._signals.boot_id(name, _LISTEN_S))
        except CallFailed:
            # Whatever failed before its time was said by somebody: refused, reset, a status.
            if self._clock.now_s() - sent_s < _LISTEN_S - _EARLY_S:
                self._note(name, sent_s, "refusal")
        finally:
            late.cancel()

    def _note(self, name: str, sent_s: float, heard: Heard, boot_id: str = "") -> None:
        self.watches = probed(self.watches, Probed(name, sent_s, self._clock.now_s(), heard, boot_id))
