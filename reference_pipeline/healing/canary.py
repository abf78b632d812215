"""A candidate takes a part of the traffic first: a tenth, then half, then it may be promoted.

Comes in: a promotion by steps. Goes out: what is asked of registry and gateway, and in the end whether the
candidate may serve all. What it decides was proven better on the same rows before; what no comparison of
decisions shows is whether it can be served: loaded, in time, without errors. At each step the gateway's
failed calls to the second scorer are counted, which serves the alias ``canary``; one alone may be a hop's bad
moment. Each step may be repeated, so a run that was cut begins anew.
"""

from __future__ import annotations

from reference_pipeline.healing.acts import Promote
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.model_ports import Models
from reference_pipeline.healing.ports import GatewaySwitches, Signals
from reference_pipeline.ports import Clock
from reference_pipeline.rollout import next_step

SCORER = "scorer-b"
FAILED = "failed_gateway_scorer_b_total"
SERVING = "serving_sha32"


def sha32(version: str) -> float:
    """Give the first 32 bits of the artefact's hash, which a full version ends with.

    >>> sha32("1.2.0+00000fff1234")
    4095.0
    """
    return float(int(version.partition("+")[2][:8] or "0", 16))


class CanaryRun:
    """One rollout; call :meth:`step` until :attr:`may_serve` is no longer None."""

    def __init__(self, act: Promote, clock: Clock, config: HealerConfig) -> None:
        self._act = act
        self._clock = clock
        self._config = config
        self._begun_s: float | None = None
        self._since_s = 0.0
        self._share = 0.0
        self._failed = 0.0
        self.may_serve: bool | None = None
        self.why = ""

    async def step(self, signals: Signals, switches: GatewaySwitches, models: Models) -> None:
        """Do the next bit if it is due.

        Raises:
            CallFailed: somebody did not answer; the next step tries again.
        """
        now_s = self._clock.now_s()
        if self._begun_s is None:
            await switches.set_canary(0.0)
            await models.set_canary(self._act.version)
            self._begun_s = now_s
        elif self._share == 0.0:
            if (await signals.numbers(SCORER)).get(SERVING) == sha32(self._act.version):
                await self._go_on(now_s, signals, switches)
            elif now_s - self._begun_s > self._config.canary_load_s:
                why = f"{SCORER} does not serve it after {now_s - self._begun_s:.0f} s"
                await self._end(switches, models, why)
        elif now_s - self._since_s >= self._config.canary_s:
            failed = (await signals.numbers("gateway")).get(FAILED, 0.0) - self._failed
            if failed > self._config.canary_failures_max:
                why = f"{failed:.0f} calls to it failed at {self._share:.0%} of traffic"
                await self._end(switches, models, why)
            else:
                await self._go_on(now_s, signals, switches)

    async def _go_on(self, now_s: float, signals: Signals, switches: GatewaySwitches) -> None:
        share = next_step(self._share)
        if share is None:
            self.may_serve, self.why = True, f"it served {self._share:.0%} of traffic"
            return
        self._failed = (await signals.numbers("gateway")).get(FAILED, 0.0)
        await switches.set_canary(share)
        self._share, self._since_s = share, now_s

    async def _end(self, switches: GatewaySwitches, models: Models, why: str) -> None:
        await switches.set_canary(0.0)
        await models.set_canary(self._act.was)
        self.may_serve, self.why = False, why
