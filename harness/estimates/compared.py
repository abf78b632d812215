"""What a comparison of two campaigns is made of: types alone, so that whoever shows it needs no statistics.

A is what is compared with, B what is compared; a ratio is B / A. ``None`` at an end means that it is open.
"""

from __future__ import annotations

import msgspec

from harness.estimates.counts import Rate
from harness.estimates.model import Mean, Share


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Ratio(_Frozen, frozen=True, kw_only=True):
    """How many times as long B took as A, with a 95 % interval.

    ``paired``: of ``n`` pairs of episodes with impact of which at least one side was back; ``apart`` further
    pairs were back on neither side, which says nothing of a ratio. Else of ``n`` episodes of A and ``n_b`` of
    B. Fewer than ``needs_n`` (on each side) give no figure. ``ratio`` None with enough of them: it depends on
    what lies beyond the horizon. ``coverage_ratio``: how often such an interval holds the truth; few values
    do not give every level.
    """

    paired: bool
    n: int
    n_b: int
    apart: int = 0
    needs_n: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    coverage_ratio: float | None = None

    def tells(self) -> bool:
        """Whether anything is known: an interval with at least one end.

        >>> Ratio(paired=True, n=9, n_b=9, needs_n=6, low=1.2).tells()
        True
        """
        return self.low is not None or self.high is not None


class NotBack(_Frozen, frozen=True, kw_only=True):
    """Episodes with impact that were not back within the horizon, on each side, and an exact test.

    ``paired``: McNemar's test on ``only_a`` and ``only_b``, pairs in which one side alone was not back; else
    Fisher's. ``p_value`` None: one side has no such episode, or paired there is no pair.
    """

    paired: bool
    a: Share
    b: Share
    only_a: int = 0
    only_b: int = 0
    p_value: float | None


class Difference(_Frozen, frozen=True, kw_only=True):
    """A mean over runs on each side, and B - A: within pairs if ``paired``, else after Welch.

    ``cut_a`` and ``cut_b``: an episode outlived the horizon, so the side's mean is the least that was lost.
    """

    paired: bool
    a: Mean
    b: Mean
    change: Mean
    cut_a: bool = False
    cut_b: bool = False


class RateRatio(_Frozen, frozen=True, kw_only=True):
    """How many times as often B as A, by the share of B among all events (exact, conditional on their sum).

    ``why``: why it cannot be told, "" = it can. ``high`` None: A has no event.
    """

    a: Rate
    b: Rate
    why: str = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
