"""Batches of rows with and without a move, from dice: ten numbers and a category, 100 rows a batch.

Needs numpy alone, since peers draw the same rows in environments of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS, NUMBERS = 100, 10
SHARES = np.array([0.40, 0.30, 0.15, 0.10, 0.05])
REFERENCE_ROWS = 2000
PERIOD, CYCLES = 48, 28
SEASON, MEMORY, COMMON = 0.5, 0.8, 0.1
"""A cycle of half a deviation in two columns; noise common to a batch, of a tenth, in all of them."""

RAMP_BATCHES = 100.0
_MOVED = 3  # the column


@dataclass(frozen=True, slots=True)
class Batch:
    """``numbers`` (rows, 10), standard normal while nothing moved; ``codes`` (rows,), 0 to 4."""

    numbers: Floats
    codes: NDArray[np.int64]

    def table(self) -> Floats:
        """Give all eleven columns as numbers, the category by its code."""
        return np.column_stack([self.numbers, self.codes])


Move = Callable[[Batch, np.random.Generator, float], Batch]
"""From a batch as it would have been, dice and the age of the move in batches."""


def _mean(deviations: float) -> Move:
    return lambda batch, dice, age: _in_column(batch, lambda values: values + deviations)


def _scale(factor: float) -> Move:
    return lambda batch, dice, age: _in_column(batch, lambda values: values * factor)


def _ramp(batch: Batch, dice: np.random.Generator, age: float) -> Batch:
    return _in_column(batch, lambda values: values + min(1.0, age / RAMP_BATCHES))


def _category(more: float) -> Move:
    """The rarest category takes ``more`` of all rows from the commonest."""

    def moved(batch: Batch, dice: np.random.Generator, age: float) -> Batch:
        turned = (batch.codes == 0) & (dice.random(len(batch.codes)) < more / SHARES[0])
        return Batch(batch.numbers, np.where(turned, len(SHARES) - 1, batch.codes))

    return moved


MOVES: Mapping[str, Move] = {
    "mean 0.25": _mean(0.25),
    "mean 0.5": _mean(0.5),
    "scale 1.25": _scale(1.25),
    "category 0.05": _category(0.05),
    "category 0.1": _category(0.1),
    "ramp to 1": _ramp,
}


def _in_column(batch: Batch, changed: Callable[[Floats], Floats]) -> Batch:
    numbers = batch.numbers.copy()
    numbers[:, _MOVED] = changed(numbers[:, _MOVED])
    return Batch(numbers, batch.codes)


def rows(dice: np.random.Generator, count: int = ROWS) -> Batch:
    """Draw independent rows in which nothing moved."""
    return Batch(dice.standard_normal((count, NUMBERS)), dice.choice(len(SHARES), count, p=SHARES))


def independent(dice: np.random.Generator) -> Iterator[Batch]:
    """Draw batches without end."""
    while True:
        yield rows(dice)


def seasonal(dice: np.random.Generator) -> Iterator[Batch]:
    """Draw batches with a cycle and memory, without end, from the beginning of a cycle on."""
    fresh = np.sqrt(1.0 - MEMORY**2)
    common = COMMON * dice.standard_normal(NUMBERS)
    number = 0
    while True:
        batch = rows(dice)
        batch.numbers[:, :2] += SEASON * np.sin(2.0 * np.pi * number / PERIOD)
        yield Batch(batch.numbers + common, batch.codes)
        common = MEMORY * common + fresh * COMMON * dice.standard_normal(NUMBERS)
        number += 1


@dataclass(frozen=True, slots=True)
class Past:
    """What a detector may learn from: ``reference`` rows drawn at random, and ``history``, batch by batch.

    ``period``: batches a cycle, 1 = there is none. ``seed``: for dice of the detector's own.
    """

    reference: Batch
    history: tuple[Batch, ...]
    period: int
    seed: int


def past_of(stream: Iterator[Batch], dice: np.random.Generator, *, batches: int, period: int) -> Past:
    """Take the past off ``stream``; the reference is drawn from all rows of it."""
    history = tuple(next(stream) for _ in range(batches))
    chosen = dice.choice(batches * ROWS, REFERENCE_ROWS, replace=False)
    numbers = np.concatenate([batch.numbers for batch in history])[chosen]
    codes = np.concatenate([batch.codes for batch in history])[chosen]
    return Past(Batch(numbers, codes), history, period, int(dice.integers(2**63)))
