"""What the stages ask of each other's outside, as protocols of at most three methods.

``World`` is what happens to the system from outside; what it can do besides is a protocol each.
All are matched by structure, so that neither side imports the other; ``Move`` is what the driver hands over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Clock(Protocol):
    """Whose time a run is measured in: the machine's, or that of a simulated world."""

    def now_s(self) -> float:
        """Monotonic seconds, the clock of every mark."""
        ...

    def sleep_until(self, at_s: float, /) -> None:
        """Let time pass until that instant; returns at once if it has."""
        ...


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


class MovedOffers(Offers, Protocol):
    """What a world offers while it moves."""

    @property
    def before(self) -> NDArray[np.float64]:
        """P(y = 1 | x) of these very records, had the world not moved; NaN where unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A knob of the world on its way, as ``harness.driver.spec.Span`` with a ``Shift`` says it."""

    knob: str
    value: float
    from_s: float
    until_s: float
    ramp_s: float
    period_s: float
    field: str
    level: str


class World(Protocol):
    """A source of records with known truth, deterministic from scenario and seed."""

    def draw(self, due_s: NDArray[np.float64], /) -> Offers:
        """Records for units due ``due_s`` seconds after the first slot (run time); asked once a run."""
        ...

    def golden(self, count: int, /) -> tuple[Sequence[Mapping[str, object]], Sequence[str]]:
        """``count`` records far from the threshold, each with its one right decision."""
        ...


class Movable(Protocol):
    """A world that can move while it runs; one that cannot is refused faults of the world."""

    def movable(self) -> Mapping[str, tuple[float, float]]:
        """Knobs that can move, each with its range."""
        ...

    def moved(self, due_s: NDArray[np.float64], moves: Sequence[Move], /) -> MovedOffers:
        """The units of ``draw(due_s)`` by the same dice, while ``moves`` are made.

        A unit that no move reaches is the same. Raises ValueError for a move that is none of this world.
        """
        ...


class Referee(Protocol):
    """A world that knows what decisions cost, and what the system as prepared would decide."""

    def costs(self) -> tuple[float, float]:
        """What a wrong decision costs, in any one unit: a positive let through, a negative declined."""
        ...

    def reference(self, records: Sequence[Mapping[str, object]], /) -> NDArray[np.int8]:
        """1 for each record that the system as prepared declines, else 0."""
        ...


class OpenWorld(Protocol):
    """The function that ``world:`` of a system file names, as ``module:function``."""

    def __call__(self, *, scenario: Mapping[str, object], seed: int, template: Path) -> World:
        """Open the world of ``scenario``; ``template`` is the prepared state of the system."""
        ...
