"""How the simulated world moves while it runs: knobs that change at an instant, at once or by a ramp.

Comes in: the knobs as they are, moves, the instants of units. Goes out: a law with one value
a unit for each knob. A law of P(x) decides what is drawn, a law of P(y|x) what is true of it. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadScenario
from reference_pipeline.records import CATEGORIES, CHANNELS
from reference_pipeline.world.knobs import SimulatorKnobs

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[np.generic]]

FRAUD_ODDS = "fraud_odds"
MOVABLE: Mapping[str, tuple[float, float]] = {
    # P(x): who pays what, where and by which channel
    "amount_scale": (0.2, 5.0),
    "far_share": (0.0, 0.5),
    "big_ticket_share": (0.0, 0.2),
    "phone_share": (0.0, 0.6),
    # P(y|x): how strong each cause of fraud is
    "base_risk": (0.0, 0.01),
    "amount_risk": (0.6, 1.0),
    "terminal_risk": (0.0, 1.0),
    "customer_risk": (0.0, 1.0),
    "stolen_risk": (0.0, 1.0),
    "pattern_risk": (0.0, 1.0),
    # P(y), with P(x|y) as it is: the odds of fraud times so much
    FRAUD_ODDS: (0.1, 10.0),
}
"""Knob -> its range while the world runs; ``fraud_odds`` is 1 unless it is moved."""

SLICES: Mapping[str, tuple[str, ...]] = {"channel": CHANNELS, "category": CATEGORIES}
"""Fields by which a move can be held to a part of the records, and their levels."""


class Move(Protocol):
    """A knob on its way to ``value``: from ``from_s`` on, ``until_s`` excluded, in run seconds.

    ``ramp_s`` 0 is at once. With ``period_s`` above 0 it holds in the first half of each period only, and
    each time anew by its ramp.
    With ``field`` it holds for records whose ``field`` is ``level`` only.
    """

    knob: str
    value: float
    from_s: float
    until_s: float
    ramp_s: float
    period_s: float
    field: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedLaw:
    """A law with one value a unit, shape (n,), for each movable knob."""

    cycle_ratio: float
    amount_scale: Floats
    far_share: Floats
    big_ticket_share: Floats
    phone_share: Floats
    base_risk: Floats
    amount_risk: Floats
    terminal_risk: Floats
    customer_risk: Floats
    stolen_risk: Floats
    pattern_risk: Floats
    fraud_odds: Floats


Law: TypeAlias = SimulatorKnobs | MovedLaw
"""What drawing and truth read: one number a knob, or one a unit."""


@dataclass(slots=True, kw_only=True)
class OwnMove:
    """A move that the scenario makes by itself, and that stays."""

    knob: str
    value: float
    from_s: float
    until_s: float = math.inf
    ramp_s: float = 0.0
    period_s: float = 0.0
    field: str = ""
    level: str = ""


def own_moves(knobs: SimulatorKnobs) -> tuple[OwnMove, ...]:
    """Give the move that the scenario itself makes, if it makes one.

    Raises:
        BadScenario: ``later_knob`` is none that can move, or ``later_value`` is out of its range.
    """
    if not knobs.later_knob:
        return ()
    own = OwnMove(knob=knobs.later_knob, value=knobs.later_value, from_s=knobs.later_at_s)
    if own.knob not in MOVABLE:
        raise BadScenario(f"knob later_knob is {own.knob!r}; those that can move: {', '.join(MOVABLE)}")
    low, high = MOVABLE[own.knob]
    if not low <= own.value <= high:
        raise BadScenario(f"knob later_value is {own.value:g}; {own.knob} goes from {low:g} to {high:g}")
    return (own,)


def moved_law(knobs: SimulatorKnobs, moves: Sequence[Move], due_s: Floats, columns: Columns) -> MovedLaw:
    """Apply ``moves``, the later ones over the earlier ones, for units due ``due_s`` with ``columns``.

    Raises:
        BadScenario: no such knob, value, field or level; the message names those there are.
    """
    values = {name: np.full(len(due_s), getattr(knobs, name, 1.0), dtype=np.float64) for name in MOVABLE}
    for move in moves:
        refuse_unknown(move)
        here = values[move.knob]
        there = progress(move, due_s) * _within(move, columns)
        values[move.knob] = here + (move.value - here) * there
    return MovedLaw(cycle_ratio=knobs.cycle_ratio, **values)


def progress(move: Move, due_s: Floats) -> Floats:
    """How far the move has come at each instant: 0 before and after, 1 when it has arrived.

    >>> from types import SimpleNamespace
    >>> ramp = SimpleNamespace(from_s=10.0, until_s=30.0, ramp_s=10.0, period_s=0.0)
    >>> progress(ramp, np.array([9.0, 10.0, 15.0, 25.0, 30.0])).tolist()
    [0.0, 0.0, 0.5, 1.0, 0.0]
    """
    since_s = due_s - move.from_s
    on = (since_s >= 0) & (due_s < move.until_s)
    if move.period_s > 0:
        on &= since_s % move.period_s < move.period_s / 2
    since_s = since_s % move.period_s if move.period_s > 0 else since_s
    come = np.clip(since_s, 0.0, move.ramp_s) / move.ramp_s if move.ramp_s > 0 else np.ones(len(due_s))
    return np.where(on, come, 0.0)


def slices_of(moves: Sequence[Move], knob: str) -> tuple[str, ...]:
    """Fields by which moves of ``knob`` are held to a part of the records."""
    return tuple(sorted({move.field for move in moves if move.knob == knob and move.field}))


def refuse_unknown(move: Move) -> None:
    """Raise BadScenario where the world has no such knob, or the knob no such value."""
    if move.knob not in MOVABLE:
        raise BadScenario(f"this world has no knob {move.knob!r} to move; there are: {', '.join(MOVABLE)}")
    low, high = MOVABLE[move.knob]
    if not low <= move.value <= high:
        raise BadScenario(f"knob {move.knob} goes from {low:g} to {high:g}, not to {move.value:g}")
    if move.field and move.level not in SLICES.get(move.field, ()):
        known = "; ".join(f"{field}: {', '.join(levels)}" for field, levels in SLICES.items())
        raise BadScenario(f"no part of the records is {move.field}={move.level}; there are: {known}")


def _within(move: Move, columns: Columns) -> Floats:
    if not move.field:
        return np.ones(1)
    codes = np.asarray(columns[move.field], dtype=np.int64)
    return np.equal(codes, SLICES[move.field].index(move.level)).astype(np.float64)
