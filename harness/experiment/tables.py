"""What a system file says of a job that scores partitions: where they land, where results are looked for.

Comes in: decoded YAML. Goes out: ``Table``. A unit of work is a partition, due when it lands.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

NUMBER = "{number}"
"""In a name: the partition's number, in five digits."""
Column = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$(?!\n)")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Place(_Frozen, frozen=True, kw_only=True):
    """Partitions as files of a ``folder``, or as rows of a ``table`` of an SQLite ``database``.

    Both lie in the state folder of the job's service. ``name``: what a partition is called there; a file is
    JSON lines where it ends so, else CSV. ``partition``: the column that holds the name in a table.
    """

    folder: str = ""
    database: str = ""
    table: Column | None = None
    partition: Column | None = None
    name: Text

    def called(self, number: int) -> str:
        """The name of partition ``number``.

        >>> Place(folder="in", name="part-{number}.csv").called(7)
        'part-00007.csv'
        """
        return self.name.replace(NUMBER, f"{number:05}")


class Table(_Frozen, frozen=True, kw_only=True):
    """A partition of ``rows`` rows lands every ``every_s`` seconds and must be right ``deadline_s`` later.

    ``key``: the column by which a row is found again; the driver writes it, a number that no other row has.
    ``columns``: what is compared with the twin's, numbers by at most ``tolerance``; other columns are free.
    """

    rows: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    every_s: Annotated[float, msgspec.Meta(gt=0, le=3600)]
    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=60)]
    lands: Place
    results: Place
    key: Column = "id"
    columns: tuple[Column, ...]
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 1e-9
