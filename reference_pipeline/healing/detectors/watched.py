"""Which columns of a feature row are watched, and as what: numbers, and one-hot columns as one category.

Comes in: the feature specification, feature rows. Goes out: a :class:`~.columns.Table`. Pure. What the clock
alone decides is left out: another hour is no move.

    >>> spec = FeatureSpec(kind="columns", time_field="at", features=("age", "sex=f", "sex=m"), fields=(
    ...     FieldSpec(name="age", type="number"),
    ...     FieldSpec(name="sex", type="string", categories=("f", "m"))))
    >>> found = watched_of(spec)
    >>> table = found.table(np.array([[7.0, 0, 1], [8.0, 0, 0], [9.0, 0, 0]]), np.array([[0], [0], [1]]) > 0)
    >>> table.numbers.ravel().tolist(), table.categories.ravel().tolist()
    ([7.0, 8.0, 9.0], [1, 2, -1])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.columns import Table
from reference_pipeline.records import FeatureSpec, FieldSpec

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Category(NamedTuple):
    """A field of categories: the levels that have a one-hot column, and where each lies in a row."""

    name: str
    levels: tuple[str, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """``numbers``: name of a feature -> where it lies in a row."""

    numbers: Mapping[str, int]
    categories: tuple[Category, ...]

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """The known levels of each category, by name."""
        return {one.name: one.levels for one in self.categories}

    @property
    def features(self) -> dict[str, int]:
        """Every watched feature, one-hot ones too, and where it lies in a row."""
        return {**self.numbers, **self.parts}

    @property
    def parts(self) -> dict[str, int]:
        """Parts of the rows that have a one-hot column, named as that is, and where it lies in a row."""
        return {
            f"{one.name}={level}": column
            for one in self.categories
            for level, column in zip(one.levels, one.columns, strict=True)
        }

    def table(self, rows: Floats, nulls: Mask) -> Table:
        """Turn feature rows (n, features) into a table; ``nulls`` (n, categories): there is no value.

        A row in none of its one-hot columns has a level that training has not seen.
        """
        codes = np.empty((len(rows), len(self.categories)), dtype=np.int64)
        for number, one in enumerate(self.categories):
            hot = rows[:, list(one.columns)] > 0.5
            codes[:, number] = np.where(hot.any(axis=1), hot.argmax(axis=1), len(one.levels))
        codes[nulls] = -1
        return Table(numbers=rows[:, list(self.numbers.values())], categories=codes)


def watched_of(spec: FeatureSpec) -> Watched:
    """Find what can be watched of rows with the features of ``spec``."""
    at = {name: column for column, name in enumerate(spec.features)}
    found = [_category(field, at) for field in spec.fields]
    categories = tuple(one for one in found if one.columns)
    hot = {column for one in categories for column in one.columns}
    numbers = {
        name: column for name, column in at.items() if column not in hot and name not in spec.of_the_clock
    }
    return Watched(numbers, categories)


def _category(field: FieldSpec, at: Mapping[str, int]) -> Category:
    levels = tuple(level for level in field.categories if f"{field.name}={level}" in at)
    return Category(field.name, levels, tuple(at[f"{field.name}={level}"] for level in levels))
