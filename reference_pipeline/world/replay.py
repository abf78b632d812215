"""A user's own file as the world: its later part replayed in time order, with its labels.

The posterior of real rows is unknown (NaN). The earlier part trained the champion and is never
offered. The same instants always give the same rows.
Golden rows are held-out rows on which the champion is right with a margin (its odds a
factor away from the threshold's): rows whose label is noise are left out by that, and a pipeline
that answers one of them otherwise does not serve the champion's decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.arrays import read_arrays, write_arrays
from reference_pipeline.errors import BadScenario, BadSource, BadTemplate
from reference_pipeline.features import ColumnFeatures
from reference_pipeline.records import FeatureSpec, FieldSpec, Record
from reference_pipeline.world.frozen import frozen_declines
from reference_pipeline.world.golden import load_golden
from reference_pipeline.world.knobs import ReplayKnobs
from reference_pipeline.world.moves import Move, progress
from reference_pipeline.world.offers import MovedOffers, Offers
from reference_pipeline.world.population import stream
from reference_pipeline.world.table import Table, source_sha256

REPLAY_FILE = "replay.json"
ROWS_FILE = "replay.npz"
_BLOCK_ROWS = 10_000
MOVABLE: Mapping[str, tuple[float, float]] = {"positive_odds": (0.1, 20.0)}
"""The share of positives, by taking rows of the other class in the place of some: P(x|y) stays."""


class _Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file and knobs a template was prepared from; ``replay.json``."""

    sha256: str
    knobs: ReplayKnobs
    fields: tuple[FieldSpec, ...]


