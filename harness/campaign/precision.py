"""Whether a campaign knows enough to end before its cap; pure.

Comes in: a tally, the precision that was asked for. Goes out: yes or no. It is asked after each chunk in the
order of their numbers, never in that of their coming: broken runs take another time than whole ones, and who
stops by what came first would choose among them. An interval that is looked at again and again until it is
narrow covers a little less often than it says.
"""

from __future__ import annotations

from harness.campaign.buckets import quantile
from harness.campaign.tally import ClassTally, Tally
from harness.estimates.shares import upper_bound

PRECISION_RATIO_MIN = 0.01
"""Buckets are 1 % wide: no interval gets narrower than that."""
RARE_RATIO = 0.05
"""A class that is hurt too seldom to have a median counts as known once that is proven (95 %)."""


def exact_enough(tally: Tally, precision_ratio: float) -> bool:
    """Whether the median recovery of every class is known to ``precision_ratio`` of itself, to either side.

    One that proves to lie beyond the horizon is known, too.
    """
    return bool(tally.classes) and all(_is_exact(one, precision_ratio) for one in tally.classes.values())


def _is_exact(one: ClassTally, precision_ratio: float) -> bool:
    found = quantile(one.recovered, one.beyond, 0.5)
    if found.n < found.needs_n:
        return upper_bound(one.hurt, one.met) <= RARE_RATIO
    if found.low_s is None:
        return True
    if found.value_s is None or found.high_s is None:
        return False
    return found.high_s - found.low_s <= 2 * precision_ratio * found.value_s
