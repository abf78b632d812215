"""Scores to components: the share of each bin of a reference, and of scores that are no number.

Comes in: the scores of a batch. Goes out: the components that ``scan`` watches. Pure.

Bins are quantiles of the reference, so that each holds as many scores as the next one, wherever scores
crowd; equal edges are one. Counts become components as categories do (``columns``). A batch without a number,
and one that equals a reference of one score for everybody, hold nothing that could tell anything: no data.

    >>> dice = np.random.default_rng(1)
    >>> bins = make_bins(dice.beta(1, 20, 5000))
    >>> bins.group.parts[0], bins.group.parts[-1], len(bins.group.parts)
    ('bin 1 of 10', 'no number', 11)
    >>> bool(score_components(bins, dice.beta(1, 20, 500)).max() < 4)
    True
    >>> bool(score_components(bins, np.full(500, 0.5))[9] > 20)
    True
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.columns import REFERENCE_LEAST, BadReference, rooted
from reference_pipeline.healing.detectors.scan import Group

Floats = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True, slots=True)
class Bins:
    """``edges``: inner edges of the bins, ascending; ``shares``: of the bins, last of what is no number.

    ``only``: the one score that all of the reference have; NaN where there are several.
    """

    group: Group
    edges: Floats
    shares: Floats
    only: float


def make_bins(scores: Floats, *, name: str = "score") -> Bins:
    """Learn the bins of a reference sample.

    Raises:
        BadReference: fewer than 200 scores that are numbers.
    """
    usable = scores[np.isfinite(scores)]
    if usable.size < REFERENCE_LEAST:
        raise BadReference(f"{usable.size} scores in the reference; at least {REFERENCE_LEAST} are needed")
    edges = np.unique(np.quantile(usable, np.arange(1, BINS) / BINS))
    counts = _counts(edges, scores)
    parts = (*(f"bin {number} of {len(edges) + 1}" for number in range(1, len(edges) + 2)), "no number")
    only = float(usable[0]) if np.ptp(usable) == 0.0 else float("nan")
    return Bins(Group(name, parts), edges, (counts + 0.5) / (scores.size + 0.5 * counts.size), only)


def score_components(bins: Bins, scores: Floats) -> Floats | None:
    """Give a component for every bin; None for a batch that shows nothing."""
    if not np.isfinite(scores).any() or (scores == bins.only).all():
        return None
    return rooted(_counts(bins.edges, scores), bins.shares * scores.size)


def _counts(edges: Floats, scores: Floats) -> Floats:
    usable = np.isfinite(scores)
    counts = np.bincount(np.searchsorted(edges, scores[usable], "left"), minlength=len(edges) + 1)
    return np.append(counts, scores.size - usable.sum()).astype(float)
