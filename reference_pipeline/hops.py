"""The ways to other services: the plain one, and that of the arm ``reference``.

Comes in: a question, and the end of its request. Goes out: the answer, or CallFailed. The rules are
in ``resilience``; here they meet the call port and the clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from reference_pipeline.inpath import Acts, Answered, Ask
from reference_pipeline.ports import Call, CallFailed, CallRefused, CallRejected, Clock
from reference_pipeline.resilience.breaker import Breaker, BreakerConfig, Outcome, State
from reference_pipeline.resilience.deadline import Deadline
from reference_pipeline.resilience.retry import RetryBudget, RetryConfig

_STATES: dict[State, float] = {"closed": 0.0, "half_open": 1.0, "open": 2.0}
_COUNTS = ("calls", "failures", "slow", "retries", "refused")
# Asking a hop of which a fifth fails is still better than not asking: the retry and the fallback
# answer the fifth in time, and four fifths get the champion.
_BREAKER = BreakerConfig(failed_share=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class HopConfig:
    """Times in seconds of one hop; ``reserve_s`` is kept for the fallback and the commit.

    ``slow_s`` is near the limit: a hop that needs 50 ms more than usual, on a machine that is busy beside,
    still answers in time, and a fallback would be a worse answer.
    """

    limit_s: float = 0.08
    slow_s: float = 0.075
    reserve_s: float = 0.03
    breaker: BreakerConfig = _BREAKER
    retry: RetryConfig = field(default_factory=RetryConfig)


class PlainHops:
    """One attempt within what is left of the request; nothing heals."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._call = call
        self._clock = clock

    async def ask(self, ask: Ask[Answered], until_s: float, /) -> Answered:
        """See :class:`reference_pipeline.inpath.Hops`."""
        left_s = until_s - self._clock.now_s()
        if left_s <= 0:
            raise CallFailed(f"{ask.edge}: the budget was spent before the call")
        return ask.read((await self._call(ask.edge, ask.route, ask.body, left_s)).body)

    def signals(self) -> Mapping[str, float]:
        """See :class:`reference_pipeline.inpath.Hops`."""
        return {}


class ResilientHops:
    """A share of the request's time, bounded retries, and a breaker for each of ``edges``."""

    def __init__(
        self, call: Call, clock: Clock, *, acts: Acts, dice: Callable[[], float], edges: Iterable[str],
        config: HopConfig | None = None,
    ) -> None:  # fmt: skip
        self._call = call
        self._clock = clock
        self._acts = acts
        self._config = config or HopConfig()
        self._edges = {
            edge: _Edge(Breaker(self._config.breaker, dice), RetryBudget(self._config.retry, dice))
            for edge in edges
        }

    async def ask(self, ask: Ask[Answered], until_s: float, /) -> Answered:
        """See :class:`reference_pipeline.inpath.Hops`."""
        edge = self._edges[ask.edge]
        deadline = Deadline(until_s=until_s, reserve_s=self._config.reserve_s)
        now_s = self._clock.now_s()
        end_s = now_s + deadline.share_s(now_s, ask.hops_left, self._config.limit_s)
        edge.retries.called()
        attempt = 1
        while True:
            try:
                return await self._attempt(ask, edge, end_s)
            except CallFailed as error:
                wait_s = edge.retries.after_failure(
                    attempt=attempt,
                    transient=isinstance(error, CallRefused),
                    left_s=end_s - self._clock.now_s(),
                )
                if wait_s is None:
                    raise
            edge.counts["retries"] += 1
            attempt += 1
            await self._clock.sleep_s(wait_s)

    def signals(self) -> Mapping[str, float]:
        """What each edge did, and its breaker as a number: 0 closed, 1 half open, 2 open."""
        signals: dict[str, float] = {}
        for name, edge in self._edges.items():
            plain = name.replace("-", "_")
            signals |= {f"{count}_{plain}_total": edge.counts[count] for count in _COUNTS}
            signals[f"breaker_{plain}"] = _STATES[edge.breaker.state]
        return signals

    async def _attempt(self, ask: Ask[Answered], edge: _Edge, end_s: float) -> Answered:
        begin_s = self._clock.now_s()
        if end_s - begin_s < self._config.retry.least_s:  # our own slowness is no evidence against the hop
            raise CallFailed(f"{ask.edge}: the budget was spent before the call")
        ticket = edge.breaker.admit(begin_s)
        self._tell(ask.edge, edge)
        if ticket is None:
            edge.counts["refused"] += 1
            raise CallFailed(f"{ask.edge}: its breaker is {edge.breaker.state}: {edge.breaker.why}")
        edge.counts["calls"] += 1
        outcome: Outcome = "failed"
        try:
            reply = await self._call(ask.edge, ask.route, ask.body, end_s - begin_s)
            answer = ask.read(reply.body)
            outcome = "slow" if self._clock.now_s() - begin_s >= self._config.slow_s else "good"
            return answer
        except CallRejected:
            outcome = "good"  # it answered; the question was wrong
            raise
        except asyncio.CancelledError:
            outcome = "unknown"
            raise
        finally:
            edge.counts["failures"] += outcome == "failed"
            edge.counts["slow"] += outcome == "slow"
            edge.breaker.ended(ticket, outcome, self._clock.now_s())
            self._tell(ask.edge, edge)

    def _tell(self, name: str, edge: _Edge) -> None:
        """Write down a change of the breaker's state since the last look."""
        state = edge.breaker.state
        if state != edge.told:
            edge.told = state
            act = "breaker_opened" if state == "open" else f"breaker_{state}"
            self._acts.note(act, f"{name}: {edge.breaker.why}", effect=state != "half_open")


@dataclass(slots=True)
class _Edge:
    breaker: Breaker
    retries: RetryBudget
    counts: Counter[str] = field(default_factory=Counter)
    told: State = "closed"
