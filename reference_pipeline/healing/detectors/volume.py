"""How much comes, and how old the newest is.

Comes in: counts of batches, instants. Goes out: a component for ``scan``, whose baseline knows the cycle; and
readings of staleness. Pure.

A count c becomes 2 sqrt(c + 3/8), with variance 1 were arrivals independent (Anscombe, Biometrika 35, 1948).
Nothing that came is a count of 0, which is data; None is a count that could not be taken.

    >>> volume_component(100).round(2).tolist()
    [20.04]
    >>> staleness(newest_s=10.0, now_s=75.0, allowed_s=60.0).says
    'alarm'
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.scan import Group

VOLUME = Group("volume", ("count",))


def volume_component(count: float | None) -> NDArray[np.float64] | None:
    """Give the one component of a count; None where it is unknown, negative or no number."""
    if count is None or not math.isfinite(count) or count < 0:
        return None
    return np.array([2.0 * math.sqrt(count + 3.0 / 8.0)])


def staleness(*, newest_s: float | None, now_s: float, allowed_s: float) -> Reading:
    """Compare the age of the newest arrival with what is allowed, seconds of one clock.

    Nothing ever seen is no data: there is no age. So is an arrival of the future: the clocks differ.
    """
    if newest_s is None or not math.isfinite(newest_s) or newest_s > now_s:
        return Reading(says="no data", means="moved", threshold=allowed_s)
    age_s = now_s - newest_s
    return Reading(
        says="alarm" if age_s > allowed_s else "quiet",
        means="moved",
        statistic=age_s,
        threshold=allowed_s,
        where="newest arrival",
        how="age up",
    )
