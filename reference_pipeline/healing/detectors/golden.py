"""Golden rows: rows whose right decision is known and far from the threshold under every concept.

Comes in: decisions on golden rows, None where the model did not answer itself. Goes out: a reading. Pure.

A sound model decides at most ``wrong_share`` of them wrongly. An exact binomial test at level 1 / run length
says whether more than that are wrong: looks then come to a false alarm after at least that many on average.

    >>> check_golden(["decline"] * 20, ["decline"] * 19 + ["approve"], wrong_share=0.02, run_length=1e5).says
    'quiet'
    >>> check_golden(["decline"] * 20, ["approve"] * 20, wrong_share=0.02, run_length=1e5).says
    'alarm'
"""

from __future__ import annotations

from collections.abc import Sequence

from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.records import Decision
from reference_pipeline.resilience.breaker import least_rejecting


def check_golden(
    wanted: Sequence[Decision],
    given: Sequence[Decision | None],
    *,
    wrong_share: float,
    run_length: float,
) -> Reading:
    """Compare decisions with the known ones, row by row; degraded answers are None: no word of the model."""
    pairs = [(right, said) for right, said in zip(wanted, given, strict=True) if said is not None]
    wrong = sum(right != said for right, said in pairs)
    return judge_golden(wrong, len(pairs), wrong_share=wrong_share, run_length=run_length)


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
