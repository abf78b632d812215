"""What lands, and whether what a job made of it is right. Pure.

Comes in: a run's seed and records; the twin's results; rows that were found. Goes out: parcels of one unit
each, a partition; a judgement in counts of rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from harness.driver.schedule import witness_due
from harness.driver.workload import Parcel, Unit
from harness.experiment.model import Profile
from harness.experiment.tables import Table
from harness.history.observations import WITNESS
from harness.ports import World

Cell: TypeAlias = str | int | float | None
Row: TypeAlias = tuple[str, tuple[Cell, ...]]
"""Its key, and the cells that are compared, in the order of ``Table.columns``."""
State = Literal["missing", "half", "doubled", "wrong", "right"]


class Twin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the job made of the clean partitions, by number, in ``lasted_s`` seconds."""

    partitions: tuple[tuple[Row, ...], ...]
    lasted_s: float

    def rows(self) -> int:
        """How many rows all of them have."""
        return sum(map(len, self.partitions))


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One partition in counts: of ``rows`` that must be there ``right`` are, once each.

    ``wrong`` differ from the twin's, ``doubled`` stand there more than once, ``foreign`` have a key that the
    twin does not have; the rest is missing.
    """

    rows: int
    right: int = 0
    wrong: int = 0
    doubled: int = 0
    foreign: int = 0

    @property
    def missing(self) -> int:
        """How many are not there at all."""
        return self.rows - self.right - self.wrong - self.doubled

    @property
    def state(self) -> State:
        """The partition in a word.

        >>> Judged(rows=5).state, Judged(rows=5, right=2).state, Judged(rows=5, right=5).state
        ('missing', 'half', 'right')
        """
        if self.doubled:
            return "doubled"
        if self.wrong or self.foreign:
            return "wrong"
        return "right" if not self.missing else "half" if self.right else "missing"


def build_partitions(
    seed: int, profile: Profile, duration_s: float, *, world: World, table: Table
) -> list[Parcel]:
    """All partitions of a run in order of landing; a body is a JSON list of records.

    Keys count on through the run, so that a row in the wrong partition is seen.
    """
    landing_s = witness_due(seed, profile.rate_hz, duration_s)
    records = world.draw(np.repeat(landing_s, table.rows)).records
    parcels = []
    for number, due_s in enumerate(landing_s.tolist()):
        first = number * table.rows
        rows = [{table.key: first + n, **_without(records[first + n], table.key)} for n in range(table.rows)]
        unit = Unit(number, table.lands.called(number), WITNESS, due_s, weight=float(table.rows))
        parcels.append(Parcel(due_s, (unit,), msgspec.json.encode(rows)))
    return parcels


def _without(record: Mapping[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in record.items() if name != key}


def judge(expected: Sequence[Row], found: Sequence[Row], tolerance: float) -> Judged:
    """Compare what was found with what the twin has.

    >>> judge([("1", (0.5,)), ("2", (0.25,))], [("1", ("0.5",)), ("2", (0.3,)), ("9", (0.0,))], 1e-9)
    Judged(rows=2, right=1, wrong=1, doubled=0, foreign=1)
    """
    right = dict(expected)
    times = Counter(key for key, _ in found)
    once = {key: cells for key, cells in found if times[key] == 1 and key in right}
    good = sum(_same(cells, right[key], tolerance) for key, cells in once.items())
    return Judged(
        rows=len(right),
        right=good,
        wrong=len(once) - good,
        doubled=sum(times[key] > 1 for key in right),
        foreign=sum(count for key, count in times.items() if key not in right),
    )


def twin_problem(partitions: Sequence[Sequence[Row]], table: Table) -> str:
    """Why these results cannot say what is right; "" if they can.

    A column that is in no row would be found the same in whatever a job writes.

    >>> from harness.experiment.tables import Place
    >>> one = Place(folder="f", name="{number}.csv")
    >>> table = Table(rows=1, every_s=1, deadline_s=1, lands=one, results=one, columns=("y",))
    >>> twin_problem([[("0", (None,))]], table)
    "no row has a value in column 'y': nothing would be compared there"
    >>> twin_problem([[("0", (1,)), ("0", (1,))]], table), twin_problem([[("0", (1,))]], table)
    ("00000.csv holds row '0' more than once", '')
    """
    for number, rows in enumerate(partitions):
        twice = [key for key, times in Counter(key for key, _ in rows).items() if times > 1]
        if twice:
            return f"{table.results.called(number)} holds row {twice[0]!r} more than once"
    cells = [cells for rows in partitions for _, cells in rows]
    empty = [name for place, name in enumerate(table.columns) if all(one[place] is None for one in cells)]
    return f"no row has a value in column {empty[0]!r}: nothing would be compared there" if empty else ""


def _same(cells: Sequence[Cell], wanted: Sequence[Cell], tolerance: float) -> bool:
    return len(cells) == len(wanted) and all(
        _equal(cell, want, tolerance) for cell, want in zip(cells, wanted, strict=True)
    )


def _equal(cell: Cell, wanted: Cell, tolerance: float) -> bool:
    if cell == wanted:
        return True
    try:
        return abs(_number(cell) - _number(wanted)) <= tolerance
    except (ValueError, OverflowError):  # text, or beyond all floats
        return False


def _number(cell: Cell) -> int | float:
    """A number, also one that a file holds as text, NaN for null; ValueError for what is none.

    A whole one stays so: long ids and hashes would be the same as their neighbours if they were floats.
    """
    if not isinstance(cell, str):
        return math.nan if cell is None else cell
    try:
        return int(cell)
    except ValueError:
        return float(cell)
