"""A score in words: points with their interval, what it lacks, and what it comes to at declared rates."""

from __future__ import annotations

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
    low, high = (percent_text(bound, 2) for bound in (found.low_ratio, found.high_ratio))
    rates = ", ".join(
        f"{kind} {mean:g} [{low:g}–{high:g}]" for kind, (mean, low, high) in found.faults_per_30_days.items()
    )
    return (
        f"implied availability {percent_text(found.ratio, 2)} [{low.removesuffix(' %')}–{high}], "
        f"{amount(found.down_min)} minutes lost in 30 days [{amount(found.down_low_min)}–"
        f"{amount(found.down_high_min)}], at the declared rates in 30 days: {rates}; "
        f"{given(found.human_repair_s)} until a human has repaired"
    )
