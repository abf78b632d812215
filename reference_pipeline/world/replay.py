"""A user's own file as the world: its later part replayed in time order, with its labels.

The posterior of real rows is unknown (NaN). The earlier part trained the champion and is never
offered. Golden rows are held-out rows on which the champion is right with a margin (its odds a
factor away from the threshold's): rows whose label is noise are left out by that, and a pipeline
that answers one of them otherwise does not serve the champion's decisions.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadSource, BadTemplate
from reference_pipeline.features import ColumnFeatures
from reference_pipeline.records import FeatureSpec
from reference_pipeline.world.golden import Golden, load_golden
from reference_pipeline.world.knobs import ReplayKnobs
from reference_pipeline.world.simulator import Offers
from reference_pipeline.world.table import Table, read_table

REPLAY_FILE = "replay.json"
_BLOCK_ROWS = 10_000


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file and knobs a template was prepared from; ``replay.json``."""

    sha256: str
    knobs: ReplayKnobs


class ReplayWorld:
    """The held-out rows of a table, offered one after another."""

    def __init__(self, table: Table, golden: Golden, *, repeat: bool) -> None:
        self._table = table
        self._label = table.label[table.split :]
        self._golden = golden
        self._repeat = repeat
        self._next = 0

    def draw(self, due_s: NDArray[np.float64], /) -> Offers:
        """Return the next ``len(due_s)`` held-out rows; each call goes on where the last one ended.

        Raises:
            BadSource: the rows run out and the scenario does not say ``repeat``.
        """
        count, held = len(due_s), len(self._label)
        if not self._repeat and self._next + count > held:
            raise BadSource(
                f"the file has {held} rows to replay, this run needs {self._next + count}; "
                "set knob repeat: true, lower the rate or the length of the run, or bring more rows"
            )
        turn = (np.arange(count) + self._next) % held
        self._next += count
        records = self._table.records(turn + self._table.split)
        return Offers(records, np.full(count, np.nan), self._label[turn])

    def golden(self, count: int, /) -> tuple[list[dict[str, object]], list[str]]:
        """Return ``count`` golden rows with their decisions (see the module)."""
        return self._golden.take(count)


def open_replay(knobs: ReplayKnobs, *, template: Path) -> ReplayWorld:
    """Open the replay of the file that ``template`` was prepared from.

    Raises:
        BadSource: the file cannot be used.
        BadTemplate: the file or the knobs have changed since.
    """
    path = template / REPLAY_FILE
    try:
        origin = msgspec.json.decode(path.read_bytes(), type=Origin)
    except (OSError, msgspec.DecodeError) as error:
        raise BadTemplate(f"{path} cannot be read: {error}; prepare the template anew") from error
    table = read_table(knobs)
    same_knobs = msgspec.structs.replace(origin.knobs, source="", repeat=True) == msgspec.structs.replace(
        knobs, source="", repeat=True
    )
    if origin.sha256 != table.sha256 or not same_knobs:
        raise BadTemplate(
            f"{knobs.source} or its knobs changed since {template} was prepared; prepare it anew"
        )
    return ReplayWorld(table, load_golden(template), repeat=knobs.repeat)


def save_origin(knobs: ReplayKnobs, table: Table, template: Path) -> None:
    """Write ``replay.json`` into ``template``."""
    (template / REPLAY_FILE).write_bytes(msgspec.json.encode(Origin(sha256=table.sha256, knobs=knobs)))


def feature_rows(features: ColumnFeatures, table: Table) -> NDArray[np.float64]:
    """Return the feature rows of the whole table, in blocks that bound the memory."""
    blocks = [
        features.rows(table.records(slice(begin, begin + _BLOCK_ROWS)))
        for begin in range(0, len(table.label), _BLOCK_ROWS)
    ]
    return np.concatenate(blocks)


def column_features(table: Table, knobs: ReplayKnobs) -> ColumnFeatures:
    """Make the features of a table: numbers, and the categories that its training part shows.

    Raises:
        BadSource: no column is left to learn from.
    """
    names: list[str] = []
    for field, column in zip(table.fields, table.columns, strict=True):
        if field.categories:
            seen = set(column[: table.split].tolist())
            names.extend(f"{field.name}={category}" for category in field.categories if category in seen)
        elif field.type != "string" and field.name != knobs.time_column:
            names.append(field.name)
    if not names:
        raise BadSource(f"{knobs.source}: no column is left to learn from besides time and label")
    spec = FeatureSpec(
        kind="columns",
        fields=table.fields,
        features=tuple(names),
        time_field=knobs.time_column,
        costs=knobs.costs,
    )
    return ColumnFeatures(spec)
