"""A user's CSV read once: typed columns, time, label; every refusal says line and remedy.

Comes in: :class:`ReplayKnobs`. Goes out: :class:`Table`, its rows sorted by time. Numbers and
categories are found from the data; empty and ``NA``-like cells are null.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadSource
from reference_pipeline.records import FieldSpec, FieldType
from reference_pipeline.world.knobs import ReplayKnobs

CATEGORIES_MAX = 32  # a string column with more distinct values is free text: kept, but no feature
_NULLS = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of the file in time order; one array a field (all columns but label and ignored ones).

    Rows before ``split`` train, the rest is replayed. In float64 and object arrays NaN and None
    are null.
    """

    fields: tuple[FieldSpec, ...]
    columns: tuple[NDArray[np.generic], ...]
    label: NDArray[np.int8]
    split: int
    sha256: str

    def records(self, rows: slice | NDArray[np.int64]) -> list[dict[str, object]]:
        """Build the records of ``rows``; a table of them all would be ten times the arrays."""
        names = tuple(field.name for field in self.fields)
        lists = [_without_nan(column[rows]) for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def read_table(knobs: ReplayKnobs) -> Table:
    """Read and check the file of ``knobs``.

    Raises:
        BadSource: the file, a column or a cell cannot be used; the message says which and why.
    """
    path = Path(knobs.source)
    data = _bytes_of(path)
    header, rows = _rows_of(path, data, knobs)
    lines = [line for line, _ in rows]
    cells = dict(zip(header, zip(*(row for _, row in rows), strict=True), strict=True))
    time_s = _times(path, lines, cells[knobs.time_column], column=knobs.time_column)
    label = _labels(path, lines, cells[knobs.label_column], knobs=knobs)
    order = np.argsort(time_s, kind="stable")
    label = label[order]
    split = int(len(label) * knobs.train_share)
    _check_split(path, label, split)
    left_out = {knobs.label_column, knobs.time_column, *_names(knobs.ignore)}
    kept = [name for name in header if name not in left_out and not all(map(_is_null, cells[name]))]
    typed = [_typed(name, cells[name], as_text=name in _names(knobs.categorical)) for name in kept]
    time_field = FieldSpec(name=knobs.time_column, type="number", coerce=True)
    return Table(
        fields=(time_field, *(field for field, _ in typed)),
        columns=(time_s[order], *(column[order] for _, column in typed)),
        label=label,
        split=split,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def source_sha256(knobs: ReplayKnobs) -> str:
    """Return the hash of the file as it is now.

    Raises:
        BadSource: it cannot be read.
    """
    return hashlib.sha256(_bytes_of(Path(knobs.source))).hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSource(f"{path}: cannot be read: {error.strerror}; knob source names the CSV") from error


def _rows_of(path: Path, data: bytes, knobs: ReplayKnobs) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and (line, cells) of each row."""
    try:
        reader = csv.reader(StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except UnicodeDecodeError as error:
        raise BadSource(f"{path}: is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise BadSource(f"{path}: is no CSV: {error}") from error
    _check_header(path, header, knobs)
    if not rows:
        raise BadSource(f"{path}: has no rows below its header")
    for line, cells in rows:
        if len(cells) != len(header):
            raise BadSource(f"{path}:{line}: has {len(cells)} cells; the header has {len(header)} columns")
    return header, rows


def _check_header(path: Path, header: list[str], knobs: ReplayKnobs) -> None:
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise BadSource(f"{path}:1: column {twice[0]!r} appears twice; rename one")
    known = ", ".join(header) or "none"
    named = {"time_column": [knobs.time_column], "label_column": [knobs.label_column]}
    named |= {"categorical": _names(knobs.categorical), "ignore": _names(knobs.ignore)}
    for knob, names in named.items():
        for name in names:
            if name not in header:
                raise BadSource(
                    f"{path}:1: there is no column {name!r} (knob {knob}); the columns are: {known}"
                )
    if "id" in header and "id" not in _names(knobs.ignore):
        raise BadSource(
            f"{path}:1: column 'id' would collide with the unit's own id; rename it or add it to knob ignore"
        )


def _check_split(path: Path, label: NDArray[np.int8], split: int) -> None:
    for part, name in ((label[:split], "earlier (training)"), (label[split:], "later (replayed)")):
        if len(set(part.tolist())) < 2:
            raise BadSource(
                f"{path}: the {name} part has {len(part)} rows, {int(part.sum())} of them positive; it needs "
                "both classes. Move train_share, or use more rows"
            )


def _labels(
    path: Path, lines: Sequence[int], cells: Sequence[str], *, knobs: ReplayKnobs
) -> NDArray[np.int8]:
    """Return 1 for the positive value and 0 for the one other value."""
    others: list[str] = []
    out = np.zeros(len(cells), dtype=np.int8)
    for row, (line, raw) in enumerate(zip(lines, cells, strict=True)):
        cell = raw.strip()
        if _is_null(cell):
            raise BadSource(
                f"{path}:{line}: label {knobs.label_column!r} is empty; every row needs its label"
            )
        if _same(cell, knobs.positive):
            out[row] = 1
            continue
        others = others or [cell]
        if not _same(cell, others[0]):
            raise BadSource(
                f"{path}:{line}: label {knobs.label_column!r} is not binary: {cell!r} besides "
                f"{others[0]!r} and the positive value {knobs.positive!r}; "
                "knob positive names the positive one of two values"
            )
    if not out.any():
        raise BadSource(
            f"{path}: label {knobs.label_column!r} is never the positive value {knobs.positive!r} but "
            f"{others[0]!r}; write the positive value as knob positive"
        )
    return out


def _same(cell: str, value: str | int | float | bool) -> bool:
    if isinstance(value, bool):  # YAML's true, as spreadsheets and databases write it
        return cell.lower() in (("true", "t", "yes", "1") if value else ("false", "f", "no", "0"))
    text = str(value)
    if cell == text:
        return True
    try:
        return float(cell) == float(text)
    except ValueError:
        return False


def _times(path: Path, lines: Sequence[int], cells: Sequence[str], *, column: str) -> NDArray[np.float64]:
    out = np.empty(len(cells))
    for row, (line, cell) in enumerate(zip(lines, cells, strict=True)):
        out[row] = seconds = _seconds(cell.strip())
        if not math.isfinite(seconds):
            raise BadSource(
                f"{path}:{line}: column {column!r}: {cell!r} is no time; write seconds as a number "
                "or ISO 8601, e.g. 2024-05-01T12:00:00"
            )
    return out


def _seconds(cell: str) -> float:
    """Read a number of seconds or an ISO 8601 instant (UTC unless it says otherwise), else NaN."""
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        instant = datetime.datetime.fromisoformat(cell)
    except ValueError:
        return math.nan
    return (instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)).timestamp()


def _typed(name: str, cells: Sequence[str], *, as_text: bool) -> tuple[FieldSpec, NDArray[np.generic]]:
    """Find the type of a column: integer, else number, else string (categories if they are few)."""
    nullable = any(_is_null(cell) for cell in cells)
    if not as_text and (numbers := _numbers(cells, nullable=nullable)) is not None:
        whole = numbers.dtype != np.float64
        kind: FieldType = "integer" if whole else "number"
        return FieldSpec(name=name, type=kind, nullable=nullable, coerce=True), numbers
    texts = np.array([None if _is_null(cell) else cell.strip() for cell in cells], dtype=object)
    distinct = sorted({text for text in texts.tolist() if text is not None})
    few = tuple(distinct) if len(distinct) <= CATEGORIES_MAX else ()
    return FieldSpec(name=name, type="string", nullable=nullable, categories=few), texts


def _numbers(cells: Sequence[str], *, nullable: bool) -> NDArray[np.generic] | None:
    """Return int64 (object with None where nullable) or float64, or None where a cell is no number."""
    for kind in (int, float):
        try:
            values = [None if _is_null(cell) else kind(cell) for cell in cells]
        except ValueError:
            continue
        if not all(v is None or (math.isfinite(v) and abs(v) < 2**63) for v in values):
            return None
        if kind is float:
            return np.array(values, dtype=np.float64)
        return np.array(values, dtype=object if nullable else np.int64)
    return None


def _without_nan(column: NDArray[np.generic]) -> list[object]:
    values: list[object] = column.tolist()
    if column.dtype != np.float64 or not np.isnan(column).any():
        return values
    return [None if value != value else value for value in values]


def _is_null(cell: str) -> bool:
    return cell.strip().lower() in _NULLS


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]
