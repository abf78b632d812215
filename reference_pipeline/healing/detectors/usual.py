"""What is usual of one number, learned while it is watched: each value is judged by those before it.

Comes in: values, one by one, of which no history is stored. Goes out: components for ``scan`` with the law of
independent standard normal numbers, from the ninth value on. Pure.

Of n values with mean m and standard deviation s, t = (x - m) / (s sqrt(1 + 1/n)) of the next one has the law
of Student with v = n - 1 degrees of freedom, and these t are independent, if the values are so and normal.
Neither mean nor spread need be known, and no error of theirs costs run length (Hawkins, The Statistician 36,
1987).
z = (8v + 1) / (8v + 3) sqrt(v ln(1 + t^2 / v)) is t as a normal number (Wallace, Ann. Math. Stat. 30, 1959).

z is cut off at ``MOST``, so that one odd value is never an alarm, and what is learned of a value is cut off
where z is: what has just moved must not be usual at once. Values that were all one are no data as long as the
next one is the same.

    >>> state = Usual()
    >>> for value in (19.5, 20.5, 20.0, 19.0, 21.0, 20.0, 19.5, 20.5):
    ...     state, component = see(state, value, spread_least=0.5)
    >>> component is None, see(state, 31.0, spread_least=0.5)[1], see(state, 9.0, spread_least=0.5)[1]
    (True, 3.0, -3.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LEAST = 8  # values before the first that is judged
MOST = 3.0


@dataclass(frozen=True, slots=True)
class Usual:
    """How many values there were, their mean, and the sum of squares about it."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0


def see(state: Usual, value: float, *, spread_least: float, learn: bool = True) -> tuple[Usual, float | None]:
    """Judge ``value`` by those before it, and learn it where ``learn``; None: there is nothing to be said.

    ``spread_least``: the standard deviation that independent events have; less is chance, or a clockwork.
    """
    if not math.isfinite(value):
        return state, None
    if state.count < LEAST:
        return _learned(state, value), None
    spread = max(math.sqrt(state.squares / (state.count - 1)), spread_least)
    scale = spread * math.sqrt(1.0 + 1.0 / state.count)
    most = state.mean + MOST * scale
    least = state.mean - MOST * scale
    after = _learned(state, min(max(value, least), most)) if learn else state
    if state.squares == 0.0 and value == state.mean:
        return after, None
    return after, _normal((value - state.mean) / scale, state.count - 1)


def _normal(t: float, freedom: int) -> float:
    factor = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    z = factor * math.sqrt(freedom * math.log1p(t * t / freedom))
    return math.copysign(min(z, MOST), t) if t else 0.0


def _learned(state: Usual, value: float) -> Usual:
    """Welford's recursion (Technometrics 4, 1962)."""
    count = state.count + 1
    off = value - state.mean
    mean = state.mean + off / count
    return replace(state, count=count, mean=mean, squares=state.squares + off * (value - mean))
