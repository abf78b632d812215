"""What the stages ask of each other's outside, as protocols of at most three methods.

``World`` is what happens to the system from outside; ``Target`` is where a plan runs.
Both are matched by structure, so that neither side imports the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Offers(Protocol):
    """What a world offers for a list of due instants; all members have one entry a unit."""

    @property
    def records(self) -> Sequence[Mapping[str, object]]:
        """Records as JSON objects without ``id``; the driver adds it."""
        ...

    @property
    def posterior(self) -> NDArray[np.float64]:
        """P(y = 1 | x) of every record under the world as it is; NaN where unknown."""
        ...

    @property
    def label(self) -> NDArray[np.int8]:
        """What will turn out to be true: 0, 1, or -1 where unknown."""
        ...


class World(Protocol):
    """A source of records with known truth, deterministic from scenario and seed."""

    def draw(self, due_s: NDArray[np.float64], /) -> Offers:
        """Records for units due ``due_s`` seconds after the first slot (run time)."""
        ...

    def golden(self, count: int, /) -> tuple[Sequence[Mapping[str, object]], Sequence[str]]:
        """``count`` records far from the threshold, each with its one right decision."""
        ...


class OpenWorld(Protocol):
    """The function that ``world:`` of a system file names, as ``module:function``."""

    def __call__(self, *, scenario: Mapping[str, object], seed: int, template: Path) -> World:
        """Open the world of ``scenario``; ``template`` is the prepared state of the system."""
        ...
