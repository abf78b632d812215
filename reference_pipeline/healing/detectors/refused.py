"""Fields that the contract refused: how many of a hundred accepted records lack one, or hold what it may not.

Comes in: counts of a batch, by field and by what is wrong. Goes out: components for ``scan``, and their
baseline. Pure.

What is refused is never decided by the model, so that no scan of decided rows sees it. In stored rows nothing
is refused: that is the usual here, and the root of a count c has the variance of independent ones (Anscombe;
see ``columns``). There is no history that a run length could be taken from. At ``LEVEL`` eight refused of a
hundred are an alarm, nine of two hundred, and thirty-two single ones of 6,400; one odd record never is.

    >>> from reference_pipeline.healing.detectors.scan import Scan, step
    >>> base = refused_baseline(["amount missing"])
    >>> readings = [step(base, Scan.fresh(base), refused_components([count]), 0)[1] for count in (0, 1, 8)]
    >>> [reading.says for reading in readings], readings[2].where
    (['no data', 'quiet', 'alarm'], 'amount missing')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.columns import rooted
from reference_pipeline.healing.detectors.scan import Baseline, Group
from reference_pipeline.records import FieldSpec, Lack

REFUSED_BATCH = 100  # accepted records
LEVEL = 4.0


def refused_name(field: str, lack: Lack) -> str:
    """Name what is counted.

    >>> refused_name("channel", "unknown level")
    'channel unknown level'
    """
    return f"{field} {lack}"


def refused_names(fields: Sequence[FieldSpec]) -> list[str]:
    """Name all that can be counted of records with these fields."""
    lacks: tuple[Lack, ...] = get_args(Lack)
    return [
        refused_name(field.name, lack)
        for field in fields
        for lack in lacks
        if field.categories or lack != "unknown level"
    ]


def refused_components(counts: Sequence[int]) -> NDArray[np.float64]:
    """Give the components of the counts of one batch, in the order of the baseline's names."""
    found = np.asarray(counts, dtype=np.float64)
    return rooted(found, np.zeros_like(found))


def refused_baseline(names: Sequence[str]) -> Baseline:
    """Give the baseline of a system in which nothing is refused."""
    width = len(names)
    return Baseline(
        groups=tuple(Group(name, ("share",)) for name in names),
        mean=np.zeros((1, width)),
        lags=np.zeros((0, width)),
        spread=np.ones((1, width)),
        constant=np.ones(width, dtype=np.bool_),
        threshold=LEVEL,
        run_length=float("nan"),
    )
