"""Scales of the drawings, and round values for their axes."""

from __future__ import annotations

import math
from collections.abc import Callable

Scale = Callable[[float], float]
"""Seconds (or any quantity) -> horizontal position in the drawing."""


def linear(start: float, end: float, left: float, right: float) -> Scale:
    """Map [start, end] to [left, right] evenly, clamped."""
    length = (end - start) or 1.0
    return lambda value: left + (right - left) * min(1.0, max(0.0, (value - start) / length))


def root(limit: float, left: float, right: float) -> Scale:
    """Map [0, limit] to [left, right] by square root, clamped: short outages stay apart, long ones fit."""
    return lambda value: left + (right - left) * math.sqrt(min(1.0, max(0.0, value / limit)))


def ticks(limit: float, scale: Scale, gap: float) -> tuple[float, ...]:
    """Choose round tick values in [0, limit], the limit itself among them, at least ``gap`` apart.

    >>> ticks(10.0, root(10.0, 0, 300), 40)
    (0.0, 0.5, 2.0, 5.0, 10.0)
    """
    low = math.floor(math.log10(limit)) - 2
    nice = [m * 10.0**k for k in range(low, low + 4) for m in (1, 2, 5)]
    chosen = [limit]
    for value in sorted((v for v in nice if v < limit), reverse=True):
        if scale(chosen[-1]) - scale(value) >= gap and scale(value) - scale(0) >= gap:
            chosen.append(value)
    return (0.0, *sorted(chosen))


def even_ticks(start: float, end: float, most: int) -> tuple[float, ...]:
    """Choose at most ``most`` evenly spaced round values in [start, end]; 0 is one of them if inside.

    >>> even_ticks(-2.0, 13.5, 10)
    (-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
    """
    rough = (end - start) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first, last = math.ceil(start / step), math.floor(end / step)
    return tuple(i * step for i in range(first, last + 1))
