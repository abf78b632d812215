"""Evidence that may be looked at after every run: e-processes for ranks, pairs, shares and rates. Pure.

Comes in: one outcome after the other. Goes out: e-values. As long as its null hypothesis is true, an
e-process exceeds 1 / alpha at any time with a probability of at most alpha (Ville 1939), so one may stop,
go on, and go on next week, whenever one likes. The mean of e-processes is one, and so is the product of
those of independent streams.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

BETS = (0.25, 0.5, 0.75, 0.95)
"""How much is staked on each rank; what is best depends on the truth, so all are, and their mean counts."""


class RankEvidence:
    """Whether values that come now are larger (``more``) or smaller (``less``) than those of a pool.

    The null hypothesis of ``more`` is that each is exchangeable with the pool and with all before it, or
    smaller than that; of ``less``, the other way round. Sequential ranks are then uniform and independent
    (Rényi 1962), ties broken by a die, and each is a fair bet. Values may be infinite.
    """

    def __init__(self, pool: Sequence[float], side: Literal["more", "less"]) -> None:
        self._pool = sorted(pool)
        self._sign = 1.0 if side == "more" else -1.0
        self.logs = [0.0] * len(BETS)
        """Natural logarithm of the e-value of each bet."""

    def add(self, value: float, die: float) -> None:
        """Take one value; ``die`` in [0, 1) decides among equals and is thrown for this value alone."""
        below, upto = bisect_left(self._pool, value), bisect_right(self._pool, value)
        share_above = (len(self._pool) - upto + die * (1 + upto - below)) / (len(self._pool) + 1)
        self._pool.insert(upto, value)
        for place, bet in enumerate(BETS):
            self.logs[place] += math.log1p(2 * bet * self._sign * (0.5 - share_above))

    def value(self) -> float:
        """The e-value.

        >>> slow = RankEvidence([1.0, 1.2, 0.9, 1.1] * 5, "more")
        >>> for time_s in (3.0, 4.0, 3.5, 5.0, 4.5, 3.2, 2.8, 6.0): slow.add(time_s, 0.5)
        >>> slow.value() > 20
        True
        """
        return mean_of_exps(self.logs)


class PairEvidence:
    """Whether the first of two values is larger (``more``) or smaller (``less``), pair after pair.

    A fair coin decided which of both came first. The null hypothesis of ``more`` is that the first value is
    no larger than the second would have been in its place: whatever the machine did meanwhile, the sign of
    their difference is then no more often positive than the coin is heads. The stake is the rank of
    their distance (ratio) among those of all pairs so far: larger differences say more. Values may be
    infinite.
    """

    def __init__(self, side: Literal["more", "less"]) -> None:
        self._sign = 1.0 if side == "more" else -1.0
        self._distances: list[float] = []
        self.logs = [0.0] * len(BETS)
        """Natural logarithm of the e-value of each bet."""

    def add(self, value: float, other: float, die: float) -> float:
        """Take one pair; ``die`` in [0, 1) decides among equals. Gives the stake: > 0, ``value`` is more."""
        distance = _distance(value, other)
        place = bisect_right(self._distances, distance)
        self._distances.insert(place, distance)
        share = (place + 1) / len(self._distances)
        stake = share if value > other or (value == other and die < 0.5) else -share
        for number, bet in enumerate(BETS):
            self.logs[number] += math.log1p(bet * self._sign * stake)
        return stake

    def value(self) -> float:
        """The e-value.

        >>> slow = PairEvidence("more")
        >>> stakes = [slow.add(2.0 + n, 1.0, 0.5) for n in range(7)]
        >>> round(slow.value(), 1), stakes[0]
        (44.8, 1.0)
        """
        return mean_of_exps(self.logs)


class JointEvidence:
    """What several pairs that shared one coin prove together; a fair bet whatever else they shared.

    Their product would not be: where the machine alone was slow, all signs of one coin are alike.
    """

    def __init__(self) -> None:
        self._logs = [0.0] * len(BETS)

    def add(self, stakes: Sequence[float]) -> None:
        """Take the stakes of ``PairEvidence`` of one coin; without any it changes nothing."""
        if not stakes:
            return
        stake = max(-1.0, min(1.0, math.fsum(stakes) / math.sqrt(len(stakes))))
        self._logs = [log + math.log1p(bet * stake) for log, bet in zip(self._logs, BETS, strict=True)]

    def value(self) -> float:
        """The e-value.

        >>> joint = JointEvidence()
        >>> for _ in range(8): joint.add([1.0, 0.5, 0.75])
        >>> joint.value() > 20
        True
        """
        return mean_of_exps(self._logs)


class ShareEvidence:
    """Whether a share is larger than ``null_ratio``, or smaller: on the side of it that ``others`` lie.

    A mixture of likelihood ratios, one for each of ``others``; outcomes are independent, each 1 or 0.
    """

    def __init__(self, null_ratio: float, others: Sequence[float]) -> None:
        self._gain = [(_log(other / null_ratio), _log((1 - other) / (1 - null_ratio))) for other in others]
        self._logs = [0.0] * len(others)

    def add(self, happened: bool) -> None:
        """Take one outcome."""
        self._logs = [log + gain[not happened] for log, gain in zip(self._logs, self._gain, strict=True)]

    def value(self) -> float:
        """The e-value.

        >>> seldom = ShareEvidence(0.15, (0.0, 0.05))
        >>> for _ in range(30): seldom.add(False)
        >>> round(seldom.value())
        80
        """
        return mean_of_exps(self._logs)


class MeanEvidence:
    """Whether the mean of values in [0, 1] is above ``null`` (``more``), or below it.

    Each bet stakes a share of what it has on the next value (Waudby-Smith and Ramdas 2024); how values are
    spread is not assumed.
    """

    def __init__(self, null: float, side: Literal["more", "less"]) -> None:
        """``null`` is in (0, 1)."""
        self._null, self._more = null, side == "more"
        self._logs = [0.0] * len(BETS)

    def add(self, value: float) -> None:
        """Take one value."""
        odds = value / self._null if self._more else (1.0 - value) / (1.0 - self._null)
        self._logs = [log + math.log1p(bet * (odds - 1.0)) for log, bet in zip(self._logs, BETS, strict=True)]

    def value(self) -> float:
        """The e-value.

        >>> kept = MeanEvidence(0.8, "more")
        >>> for _ in range(30): kept.add(0.97)
        >>> kept.value() > 20
        True
        """
        return mean_of_exps(self._logs)


class RateEvidence:
    """Whether events come more often than ``null_per_h``, or less: on the side of it that ``others`` lie.

    Events are taken for independent (Poisson): what comes in bursts must be counted burst by burst.
    """

    def __init__(self, null_per_h: float, others_per_h: Sequence[float]) -> None:
        self._gain = [(_log(other / null_per_h), other - null_per_h) for other in others_per_h]
        self._logs = [0.0] * len(others_per_h)

    def add(self, events: int, hours: float) -> None:
        """Take the events of some hours."""
        self._logs = [
            log + (events * event if events else 0.0) - hours * hour
            for log, (event, hour) in zip(self._logs, self._gain, strict=True)
        ]

    def value(self) -> float:
        """The e-value.

        >>> often = RateEvidence(0.1, (0.2, 0.4))
        >>> often.add(6, 10.0); round(often.value())
        114
        """
        return mean_of_exps(self._logs)


def mean_of_exps(logs: Sequence[float]) -> float:
    """Mean of the exponentials; infinite where one is beyond what a float holds."""
    return math.inf if max(logs) > _LOG_MAX else math.fsum(map(math.exp, logs)) / len(logs)


_LOG_MAX = 700.0


def _distance(value: float, other: float) -> float:
    if value == other:
        return 0.0
    low, high = sorted((value, other))
    return math.inf if low <= 0 or high == math.inf else math.log(high / low)


def _log(ratio: float) -> float:
    return math.log(ratio) if ratio > 0 else -math.inf
