"""What the scores of one version look like while nothing is wrong, and how unlike another version's they are.

Comes in: scores of stored rows that the version has not learned from. Goes out: a :class:`ScoreReference`; a
reading of two versions on the same rows. Pure.

A scan of scores begins anew with each version: what it knows of one says nothing of the next. What changed
with the version itself is seen on the stored rows, which have not moved. Of two versions' scores of the same
rows, each sorted, the mean difference is their distance (Wasserstein's of first order; Vallender, Theory of
Probability 18, 1974), told as a share of the positives, or of the others if those are fewer. Scores of a
model that has learned more move up and down and keep their law; a turned, shifted or constant model has
another one. ``APART`` is a margin and no level of a test: the rows are the same, so there is no chance in it.

    >>> scores = np.random.default_rng(1).beta(0.3, 9.0, 2000)
    >>> likeness(scores, scores[::-1]).says, likeness(scores, np.sqrt(scores)).says
    ('quiet', 'alarm')
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.baseline import TooLittleHistory, fit_baseline
from reference_pipeline.healing.detectors.columns import REFERENCE_LEAST, BadReference
from reference_pipeline.healing.detectors.histogram import Bins, make_bins, score_components
from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.detectors.scan import Baseline

Floats = NDArray[np.float64]

RUN_LENGTH = 2000.0  # batches of 100 rows: an alarm here is told, and changes nothing
APART = 0.5
CONSTANT = "one for everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReference:
    """``sample``: scores of the stored sample, in its order; ``why``: why there is no baseline."""

    version: str
    sample: Floats
    bins: Bins | None = None
    baseline: Baseline | None = None
    why: str = ""


def make_score_reference(
    version: str, sample: Floats, past: Floats, *, shape: tuple[int, int], dice: np.random.Generator
) -> ScoreReference:
    """Learn from the scores ``past`` of stored rows in the order of time.

    ``shape``: batches to a cycle (1 = there is none), rows of a batch. What they cannot carry is not in it.
    """
    period, batch = shape
    try:
        bins = make_bins(sample)
        if np.isfinite(bins.only):
            raise TooLittleHistory("it gives everybody one score")
        starts = range(0, len(past) - batch + 1, batch)
        found = [score_components(bins, past[at : at + batch]) for at in starts]
        if any(one is None for one in found):
            raise TooLittleHistory("it gives no score to some of the stored rows")
        baseline = fit_baseline(
            np.array(found), (bins.group,), period=period, run_length=RUN_LENGTH, dice=dice
        )
    except (BadReference, TooLittleHistory) as error:
        return ScoreReference(version=version, sample=sample, why=str(error))
    return ScoreReference(version=version, sample=sample, bins=bins, baseline=baseline)


def likeness(before: Floats, now: Floats) -> Reading:
    """Compare the scores ``now`` of some rows with those that another version gave the same rows ``before``.

    Fewer than 200 rows with both, or scores before that are all one, are no data.
    """
    nothing = Reading(says="no data", means="moved", threshold=APART)
    if before.shape != now.shape:
        return nothing
    both = np.isfinite(before) & np.isfinite(now)
    if both.sum() < REFERENCE_LEAST:
        return nothing
    old, new = np.sort(before[both]), np.sort(now[both])
    positives = float(old.mean())
    share = min(positives, 1.0 - positives)
    if old[0] == old[-1] or share <= 0.0:
        return nothing
    apart = float(np.abs(new - old).mean()) / share
    constant = bool(new[0] == new[-1])
    return Reading(
        says="alarm" if constant or apart > APART else "quiet",
        means="moved",
        statistic=apart,
        threshold=APART,
        window=1,
        where="score",
        how=CONSTANT if constant else "up" if new.mean() > old.mean() else "down",
    )
