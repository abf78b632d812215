"""The time of one request, shared over its hops.

Comes in: the end of the request and the present instant. Goes out: how long one hop may take.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A request that ends at ``until_s``; its last ``reserve_s`` belong to the fallback's answer."""

    until_s: float
    reserve_s: float = 0.0

    def share_s(self, now_s: float, hops_left: int, limit_s: float) -> float:
        """Give one of ``hops_left`` hops its equal part of what is left, at most ``limit_s``.

        What a hop leaves over goes to those after it. 0 when nothing is left.

        >>> Deadline(until_s=0.2, reserve_s=0.04).share_s(0.0, 2, 0.1)
        0.08
        >>> round(Deadline(until_s=0.2, reserve_s=0.04).share_s(0.01, 1, 0.1), 3)
        0.1
        """
        left_s = self.until_s - self.reserve_s - now_s
        return max(0.0, min(limit_s, left_s / hops_left))
