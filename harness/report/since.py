"""What changed since the last time, in words: inputs first, then what became slower or faster."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.estimates.compared import Ratio
from harness.report.past import ClassSince, InputChange, Since
from harness.report.words import fault_title, inert, when

CHANGES_MAX = 5  # so many inputs are named; report.json has them all
CANNOT_TELL = "cannot tell"
_SHORT = 12  # digits of a digest: enough to tell two apart
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Told:
    """Two sentences: what differs in what was asked; what came of it ("" where nothing may be compared)."""

    changed: str
    compared: str


def told(since: Since) -> Told:
    """Write both."""
    last = (
        f"{inert(since.id, 80)} ({since.word}{', ' + when(since.started_utc) if since.started_utc else ''})"
    )
    named = [_change(one) for one in since.changes[:CHANGES_MAX]]
    more = "; more in report.json" if len(since.changes) > CHANGES_MAX else ""
    changed = f"Changed since {last}: {'; '.join(named)}{more}." if named else f"Same inputs as in {last}."
    if since.refused:
        return Told(changed, f"Not compared (A: then, B: now): {inert(since.refused)}.")
    return Told(changed, _compared(since))


def _change(one: InputChange) -> str:
    return f"{inert(one.what, 60)} {_short(one.before)} → {_short(one.now)}"


def _short(value: str) -> str:
    return value[:_SHORT] if _DIGEST.fullmatch(value) else inert(value, 60)


def _compared(since: Since) -> str:
    """Name the class that became slowest and the one that became fastest, as far as either can be told."""
    slower = [(c.ratio.low, c) for c in since.classes if c.ratio.low is not None and c.ratio.low > 1]
    faster = [(c.ratio.high, c) for c in since.classes if c.ratio.high is not None and c.ratio.high < 1]
    if not slower and not faster:
        return "No class can be told to take longer or less than then." if since.classes else ""
    worst = [max(slower, key=lambda one: one[0])[1]] if slower else []
    best = [min(faster, key=lambda one: one[0])[1]] if faster else []
    told = [_sentence(c, "longer") for c in worst] + [_sentence(c, "less time") for c in best]
    return " ".join(told)


def _sentence(one: ClassSince, how: str) -> str:
    name = f"{fault_title(one.fault)}, {one.service}, arm {one.arm}, {one.restart_profile}"
    return f"{name}, takes {how} than then: {ratio_text(one.ratio)}."


def ratio_text(ratio: Ratio) -> str:
    """Write a ratio with its interval, or that it cannot be told and how many are needed.

    >>> ratio_text(Ratio(paired=True, n=4, n_b=4, needs_n=6))
    'cannot tell: needs 4/6 pairs'
    >>> ratio_text(Ratio(paired=False, n=9, n_b=8, needs_n=4, ratio=0.5, low=0.41, high=0.6))
    'x0.50 [0.41 to 0.60], 9 and 8'
    """
    apart = f", {ratio.apart} more back on neither side" if ratio.apart else ""
    counted = f"{ratio.n} pairs{apart}" if ratio.paired else f"{ratio.n} and {ratio.n_b}"
    if ratio.n < ratio.needs_n or (ratio.n_b < ratio.needs_n and not ratio.tells()):
        needed = f"{ratio.n}/{ratio.needs_n} pairs{apart}" if ratio.paired else _needed(ratio)
        return f"{CANNOT_TELL}: needs {needed}"
    if not ratio.tells():
        return f"{CANNOT_TELL}: too few were back in time ({counted})"
    low, high = (None if end is None else _times(end) for end in (ratio.low, ratio.high))
    held = f"[{low} to {high}]" if low and high else f"[at least {low}]" if low else f"[at most {high}]"
    return f"{'x' + _times(ratio.ratio) + ' ' if ratio.ratio is not None else ''}{held}, {counted}"


def _needed(ratio: Ratio) -> str:
    return f"{ratio.n}/{ratio.needs_n} and {ratio.n_b}/{ratio.needs_n}"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