class ReplayWorld:
    """The held-out rows of a table, offered one after another."""

    def __init__(self, table: Table, knobs: ReplayKnobs, *, seed: int, template: Path) -> None:
        self._table = table
        self._label = table.label[table.split :]
        self._knobs = knobs
        self._seed = seed
        self._template = template
        self._golden = load_golden(template)

    def draw(self, due_s: NDArray[np.float64], /) -> Offers:
        """Return the first ``len(due_s)`` held-out rows, over and over if the scenario says ``repeat``.

        Raises:
            BadSource: the rows run out and the scenario does not say ``repeat``.
        """
        turn = self._turn(len(due_s))
        return Offers(self._records(turn), np.full(len(turn), np.nan), self._label[turn])

    def movable(self) -> Mapping[str, tuple[float, float]]:
        """Knobs that can move while the world runs, with their ranges."""
        return MOVABLE

    def moved(self, due_s: NDArray[np.float64], moves: Sequence[Move], /) -> MovedOffers:
        """Return the rows of ``draw(due_s)``, with others in the place of some as ``positive_odds`` says.

        What is in another's place comes at its time.

        Raises:
            BadScenario: a move is none of this world.
        """
        turn = self._turn(len(due_s))
        odds = np.ones(len(turn))
        for move in moves:
            _refuse_unknown(move)
            odds += (move.value - odds) * progress(move, np.asarray(due_s, dtype=np.float64))
        chosen = self._with_odds(turn, odds)
        records = self._records(chosen)
        clock = self._table.fields[0].name
        for record, time_s in zip(
            records, self._table.columns[0][turn + self._table.split].tolist(), strict=True
        ):
            record[clock] = time_s
        unknown = np.full(len(turn), np.nan)
        return MovedOffers(records, unknown, self._label[chosen], unknown)

    def _with_odds(self, turn: NDArray[np.int64], odds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Exchange some rows for ones of the other class: odds of a positive become ``odds`` times theirs."""
        label = self._label[turn]
        dice = stream(self._seed, "odds").random((2, len(turn)))
        share = self._label.mean()
        wanted = odds * share / (odds * share + 1 - share)
        rises = (label == 0) & (dice[0] < (wanted - share) / (1 - share))
        falls = (label == 1) & (dice[0] < (share - wanted) / share)
        chosen = turn.copy()
        for where, rows in (
            (rises, np.flatnonzero(self._label == 1)),
            (falls, np.flatnonzero(self._label == 0)),
        ):
            chosen[where] = rows[(dice[1][where] * len(rows)).astype(np.int64)]
        return chosen

    def costs(self) -> tuple[float, float]:
        """What a wrong decision costs: a positive approved, a negative declined."""
        return self._knobs.cost_missed, self._knobs.cost_declined

    def reference(self, records: Sequence[Record], /) -> NDArray[np.int8]:
        """Tell 1 for each record that the champion as prepared declines, else 0."""
        return frozen_declines(records, self._template)

    def _turn(self, count: int) -> NDArray[np.int64]:
        held = len(self._label)
        if not self._knobs.repeat and count > held:
            raise BadSource(
                f"the file has {held} rows to replay, this run needs {count}; "
                "set knob repeat: true, lower the rate or the length of the run, or bring more rows"
            )
        return np.arange(count) % held

    def _records(self, rows: NDArray[np.int64]) -> list[dict[str, object]]:
        return self._table.records(rows + self._table.split)

    def golden(self, count: int, /) -> tuple[list[dict[str, object]], list[str]]:
        """Return ``count`` golden rows with their decisions (see the module)."""
        return self._golden.take(count)


def open_replay(knobs: ReplayKnobs, *, seed: int, template: Path) -> ReplayWorld:
    """Open the replay of the file that ``template`` was prepared from.

    Raises:
        BadSource: the file cannot be read.
        BadTemplate: it is missing or damaged, or the file or the knobs have changed since.
    """
    origin, rows = _load_replay(template)
    same_knobs = _what_matters(origin.knobs) == _what_matters(knobs)
    if origin.sha256 != source_sha256(knobs) or not same_knobs:
        raise BadTemplate(
            f"{knobs.source} or its knobs changed since {template} was prepared; prepare it anew"
        )
    return ReplayWorld(rows, knobs, seed=seed, template=template)


def _refuse_unknown(move: Move) -> None:
    if move.knob not in MOVABLE or move.field:
        part = f" of {move.field}={move.level}" if move.field else ""
        raise BadScenario(
            f"a replayed file has no knob {move.knob!r}{part} to move; there are, for all rows: "
            f"{', '.join(MOVABLE)}. What is true of its rows stays as it is in the file"
        )
    low, high = MOVABLE[move.knob]
    if not low <= move.value <= high:
        raise BadScenario(f"knob {move.knob} goes from {low:g} to {high:g}, not to {move.value:g}")


def save_replay(knobs: ReplayKnobs, table: Table, template: Path) -> None:
    """Write ``replay.json`` and the rows to replay (``replay.npz``) into ``template``.

    The rows are stored typed, so that a run opens them in a fraction of the time of the CSV.
    """
    origin = _Origin(sha256=table.sha256, knobs=knobs, fields=table.fields)
    (template / REPLAY_FILE).write_bytes(msgspec.json.encode(origin))
    held = [column[table.split :] for column in table.columns]
    arrays = {f"column_{i}": _plain(column) for i, column in enumerate(held)}
    write_arrays(template / ROWS_FILE, arrays | {"label": table.label[table.split :]})


def _load_replay(template: Path) -> tuple[_Origin, Table]:
    arrays = read_arrays(template / ROWS_FILE)
    try:
        origin = msgspec.json.decode((template / REPLAY_FILE).read_bytes(), type=_Origin)
        columns = tuple(_from_plain(arrays[f"column_{i}"]) for i in range(len(origin.fields)))
        label = np.asarray(arrays["label"], dtype=np.int8)
    except (OSError, KeyError, msgspec.DecodeError) as error:
        raise BadTemplate(f"{template}: its replay cannot be read: {error}; prepare it anew") from error
    return origin, Table(fields=origin.fields, columns=columns, label=label, split=0, sha256=origin.sha256)


def _what_matters(knobs: ReplayKnobs) -> ReplayKnobs:
    """Leave out what may differ between preparing and running: the place of the file, repeat."""
    return msgspec.structs.replace(knobs, source="", repeat=True)


def _plain(column: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn an object array (strings, integers with nulls) into bytes of JSON: no pickles."""
    if column.dtype != object:
        return column
    return np.frombuffer(msgspec.json.encode(column.tolist()), dtype=np.uint8)


def _from_plain(column: NDArray[np.generic]) -> NDArray[np.generic]:
    if column.dtype != np.uint8:
        return column
    return np.array(msgspec.json.decode(column.tobytes()), dtype=object)


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
