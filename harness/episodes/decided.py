"""How good the decisions of one episode were, under the known truth: regret, harm, what is left of it.

In: the witness's rows, what wrong decisions cost, the span. Out: ``Decided``, signed, never clipped.
*Regret* of a decision is its expected cost under P(y = 1 | x) above that of the best one for its record.
Two references, on the same units: the system as prepared under the world as it came to be, and under the
world had it not moved. *Jump* is the difference of these two, what the move costs if nobody learns;
*excess* is the regret of what was served above the second: what is left of it. Expected costs have none of
the noise of labels, of which a window of some seconds holds a handful.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.episodes.model import Decided, DecidedWindow
from harness.history.events import Priced
from harness.history.observations import (
    DECLINED_FLAG,
    DEGRADED,
    GOOD,
    REFERENCE_DECLINED_BEFORE,
    REFERENCE_DECLINES,
    REFERENCE_KNOWN,
    WITNESS,
    Rows,
)

Floats = NDArray[np.float64]

WINDOW = 500
"""Decisions a window: by count, since what is seen of a drift is a matter of decisions, not of seconds."""

ERRORS_MIN = 5.0
"""A jump is told from none when it is so many standard errors above 0."""

ALIKE_RATIO_MIN, ALIKE_UNITS_MIN = 0.99, 100
"""The reference is the system that runs where it decides so many units alike before the first fault."""

BACK_WINDOWS = 2
BACK_RATIO = 0.25
"""Decision quality is back where no more than this share of the jump is left, over two windows or more."""

_DIGITS = 6


def regret(posterior: Floats, declines: NDArray[np.bool_], costs: Priced) -> Floats:
    """Expected cost of each decision above that of the best one for its record.

    >>> costs = Priced(missed=20.0, declined_good=1.0)
    >>> regret(np.array([0.5, 0.5, 0.01]), np.array([False, True, True]), costs).round(2).tolist()
    [9.5, 0.0, 0.79]
    """
    missed, annoyed = posterior * costs.missed, (1.0 - posterior) * costs.declined_good
    return np.where(declines, annoyed, missed) - np.minimum(missed, annoyed)


@dataclass(frozen=True, slots=True)
class Span:
    """Which decisions to judge, by due: the move is there from ``inject_s`` to ``end_s``.

    ``period_s`` above 0: in the first half of each period after ``onset_s`` only. Decisions before
    ``first_s``, the first fault of the run, tell whether the reference is the system that runs.
    """

    inject_s: float
    end_s: float
    first_s: float
    onset_s: float = 0.0
    period_s: float = 0.0


def decided_of(rows: Rows, costs: Priced | None, span: Span) -> Decided | None:
    """Judge the decisions on units due in ``span``; None where the truth is not known.

    What was not answered, or in a golden unit's place, has no decision here; windows are disjoint, from
    the injection on, and the last one ends with the last decision.
    """
    known = (rows["stream"] == WITNESS) & ((rows["reference"] & REFERENCE_KNOWN) > 0)
    known &= np.isfinite(rows["posterior"]) & np.isfinite(rows["posterior_before"])
    of_span = rows[known & _within(rows["due"], span)]
    if costs is None or not len(of_span):
        return None
    answered = of_span[np.isin(of_span["outcome"], (GOOD, DEGRADED))]
    answered = answered[np.argsort(answered["due"], kind="stable")]
    unanswered = len(of_span) - len(answered)
    if why := _not_judged(rows[known & (rows["due"] < span.first_s)], len(answered)):
        return Decided(n=len(answered), unanswered=unanswered, why=why)
    jumps, excesses = _compared(answered, costs)
    since_s = answered["due"] - span.inject_s
    bounds = [(begin, begin + WINDOW) for begin in range(0, len(answered) - WINDOW + 1, WINDOW)]
    windows = tuple(_window(since_s[a:b], jumps[a:b], excesses[a:b]) for a, b in bounds)
    last = _window(since_s[-WINDOW:], jumps[-WINDOW:], excesses[-WINDOW:])
    jump, error = _mean(jumps)
    return Decided(
        n=len(answered),
        unanswered=unanswered,
        jump=round(jump, _DIGITS),
        jump_error=round(error, _DIGITS),
        jump_sum=round(float(jumps.sum()), _DIGITS),
        excess_sum=round(float(excesses.sum()), _DIGITS),
        windows=windows,
        last=last,
        back_s=_back_s(windows, last),
    )


def _within(due: Floats, span: Span) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (due >= span.inject_s) & (due < span.end_s)
    if span.period_s > 0:
        inside &= (due - span.onset_s) % span.period_s < span.period_s / 2
    return inside


def _not_judged(before: Rows, n: int) -> str:
    """Say why nothing can be said of ``n`` decisions; ``before``: those of the run's baseline, or ""."""
    if n < WINDOW:
        return f"{n} decisions; {WINDOW} are needed"
    full = before[before["outcome"] == GOOD]
    if len(full) < ALIKE_UNITS_MIN:
        return f"{len(full)} decisions before the first fault; {ALIKE_UNITS_MIN} tell what is in service"
    declines, expected = full["flags"] & DECLINED_FLAG, full["reference"] & REFERENCE_DECLINES
    alike = float(((declines > 0) == (expected > 0)).mean())
    if alike < ALIKE_RATIO_MIN:
        return f"before the first fault the system decided {alike:.0%} of units as the reference did"
    return ""


def _compared(rows: Rows, costs: Priced) -> tuple[Floats, Floats]:
    """Jump and excess of each unit."""
    posterior = rows["posterior"].astype(np.float64)
    served = regret(posterior, (rows["flags"] & DECLINED_FLAG) > 0, costs)
    as_prepared = regret(posterior, (rows["reference"] & REFERENCE_DECLINES) > 0, costs)
    before = regret(
        rows["posterior_before"].astype(np.float64),
        (rows["reference"] & REFERENCE_DECLINED_BEFORE) > 0,
        costs,
    )
    return as_prepared - before, served - before


def _window(since_s: Floats, jumps: Floats, excesses: Floats) -> DecidedWindow:
    jump, error = _mean(jumps)
    excess, excess_error = _mean(excesses)
    told = jump > 0 and jump >= ERRORS_MIN * error
    return DecidedWindow(
        from_s=round(float(since_s[0]), _DIGITS),
        until_s=round(float(since_s[-1]), _DIGITS),
        jump=round(jump, _DIGITS),
        jump_error=round(error, _DIGITS),
        excess=round(excess, _DIGITS),
        excess_error=round(excess_error, _DIGITS),
        left_ratio=round(excess / jump, _DIGITS) if told else None,
    )


def _mean(values: Floats) -> tuple[float, float]:
    """The mean and its standard error, infinite for a single value."""
    n = len(values)
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf


def _back_s(windows: tuple[DecidedWindow, ...], last: DecidedWindow) -> float | None:
    """Start of the first window from which on no more than ``BACK_RATIO`` of the jump is left; None = not.

    Two windows at least, and the last decisions: a single one may be below by chance.
    """
    back: list[float] = []
    for window in reversed(windows):
        if not _is_back(window):
            break
        back.append(window.from_s)
    return back[-1] if len(back) >= BACK_WINDOWS and _is_back(last) else None


def _is_back(window: DecidedWindow) -> bool:
    return window.left_ratio is not None and window.left_ratio <= BACK_RATIO
