"""How seconds, shares and counts are written for people; inside, seconds are floats.

Inside the harness every length and instant is in seconds (``_s``), every share is a ratio
in [0, 1] (``_ratio``). Other units exist only where text is made or read.
"""

from __future__ import annotations

from collections.abc import Sequence


def seconds_text(value_s: float | None) -> str:
    """Write a length in seconds with three significant digits, or say that it has no end.

    >>> seconds_text(0.0412), seconds_text(9.87), seconds_text(151.2), seconds_text(None)
    ('41 ms', '9.9 s', '151 s', '∞')
    """
    if value_s is None:
        return "∞"
    if abs(value_s) < 1:
        return f"{value_s * 1000:.0f} ms"
    if abs(value_s) < 100:
        return f"{value_s:.1f} s"
    return f"{value_s:.0f} s"


def percent_text(ratio: float | None, digits: int = 1) -> str:
    """Write a ratio as a percentage.

    >>> percent_text(0.9987), percent_text(1.0), percent_text(None)
    ('99.9 %', '100.0 %', '–')
    """
    return "–" if ratio is None else f"{ratio * 100:.{digits}f} %"


def plural(count: int, noun: str) -> str:
    """Write how many of something there are.

    >>> plural(1, "run"), plural(0, "run"), plural(3, "open record")
    ('1 run', '0 runs', '3 open records')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


NAMED_MAX = 3
"""So many are named in one sentence."""


def named(items: Sequence[str]) -> str:
    """Name the first few in one sentence; the rest is a count.

    >>> named(["a", "b"]), named(["a", "b", "c", "d", "e"])
    ('a; b', 'a; b; c; and 2 more')
    """
    rest = len(items) - NAMED_MAX
    return "; ".join(items[:NAMED_MAX]) + (f"; and {rest} more" if rest > 0 else "")
