"""What came last of what is kept in memory: whoever looks again and again asks for that.

Comes in: kept things with numbers that only grow. Goes out: those above a number, oldest first. It is looked
for from the newest on: what a look costs is what is new, however much is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import TypeVar

_Kept = TypeVar("_Kept")


def newer(kept: deque[_Kept], number_of: Callable[[_Kept], int], after: int, limit: int) -> list[_Kept]:
    """Give the oldest ``limit`` of those with a number above ``after``, oldest first.

    >>> newer(deque([3, 5, 6, 9]), int, 3, 2)
    [5, 6]
    """
    found = list(takewhile(lambda one: number_of(one) > after, reversed(kept)))
    found.reverse()
    return found[:limit]
