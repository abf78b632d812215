"""Harm: do labelled decisions cost more than is tolerated? A Shiryaev-Roberts e-detector.

Comes in: losses in [0, 1], one a labelled decision, in the order the labels came. Goes out: a reading. Pure.

While the mean loss is at most m, each bet b in (0, 1) makes 1 + b (x / m - 1) a fair or losing game, whatever
else is true of the losses. Its Shiryaev-Roberts sum M = (1 + M) (1 + b (x / m - 1)) has mean at most t after
t labels, and so has the mean over the bets: an alarm when it reaches the run length comes after at least that
many labels on average, without any simulation (Shin, Ramdas and Rinaldo, E-detectors, 2022; Roberts,
Technometrics 8, 1966). For losses of 0 and 1 the bet b is best against a share of m + b (1 - m).

    >>> watch = Harm(tolerated=0.05, run_length=20_000.0)
    >>> state, reading = update(watch, watch.fresh(), np.tile([0.0] * 19 + [1.0], 100))
    >>> reading.says
    'quiet'
    >>> state, reading = update(watch, state, np.tile([0.0] * 4 + [1.0], 20))
    >>> reading.says, reading.may_touch_model
    ('alarm', True)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.reading import Reading

Floats = NDArray[np.float64]

BETS = np.geomspace(0.001, 0.64, 10)  # against losses from a little above m to nearly always
_MOST = 1e300  # beyond any run length; a sum that has alarmed and is not reset must not overflow


class BadLoss(ValueError):
    """A loss outside of [0, 1]: divide it by the greatest one that a decision can cost."""


@dataclass(frozen=True, slots=True)
class HarmState:
    """What is remembered: labels so far, and of each bet its sum, its winnings, and since when it has won.

    ``winnings``: logarithms of the bet's factors, summed since they were last below 0 (Page, Biometrika 41,
    1954). They are there ``since`` a label: the guess at when the harm began.
    """

    labels: int
    sums: Floats
    winnings: Floats
    since: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """``tolerated``: mean loss that is borne, in (0, 1); ``run_length``: labels to a false alarm at least."""

    tolerated: float
    run_length: float

    def __post_init__(self) -> None:
        """Refuse a mean loss that no bet can be made against."""
        if not 0.0 < self.tolerated < 1.0 or not self.run_length > 1.0:
            raise ValueError(f"tolerated {self.tolerated}, run length {self.run_length}: give 0 < m < 1, > 1")

    def fresh(self) -> HarmState:
        """Give the state before the first label, and after a healing that was verified."""
        return HarmState(0, np.zeros_like(BETS), np.zeros_like(BETS), np.zeros(BETS.shape, dtype=np.int64))


def update(harm: Harm, state: HarmState, losses: Floats) -> tuple[HarmState, Reading]:
    """Take labelled decisions in; losses that are no number, and a batch of none, tell nothing.

    The reading's ``window`` is how many labels ago the harm began, by the bet that has won most.

    Raises:
        BadLoss: a loss below 0 or above 1.
    """
    known = losses[np.isfinite(losses)]
    threshold = float(np.log(harm.run_length))
    if not known.size:
        return state, Reading(says="no data", means="harmed", threshold=threshold)
    if known.min() < 0.0 or known.max() > 1.0:
        raise BadLoss(f"losses from {known.min():g} to {known.max():g}; they must lie in [0, 1]")
    factors = 1.0 + np.multiply.outer(known / harm.tolerated - 1.0, BETS)
    after, greatest = _played(state, factors)
    return after, Reading(
        says="alarm" if greatest >= harm.run_length else "quiet",
        means="harmed",
        statistic=float(np.log(max(greatest, np.finfo(float).tiny))),
        threshold=threshold,
        window=after.labels - int(after.since[int(after.winnings.argmax())]),
        where="labelled decisions",
        how="loss up",
    )


def _played(state: HarmState, factors: Floats) -> tuple[HarmState, float]:
    """Play each bet (a column) against each label (a row); also the greatest mean of the sums on the way.

    In plain numbers: a row of ten is too short for an array to be the faster one.
    """
    sums, winnings, since = state.sums.tolist(), state.winnings.tolist(), state.since.tolist()
    played: list[list[float]] = []
    pairs = zip(factors.tolist(), np.log(factors).tolist(), strict=True)
    for number, (factor, won) in enumerate(pairs, start=state.labels):
        sums = [min((1.0 + total) * by, _MOST) for total, by in zip(sums, factor, strict=True)]
        since = [at if has > 0.0 else number for at, has in zip(since, winnings, strict=True)]
        winnings = [(has if has > 0.0 else 0.0) + more for has, more in zip(winnings, won, strict=True)]
        played.append(sums)
    after = HarmState(
        state.labels + len(played), np.array(sums), np.array(winnings), np.array(since, dtype=np.int64)
    )
    return after, float(np.array(played).mean(axis=1).max())
