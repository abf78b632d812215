"""Rows to components: ranks, shares of categories and of missing values, against a reference sample.

Comes in: a batch of rows as a :class:`Table`. Goes out: the components that ``scan`` watches. Pure.

A number becomes its place u in the reference sample, middle ranks for ties: whatever the column's scale and
outliers, u is then known. Its components are the sums, over the n rows of the batch that have a value and
divided by sqrt(n), of u and of the part of (u - 1/2)^2 that u does not explain, each standardised over the
reference sample: a move of the place, and of the width (Mood, Ann. Math. Stat. 25, 1954). A count c of a
category, of categories never seen or of missing values, where c' = n p is expected, becomes
2 sqrt(c + 3/8) - 2 sqrt(c' + 3/8) (Anscombe, Biometrika 35, 1948): a rare one cannot alarm by a single row.

    >>> dice = np.random.default_rng(1)
    >>> rows = lambda mean, count: Table(
    ...     numbers=dice.normal(mean, 1.0, (count, 1)), categories=dice.integers(0, 3, (count, 1)))
    >>> reference = make_reference(
    ...     rows(0.0, 2000), numbers=("amount",), categories={"channel": ("pos", "web", "phone")})
    >>> [group.name for group in reference.groups]
    ['amount', 'amount missing', 'channel', 'channel missing']
    >>> usual, moved = (components(reference, rows(mean, 100)) for mean in (0.0, 1.0))
    >>> bool(abs(usual[0]) < 3), bool(moved[0] > 6)
    (True, True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import PipelineError
from reference_pipeline.healing.detectors.scan import Group

Floats = NDArray[np.float64]

REFERENCE_LEAST = 200
UNKNOWN = "unknown level"
_SHIFT = 3.0 / 8.0


class BadReference(PipelineError):
    """The reference sample cannot be compared with: too few rows, or a column without any value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows as columns: ``numbers`` (rows, a), NaN = missing; ``categories`` (rows, b), the level's number.

    -1 is a missing category, and a number beyond the levels one that was never seen.
    """

    numbers: Floats
    categories: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The numeric columns of the reference: sorted values of each, and what standardises rank and width.

    ``values``: of each column, each once; ``below``: for each of them and for what is above all, the share of
    the sample below it, one column after the other from ``starts`` on; ``half``: half the share equal to it.
    """

    values: tuple[Floats, ...]
    starts: NDArray[np.int64]
    below: Floats
    half: Floats
    all_values: Floats
    middle: Floats
    spread: Floats
    slope: Floats
    width: Floats
    width_spread: Floats

    def parts(self, numbers: Floats, present: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Give place and width of every column, 0 where none of its values is ``present``."""
        # Only sums over rows are wanted, and a search for sorted values is thrice as fast. NaN comes last.
        asked = np.sort(numbers.T, axis=1)
        at = np.empty(asked.shape, dtype=np.int64)
        for column, values in enumerate(self.values):
            at[column] = values.searchsorted(asked[column])
        at += self.starts
        u = (self.below.take(at) + np.where(self.all_values.take(at) == asked, self.half.take(at), 0.0)).T
        place = u - self.middle
        width = np.square(u - 0.5) - self.width - self.slope * place
        there = np.arange(len(numbers))[:, None] < present
        root = np.sqrt(np.maximum(present, 1))
        return (
            np.einsum("ij,ij->j", place, there) / (root * self.spread),
            np.einsum("ij,ij->j", width, there) / (root * self.width_spread),
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What batches are compared with; ``shares``: of each category's levels, the last for unknown ones."""

    groups: tuple[Group, ...]
    ranked: _Ranked
    shares: tuple[Floats, ...]
    missing: Floats


def make_reference(
    sample: Table, *, numbers: Sequence[str], categories: Mapping[str, Sequence[str]]
) -> Reference:
    """Learn a reference; ``categories`` names the known levels of each column.

    Raises:
        BadReference: fewer than 200 rows, or a column that holds no value.
    """
    if len(sample) < REFERENCE_LEAST:
        raise BadReference(f"a reference of {len(sample)} rows; at least {REFERENCE_LEAST} are needed")
    ranked = _rank(
        [
            _values(name, column[~np.isnan(column)])
            for name, column in zip(numbers, sample.numbers.T, strict=True)
        ]
    )
    shares = []
    for (name, levels), column in zip(categories.items(), sample.categories.T, strict=True):
        counts = _counts(column, len(levels))
        if not counts.sum():
            raise BadReference(f"column {name} holds no value in the reference")
        shares.append((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))
    absent = np.concatenate([np.isnan(sample.numbers).sum(axis=0), (sample.categories < 0).sum(axis=0)])
    return Reference(
        groups=_groups(numbers, categories),
        ranked=ranked,
        shares=tuple(shares),
        missing=(absent + 0.5) / (len(sample) + 1.0),
    )


def components(reference: Reference, batch: Table) -> Floats | None:
    """Give the components of a batch, in the order of ``reference.groups``; None for an empty batch."""
    rows = len(batch)
    if not rows:
        return None
    present = rows - np.isnan(batch.numbers).sum(axis=0)
    absent = np.concatenate([rows - present, (batch.categories < 0).sum(axis=0)])
    missing = rooted(absent, reference.missing * rows)
    numeric = batch.numbers.shape[1]
    place, width = reference.ranked.parts(batch.numbers, present)
    found = [np.stack([place, width, missing[:numeric]], axis=1).ravel()]
    for number, share in enumerate(reference.shares):
        counts = _counts(batch.categories[:, number], len(share) - 1)
        found += [rooted(counts, share * counts.sum()), missing[numeric + number : numeric + number + 1]]
    return np.concatenate(found)


def _groups(numbers: Sequence[str], categories: Mapping[str, Sequence[str]]) -> tuple[Group, ...]:
    groups = []
    for name in numbers:
        groups += [Group(name, ("place", "width")), Group(f"{name} missing", ("share",))]
    for name, levels in categories.items():
        groups += [Group(name, (*levels, UNKNOWN)), Group(f"{name} missing", ("share",))]
    return tuple(groups)


def _values(name: str, values: Floats) -> Floats:
    if not values.size:
        raise BadReference(f"column {name} holds no value in the reference")
    return np.sort(values)


def _rank(columns: Sequence[Floats]) -> _Ranked:
    middle, spread, slope, width, width_spread = np.array([_moments(one) for one in columns]).reshape(-1, 5).T
    once = [np.unique(one, return_counts=True) for one in columns]
    ends = np.cumsum([0, *(len(values) + 1 for values, _ in once)])
    return _Ranked(
        values=tuple(values for values, _ in once),
        starts=ends[:-1, None],
        below=_joined([np.append(0, np.cumsum(count)) / count.sum() for _, count in once]),
        half=_joined([np.append(count, 0) / (2.0 * count.sum()) for _, count in once]),
        all_values=_joined([np.append(values, np.nan) for values, _ in once]),
        middle=middle,
        spread=spread,
        slope=slope,
        width=width,
        width_spread=width_spread,
    )


def _joined(columns: Sequence[Floats]) -> Floats:
    return np.concatenate(columns) if columns else np.zeros(0)


def _moments(values: Floats) -> tuple[float, float, float, float, float]:
    u = _places(values, values)
    place, wide = u - u.mean(), np.square(u - 0.5)
    variance = float(np.square(place).mean())
    slope = float((place * wide).mean() / variance) if variance > 0 else 0.0
    rest = wide - wide.mean() - slope * place
    # A constant column has no spread of its own: as if one row of the sample had been another.
    least = 1.0 / np.sqrt(values.size)
    return (
        float(u.mean()),
        max(variance**0.5, least),
        slope,
        float(wide.mean()),
        max(float(rest.std()), least),
    )


def _places(ordered: Floats, values: Floats) -> Floats:
    """Place in (0, 1): share of the sample that is smaller, plus half of what is equal."""
    left, right = ordered.searchsorted(values, "left"), ordered.searchsorted(values, "right")
    return np.asarray((left + right) / (2.0 * ordered.size))


def _counts(column: NDArray[np.int64], levels: int) -> Floats:
    """Count each level and, last, all beyond them; missing ones are left out."""
    seen = np.minimum(column[column >= 0], levels)
    return np.bincount(seen, minlength=levels + 1).astype(float)


def rooted(counts: Floats, expected: Floats) -> Floats:
    """Give components with variance 1 for counts of which some are expected."""
    return np.asarray(2.0 * (np.sqrt(counts + _SHIFT) - np.sqrt(expected + _SHIFT)))
