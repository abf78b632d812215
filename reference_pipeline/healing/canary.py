"""A candidate takes a part of the traffic first: a tenth, then half, then it may be promoted.

Comes in: a promotion by steps. Goes out: what is asked of registry and gateway, and in the end whether the
candidate may serve all. What it decides was proven better on the same rows before; what no comparison of
decisions shows is whether it can be served: loaded, in time, without errors. At each step the gateway's
failed calls to the second scorer are counted, which serves the alias ``canary``; one alone may be a hop's bad
moment. Each step may be repeated, so a run that was cut begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.model_acts import Promote
from reference_pipeline.healing.model_ports import Models
from reference_pipeline.healing.ports import GatewaySwitches, Signals
from reference_pipeline.ports import CallFailed, CallRejected, Clock
from reference_pipeline.rollout import next_step

SCORER = "scorer-b"
CALLS, FAILED = "calls_gateway_scorer_b_total", "failed_gateway_scorer_b_total"
SERVING = "serving_sha32"


def sha32(version: str) -> float:
    """Give the first 32 bits of the artefact's hash, which a full version ends with.

    >>> sha32("1.2.0+00000fff1234")
    4095.0
    """
    return float(int(version.partition("+")[2][:8] or "0", 16))


class CanaryRun:
    """One rollout; call :meth:`step` until :attr:`may_serve` is no longer None.

    ``share``: the greatest part of the traffic that it has had. ``why``: how it ended. ``stopped``: why it
    must end, whatever is under way.
    """

    def __init__(self, act: Promote, clock: Clock, config: HealerConfig) -> None:
        self._act = act
        self._clock = clock
        self._config = config
        self._begun_s: float | None = None
        self._heard_s: float | None = None
        self._since_s = 0.0
        self._before: Mapping[str, float] = {}
        self.share = 0.0
        self.may_serve: bool | None = None
        self.stopped = ""
        self.why = ""

    def stop(self, why: str) -> None:
        """Let it end without serving, at the next step; what it was told first stays the reason."""
        self.stopped = self.stopped or why

    async def step(self, signals: Signals, switches: GatewaySwitches, models: Models) -> None:
        """Do the next bit if it is due.

        Raises:
            CallFailed: somebody did not answer; the next step tries again, for a while, and then ends it.
        """
        now_s = self._clock.now_s()
        self._heard_s = now_s if self._heard_s is None else self._heard_s
        try:
            if self.stopped:
                await self._end(switches, models, self.stopped)
                return
            await self._go(now_s, signals, switches, models=models)
            self._heard_s = now_s
        except CallFailed as error:
            late = now_s - self._heard_s > self._config.canary_load_s
            if late or isinstance(error, CallRejected):
                self.stop(f"it cannot be rolled out: {error}")
            raise

    async def _go(self, now_s: float, signals: Signals, switches: GatewaySwitches, *, models: Models) -> None:
        if self._begun_s is None:
            await self._begin(now_s, switches, models)
        elif self.share == 0.0:
            if (await signals.numbers(SCORER)).get(SERVING) == sha32(self._act.version):
                await self._go_on(now_s, signals, switches)
            elif now_s - self._begun_s > self._config.canary_load_s:
                why = f"{SCORER} does not serve it after {now_s - self._begun_s:.0f} s"
                await self._end(switches, models, why)
        elif now_s - self._since_s >= self._config.canary_s:
            await self._look(now_s, signals, switches, models=models)

    async def _begin(self, now_s: float, switches: GatewaySwitches, models: Models) -> None:
        if (await models.aliases()).get("champion") == self._act.version:
            self.may_serve, self.why = True, "it serves already"  # an earlier life of the healer did it
            return
        await switches.set_canary(0.0)
        await models.set_canary(self._act.version)
        self._begun_s = now_s

    async def _look(
        self, now_s: float, signals: Signals, switches: GatewaySwitches, *, models: Models
    ) -> None:
        """Count what the second scorer was asked at this step, which goes on until that is enough."""
        numbers = await signals.numbers("gateway")
        calls, failed = self._since(numbers, CALLS), self._since(numbers, FAILED)
        if failed > self._config.canary_failures_max:
            why = f"{failed:.0f} calls to it failed at {self.share:.0%} of traffic"
            await self._end(switches, models, why)
        elif calls >= self._config.canary_calls_least:
            await self._go_on(now_s, signals, switches)
        elif now_s - self._since_s > self._config.canary_wait_s:
            waited_s = now_s - self._since_s
            why = f"only {calls:.0f} calls came to it at {self.share:.0%} of traffic within {waited_s:.0f} s"
            await self._end(switches, models, why)

    def _since(self, numbers: Mapping[str, float], name: str) -> float:
        """How much a counter of the gateway has grown at this step; one that fell began anew."""
        now, before = numbers.get(name, 0.0), self._before.get(name, 0.0)
        return now - before if now >= before else now

    async def _go_on(self, now_s: float, signals: Signals, switches: GatewaySwitches) -> None:
        share = next_step(self.share)
        if self.stopped:
            return  # while the gateway was asked; the next step ends it
        if share is None:
            self.may_serve, self.why = True, f"it served {self.share:.0%} of traffic"
            return
        self._before = await signals.numbers("gateway")
        await switches.set_canary(share)
        self.share, self._since_s = share, now_s

    async def _end(self, switches: GatewaySwitches, models: Models, why: str) -> None:
        """Take its traffic back; not over before that is done."""
        self.why = why
        await switches.set_canary(0.0)
        with suppress(CallFailed):  # without traffic it does not matter what the second scorer serves
            await models.set_canary(self._act.was)
        self.may_serve = False
