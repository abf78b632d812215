"""Replay of dead letters in batches, so paced that requests come first.

Comes in: the field that was missing and the name it has. Goes out: batches to the gateway, until a whole
look through the dead letters finds none left. Each step is one page and one batch at most; ids are
idempotent at the gateway, so a run that was cut begins anew.
"""

from __future__ import annotations

from reference_pipeline.healing.acts import Replay
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.model import is_of
from reference_pipeline.healing.ports import GatewaySwitches, Signals
from reference_pipeline.ports import Clock

_PAGE = 256
_FIRST = 32
_LEAST = 8  # a gateway that is slow for fewer is slow for another reason
_SLOW_S = 0.25  # a batch that takes longer is halved, a faster one doubled


class ReplayRun:
    """One replay; call :meth:`step` until :attr:`over`."""

    def __init__(self, act: Replay, clock: Clock, config: HealerConfig) -> None:
        self._act = act
        self._clock = clock
        self._config = config
        self._cursor = 0
        self._waiting: list[str] = []
        self._size = _FIRST
        self._next_s = float("-inf")
        self._moved = False  # this look through the letters replayed some
        self._fruitless = 0  # looks in a row that replayed none
        self.replayed = 0
        self.refused: set[str] = set()  # in the last whole look
        self._refused_now: set[str] = set()
        self.over = False

    async def step(self, signals: Signals, switches: GatewaySwitches) -> None:
        """Do the next bit if it is due.

        Raises:
            CallFailed: the gateway did not answer; the next step tries again.
        """
        if self._clock.now_s() < self._next_s:
            return
        self._next_s = self._clock.now_s() + 1.0  # after a failure
        if self._waiting:
            await self._batch(switches)
        elif await self._page(signals):
            self._next_s = self._clock.now_s()
        else:
            self._look_again()

    def _look_again(self) -> None:
        """End of the letters: over when a whole look found none, or none that the gateway would take."""
        self.refused, self._refused_now = self._refused_now, set()
        self._fruitless = 0 if self._moved else self._fruitless + 1
        self.over = not self._moved and (not self.refused or self._fruitless >= self._config.replay_retries)
        pause_s = self._config.replay_retry_s if self.refused and not self._moved else 0.0
        self._next_s = self._clock.now_s() + pause_s
        self._cursor, self._moved = 0, False

    async def _page(self, signals: Signals) -> bool:
        page = await signals.dead_letters(self._cursor, _PAGE)
        self._waiting = [one.id for one in page.rows if is_of(one, self._act.field, self._act.source)]
        ended, self._cursor = page.last == self._cursor, page.last
        return not ended

    async def _batch(self, switches: GatewaySwitches) -> None:
        batch = self._waiting[: self._size]
        begun_s = self._clock.now_s()
        answer = await switches.replay(batch)
        now_s = self._clock.now_s()
        took_s = now_s - begun_s
        self._waiting = self._waiting[len(batch) :]
        self.replayed += len(answer.replayed)
        self._refused_now |= set(answer.refused)
        self._moved = self._moved or bool(answer.replayed)
        slow = took_s > _SLOW_S
        self._size = (
            max(_LEAST, self._size // 2) if slow else min(2 * self._size, self._config.replay_batch_max)
        )
        self._next_s = now_s + took_s * (1 / self._config.replay_share - 1)
