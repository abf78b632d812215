"""One value far too often in a column that has no such value: a number that stands for a missing one.

Comes in: values seen lately, and a sample of the same column while nothing was wrong; the same of the columns
beside it. Goes out: the value and how often it came, or None. Pure. A sentinel has a valid type and may lie
inside the contract; what gives it away is that a column in which no value comes often has one that does.

The share that is borne is the upper end of what the sample allows at two standard errors; more than that is
called out where chance would show it once in 1 / ``alpha`` looks at most (exact binomial tail). A column in
which some value is usual (a flag, a category, a count) is left alone: there a shift is no damage.

A customer who buys often for some hours brings one age of card, one mean of amounts, again and again: that is
one thing, not a number for a missing one. It is told by a column beside: there all those rows have one value,
or a few, that was seen before. So many different values as rows would be needed must be there.

    >>> usual = np.linspace(0.0, 500.0, 2000)
    >>> sample = sample_of(usual)
    >>> point_mass(np.append(usual[::5], np.full(80, 999.0)), sample)
    PointMass(value=999.0, times=80, of=480)
    >>> point_mass(usual[::5], sample) is None
    True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.resilience.breaker import least_rejecting

Floats = NDArray[np.float64]

ALPHA = 1e-9  # 2.5 looks a second at 20 columns: a false one in some 200 days
USUAL_SHARE = 0.02  # a value that this share of the sample has is usual
SAMPLE_LEAST = 200


class PointMass(NamedTuple):
    """``value`` came ``times`` times among ``of`` values."""

    value: float
    times: int
    of: int


class Sample(NamedTuple):
    """The known ``values`` of a column while nothing was wrong; ``tells``: no value of it is usual."""

    values: Floats
    tells: bool


def sample_of(values: Floats) -> Sample:
    """Look at a sample once for all looks; missing values (NaN) are left out."""
    known = values[~np.isnan(values)]
    tells = len(known) >= SAMPLE_LEAST and _commonest(known)[1] < USUAL_SHARE * len(known)
    return Sample(known, tells)


def point_mass(
    values: Floats,
    sample: Sample,
    *,
    beside: Sequence[tuple[Floats, Sample]] = (),
    alpha: float = ALPHA,
) -> PointMass | None:
    """Find the value of ``values`` that is far too frequent; missing ones (NaN) are left out.

    ``beside``: the other columns, each with its values in the same rows and its sample.
    """
    seen = values[~np.isnan(values)]
    if not len(seen) or not sample.tells:
        return None
    value, times = _commonest(seen)
    among = int((sample.values == value).sum())
    borne = round((among + 2.0 * (among + 1.0) ** 0.5 + 1.0) / len(sample.values), 4)
    least = least_rejecting(len(seen), borne, alpha)
    if times < least:
        return None
    things = (_things(other[values == value], own) for other, own in beside)
    return None if any(number < least for number in things) else PointMass(value, times, len(seen))


def _things(values: Floats, sample: Sample) -> int:
    """Different values in these rows; all of them where the commonest one is new, and so wrong itself."""
    seen = values[~np.isnan(values)]
    if not len(seen) or not sample.tells:
        return len(values)
    known = bool((sample.values == _commonest(seen)[0]).any())
    return len(np.unique(seen)) if known else len(values)


def _commonest(values: Floats) -> tuple[float, int]:
    distinct, counts = np.unique(values, return_counts=True)
    place = int(counts.argmax())
    return float(distinct[place]), int(counts[place])
