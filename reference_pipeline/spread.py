"""A hundred rows drawn evenly from all that came in a half hour of the world.

Comes in: rows one by one, with the instant of their event. Goes out: when the half hour is over, as many as a
batch has, in the order in which they came. Dice are an argument. Rows of another half hour than that of most
around them (late ones, or with a wrong time) are no rows of now and are in no batch.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low
from typing import Generic, TypeVar

import numpy as np

from reference_pipeline.healing.detectors.calendar import slot_of

T = TypeVar("T")

_AROUND = 9  # rows whose middle one says which half hour it is: four strays among them change nothing


class Spread(Generic[T]):
    """Draws ``size`` rows of each half hour (Vitter, ACM TOMS 11, 1985, algorithm R).

    Where a half hour has fewer the next one is added, until there are as many; after a gap it begins anew.

    >>> spread = Spread[int](2, np.random.default_rng(1))
    >>> [spread.take(n, 600.0 * n) for n in range(9)]
    [[], [], [], [], [], [], [0, 2], [], []]
    """

    def __init__(self, size: int, dice: np.random.Generator) -> None:
        self._size = size
        self._dice = dice
        self._around: deque[float] = deque(maxlen=_AROUND)
        self._slot: int | None = None
        self._drawn: list[tuple[int, T]] = []
        self._seen = 0

    def take(self, row: T, event_s: float) -> list[T]:
        """Take one row in; gives the batch of the half hour that is over by it, else nothing."""
        self._around.append(event_s)
        now, done = slot_of(median_low(self._around)), []
        if self._slot is None or now not in (self._slot, self._slot - 1):  # rows at its end come in any order
            whole, follows = self._seen >= self._size, now - 1 == self._slot
            if whole:
                done = [one for _, one in sorted(self._drawn, key=lambda drawn: drawn[0])]
            if whole or not follows:
                self._drawn, self._seen = [], 0
            self._slot = now
        if slot_of(event_s) == self._slot:
            self._draw(row)
        return done

    def _draw(self, row: T) -> None:
        if self._seen < self._size:
            self._drawn.append((self._seen, row))
        elif (place := int(self._dice.integers(self._seen + 1))) < self._size:
            self._drawn[place] = (self._seen, row)
        self._seen += 1
