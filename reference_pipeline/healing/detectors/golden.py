"""Golden rows: rows whose right decision is known and far from the threshold under every concept.

Comes in: how many golden rows a model decided itself, and how many of them wrongly. Goes out: a reading.
Pure.

A sound model decides at most ``wrong_share`` of them wrongly. An exact binomial test at level 1 / run length
says whether more than that are wrong: looks then come to a false alarm after at least that many on average.

    >>> judge_golden(1, 20, wrong_share=0.02, run_length=1e5).says
    'quiet'
    >>> judge_golden(20, 20, wrong_share=0.02, run_length=1e5).says
    'alarm'
"""

from __future__ import annotations

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.resilience.breaker import least_rejecting


def judge_golden(wrong: int, rows: int, *, wrong_share: float, run_length: float) -> Reading:
    """Judge ``wrong`` decisions of ``rows``; so few rows that not even all wrong would tell are no data."""
    least = least_rejecting(rows, wrong_share, 1.0 / run_length)
    if not rows or least > rows:
        return Reading(says="no data", means="harmed", window=rows)
    return Reading(
        says="alarm" if wrong >= least else "quiet",
        means="harmed",
        statistic=float(wrong),
        threshold=float(least - 1),
        window=rows,
        where="golden rows",
        how="wrong up",
    )
