"""M-15: the circuit breaker over a time window, and the historical average it falls back to.

Comes in: outcome, length and instant of each call; scores of good answers. Goes out: whether the
next call may be made; the average score and the one decision that follows from it.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from reference_pipeline.records import APPROVE, DECLINE, Decision
from reference_pipeline.seed.count_breaker import State

WINDOW_S = 30.0
ERROR_SHARE = 0.10
LATENCY_S = 0.5


class _Call(NamedTuple):
    at_s: float
    took_s: float
    failed: bool


class TimeBreaker:
    """Opens on more than 10 % errors, or a mean latency above 500 ms, over the last 30 s.

    It judges once it has watched for ``window_s``. How long it stays open is not written; the only
    time the recipe names is taken: ``window_s``, after which it closes at once and forgets.

    Known defects: it is blind for 30 s after its start and after every closing; there is no least
    number of calls, so one failure among nine calls of a quiet half minute opens it; the mean hides
    a slow tail (4 % of calls at 10 s pass); errors that fail fast make the latency look better.
    """

    def __init__(
        self, window_s: float = WINDOW_S, error_share: float = ERROR_SHARE, latency_s: float = LATENCY_S
    ) -> None:
        self._window_s = window_s
        self._error_share = error_share
        self._latency_s = latency_s
        self._calls: deque[_Call] = deque()
        self._failed = 0
        self._took_s = 0.0
        self._since_s: float | None = None  # of watching while closed, of being open while open
        self.state: State = "closed"

    def allow(self, now_s: float, /) -> bool:
        """See :class:`reference_pipeline.seed.count_breaker.Breaker`."""
        if self.state == "open" and self._since_s is not None and now_s - self._since_s >= self._window_s:
            self.state = "closed"
            self._forget(now_s)
        return self.state == "closed"

    def record(self, ok: bool, took_s: float, now_s: float, /) -> None:
        """See :class:`reference_pipeline.seed.count_breaker.Breaker`."""
        if self.state == "open":
            return
        if self._since_s is None:
            self._since_s = now_s
        self._add(_Call(now_s, took_s, not ok))
        while self._calls[0].at_s < now_s - self._window_s:
            self._drop(self._calls.popleft())
        if now_s - self._since_s >= self._window_s and self._is_bad():
            self.state = "open"
            self._forget(now_s)

    def _is_bad(self) -> bool:
        count = len(self._calls)
        return self._failed > self._error_share * count or self._took_s > self._latency_s * count

    def _add(self, call: _Call) -> None:
        self._calls.append(call)
        self._failed += call.failed
        self._took_s += call.took_s

    def _drop(self, call: _Call) -> None:
        self._failed -= call.failed
        self._took_s -= call.took_s

    def _forget(self, now_s: float) -> None:
        self._calls.clear()
        self._failed = 0
        self._took_s = 0.0
        self._since_s = now_s


class HistoricalAverage:
    """The mean of all scores seen, as the answer to everything.

    Known defect: one score is one decision. Below ``threshold`` all fraud passes, from it on every
    customer is turned away; fraud is rare, so it is the first. Before any score it is 0.

    >>> average = HistoricalAverage(threshold=0.05)
    >>> average.learn([0.25, 0.5, 0.0, 0.25])
    >>> average.score, average.decision
    (0.25, 'decline')
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._sum = 0.0
        self._count = 0

    def learn(self, scores: list[float]) -> None:
        """Add the scores of good answers."""
        self._sum += sum(scores)
        self._count += len(scores)

    @property
    def score(self) -> float:
        """The mean of all scores learned, in [0, 1]."""
        return self._sum / self._count if self._count else 0.0

    @property
    def decision(self) -> Decision:
        """What the average decides, for everybody."""
        return DECLINE if self.score >= self._threshold else APPROVE
