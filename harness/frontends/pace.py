"""How far a campaign has come, told to people: pairs done, pairs a second, how long the rest takes.

Comes in: how many pairs are done, again and again. Goes out: a line now and then, and always the last one.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.frontends.wording import length_text

EVERY_S = 2.0


class Pace:
    """Called with the pairs that are done. Its first call says what was there before: that took no time.

    >>> told, now_s = [], iter([0.0, 10.0, 11.0, 20.0])
    >>> pace = Pace(100, told.append, lambda: next(now_s))
    >>> for pairs in (0, 40, 42, 100):
    ...     pace(pairs)
    >>> print("\\n".join(told))
    0 of at most 100 pairs
    40 of at most 100 pairs, 4 a second, about 15 s to go
    100 of at most 100 pairs, 5 a second
    """

    def __init__(self, pairs_max: int, say: Callable[[str], None], now_s: Callable[[], float]) -> None:
        self._pairs_max = pairs_max
        self._say = say
        self._now_s = now_s
        self._began: tuple[int, float] | None = None
        self._told_s = 0.0

    def __call__(self, pairs: int) -> None:
        """Tell it, if it is time to."""
        now_s = self._now_s()
        first = self._began is None
        if self._began is None:
            self._began = pairs, now_s
        elif pairs < self._pairs_max and now_s < self._told_s + EVERY_S:
            return
        self._told_s = now_s
        self._say(f"{pairs} of at most {self._pairs_max} pairs" + ("" if first else self._rest(pairs, now_s)))

    def _rest(self, pairs: int, now_s: float) -> str:
        found, began_s = self._began or (0, now_s)
        done, gone_s = pairs - found, now_s - began_s
        if not done or not gone_s > 0:
            return ""
        left_s = gone_s / done * (self._pairs_max - pairs)
        rest = f", about {length_text(left_s)} to go" if pairs < self._pairs_max else ""
        return f", {done / gone_s:.2g} a second{rest}"
