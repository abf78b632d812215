"""What place in the cycle an instant of the simulated world has, and instants that fill whole cycles.

Comes in: seconds of the world. Goes out: a phase, a half hour, or instants. Pure. Working days and weekends
have other customers at each half hour, so a cycle is one day of each kind: a batch is judged by those of its
own half hour and kind of day. Within the half hour the law still moves. So a batch is spread over all of it,
in what was stored as in what comes (``spread``): ten batches within one half hour would each be off by where
in it they lie, all to the same side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.records import DAY_S

Floats = NDArray[np.float64]

SLOTS = 48
PHASES = 2 * SLOTS
"""Half hours of a working day, then those of a day of the weekend."""
WEEK_DAYS, WORKING_DAYS = 7, 5


def phase_of(event_s: float) -> int:
    """Give the place in the cycle.

    >>> phase_of(0.0), phase_of(1800.0), phase_of(5 * 86_400.0)
    (0, 1, 48)
    """
    day, second = divmod(event_s, DAY_S)
    slot = min(int(second / DAY_S * SLOTS), SLOTS - 1)
    return slot + (SLOTS if day % WEEK_DAYS >= WORKING_DAYS else 0)


def slot_of(event_s: float) -> int:
    """Number the half hours of the world.

    >>> slot_of(1799.9), slot_of(1800.0), slot_of(86_400.0)
    (0, 1, 48)
    """
    return int(event_s // (DAY_S / SLOTS))


def instants(before_day: int, *, days: int, cycles: int, rows: int) -> Floats:
    """Give ``rows`` instants, evenly, of each half hour of ``cycles`` cycles from the ``days`` before.

    Shape: (cycles x PHASES x rows,), in seconds of the world. Days come again where there are fewer than
    cycles; whoever draws records for them draws others each time.

    >>> found = instants(14, days=14, cycles=2, rows=1)
    >>> len(found), [float(found[at] // 86_400.0) for at in (0, 48, 96)]
    (192, [0.0, 5.0, 1.0])
    """
    known = range(before_day - days, before_day)
    working = [day for day in known if day % WEEK_DAYS < WORKING_DAYS]
    weekend = [day for day in known if day % WEEK_DAYS >= WORKING_DAYS]
    if not (working and weekend):
        raise ValueError(f"{days} days hold no weekend, or nothing else: take at least a week")
    drawn = [day for n in range(cycles) for day in (working[n % len(working)], weekend[n % len(weekend)])]
    within = (np.arange(SLOTS * rows) + 0.5) * (DAY_S / SLOTS / rows)
    return np.asarray((np.array(drawn, dtype=np.float64)[:, None] * DAY_S + within).ravel())
