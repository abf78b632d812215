"""Rollout: may a candidate take over, must it go, or is it too early to say?

Comes in: what a champion's and a candidate's decisions lost on the same rows, as labels come. Goes out: a
word, and the share of traffic that the candidate may have. Pure.

Of each row the difference d = loss of the champion - loss of the candidate, in [-1, 1], is a bet: while the
candidate is no better, each factor 1 + b d with b in (0, 1) is a fair or losing game, and so is the mean W of
their products over several b. W reaches 1 / level with probability at most ``level``, however often one
looks (Ville; Waudby-Smith and Ramdas, JRSS B 86, 2024). The same with -d says that the candidate is worse.
Rows must be newer than the candidate's training: on its own rows every model looks good.

    >>> better, equal = np.full(100, 0.2), np.zeros(100)
    >>> compare(Comparison(), better, equal).word(level=1e-3)
    'better'
    >>> compare(Comparison(), equal, better).word(level=1e-3)
    'worse'
    >>> compare(Comparison(), equal, equal).word(level=1e-3)
    'open'
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Word: TypeAlias = Literal["better", "worse", "open"]

BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
STEPS = (0.0, 0.1, 0.5)  # shares of traffic on the way: shadow, canary, half; then it is champion


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Wealth of each bet for and against the candidate, as logarithms; rows compared and loss saved.

    ``saved``: sum of d, in the unit of the losses.
    """

    better: tuple[float, ...] = (0.0,) * len(BETS)
    worse: tuple[float, ...] = (0.0,) * len(BETS)
    rows: int = 0
    saved: float = 0.0

    def word(self, *, level: float) -> Word:
        """Say which is proven at ``level`` each; a candidate that is proven both is worse."""
        if _log_mean(self.worse) >= -math.log(level):
            return "worse"
        return "better" if _log_mean(self.better) >= -math.log(level) else "open"


class BadLosses(ValueError):
    """Losses that cannot be compared: of other lengths, beyond [0, 1], or no numbers."""


def compare(so_far: Comparison, champion: Floats, candidate: Floats) -> Comparison:
    """Take more rows in: the losses of both on each, in [0, 1].

    Raises:
        BadLosses: they are not losses of the same rows.
    """
    if champion.shape != candidate.shape or champion.ndim != 1:
        raise BadLosses(f"{champion.shape} losses of the champion, {candidate.shape} of the candidate")
    if not ((champion >= 0) & (champion <= 1) & (candidate >= 0) & (candidate <= 1)).all():
        raise BadLosses("a loss is no number in [0, 1]; divide by the most that a decision can cost")
    d = champion - candidate
    factors = np.multiply.outer(BETS, d)
    return Comparison(
        better=_added(so_far.better, np.log1p(factors)),
        worse=_added(so_far.worse, np.log1p(-factors)),
        rows=so_far.rows + len(d),
        saved=so_far.saved + float(d.sum()),
    )


def next_step(share: float) -> float | None:
    """Give the share of traffic after ``share``; None: the next is to be champion.

    >>> next_step(0.0), next_step(0.1), next_step(0.5)
    (0.1, 0.5, None)
    """
    return next((step for step in STEPS if step > share), None)


def losses(declined: NDArray[np.bool_], label: Floats, *, missed: float, annoyed: float) -> Floats:
    """Give what each decision lost, as a share of the most that one can lose.

    ``missed``: cost of a fraud let through, ``annoyed``: of a good one declined. With a probability in place
    of a label it is what was to be expected.
    """
    cost = np.where(declined, annoyed * (1.0 - label), missed * label)
    return np.asarray(cost / max(missed, annoyed), dtype=np.float64)


def _added(log_wealth: tuple[float, ...], logs: Floats) -> tuple[float, ...]:
    return tuple((np.array(log_wealth) + logs.sum(axis=1)).tolist())


def _log_mean(log_wealth: tuple[float, ...]) -> float:
    """Logarithm of the mean wealth, without leaving the range of numbers."""
    top = max(log_wealth)
    return top + math.log(sum(math.exp(one - top) for one in log_wealth) / len(log_wealth))
