"""A score in words: points with their interval, what it lacks, and what it comes to at declared rates."""

from __future__ import annotations

from decimal import Decimal

from harness.estimates.points import RUNS_MIN, ClassScore, Score
from harness.report.lengths import amount, given
from harness.units import percent_text


def needs(score: Score) -> str:
    """Say how many runs there are and must be, where that is all that lacks; else ""."""
    if score.word != "INCONCLUSIVE":
        return ""
    return f"needs {min(c.points.n for c in score.classes)} / {RUNS_MIN}"


def points(value: float | None) -> str:
    """Write points with one digit.

    >>> points(76.149), points(None)
    ('76.1', '–')
    """
    return "–" if value is None else f"{value:.1f}"


def lost(value: float | None) -> str:
    """Write points that were lost; what rounds to nothing has no sign.

    >>> lost(8.24), lost(0.01), lost(None)
    ('−8.2', '0.0', '–')
    """
    text = points(value)
    return text if text in ("0.0", "–") else f"−{text}"


def points_span(scored: Score | ClassScore) -> str:
    """Write the interval of points."""
    return f"{points(scored.points.low)}–{points(scored.points.high)}"


def implied_text(score: Score) -> str:
    """Say what the measured losses come to at declared rates; "" where none are declared."""
    found = score.implied
    if found is None:
        return ""
    low, high = available(found.low_ratio), percent_text(found.high_ratio, 2)
    rates = ", ".join(
        f"{kind} {mean:g} [{low:g}–{high:g}]" for kind, (mean, low, high) in found.faults_per_30_days.items()
    )
    return (
        f"implied availability {available(found.ratio)} % [{low}–{high}], "
        f"{_minutes(found.down_min)} minutes lost in 30 days [{_minutes(found.down_low_min)}–"
        f"{_minutes(found.down_high_min)}], at the declared rates in 30 days: {rates}; "
        f"{given(found.human_repair_s)} until a human has repaired"
    )


def available(ratio: float) -> str:
    """Write an availability in percent, without a sign, cut to two digits: what lost something is not 100.

    >>> available(0.9999998), available(1.0), available(0.9971)
    ('99.99', '100.00', '99.71')
    """
    return f"{Decimal(str(ratio)) * 100:.9f}"[:-7]


def _minutes(value: float) -> str:
    """Write minutes; what is little is not written as none.

    >>> _minutes(124.3), _minutes(0.00186), _minutes(0.0)
    ('124', '0.0019', '0')
    """
    return f"{value:.2g}" if 0 < value < 0.01 else amount(value)
