"""Units of work in the user's own files: what is offered, and golden ones whose right decision is known.

Comes in: the bytes of a JSONL or CSV file. Goes out: records in the file's order, or ``UnitsProblem`` with
the line and what to write there. Pure: whoever calls reads the file.
"""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, TypeVar

import msgspec

from harness.experiment.excerpt import quoted

BYTES_MAX = 64 << 20
"""All of them are in memory before the first is offered."""

Record: TypeAlias = Mapping[str, object]
T = TypeVar("T")


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit and the one right decision about it, as one line of the file of golden units says it."""

    unit: dict[str, object]
    decision: str | bool | int | float


class UnitsProblem(Exception):
    """What is wrong, and on which line (from 1; 0: the file as a whole)."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.line, self.why = line, why


def read_units(content: bytes, *, is_csv: bool) -> tuple[Record, ...]:
    """Read one record a line; raises ``UnitsProblem`` where a line is none, or there are none at all.

    In CSV the first line names the fields; a cell that is a JSON number, ``true`` or ``false`` is one, an
    empty cell is no field, everything else is text.

    >>> read_units(b'a,b\\n1,x\\n,2.5\\n', is_csv=True)
    ({'a': 1, 'b': 'x'}, {'b': 2.5})
    """
    text = _text(content)
    records = tuple(_csv(text) if is_csv else _lines(text, _record))
    if not records:
        raise UnitsProblem(0, "it holds no unit")
    return records


def read_golden(content: bytes) -> tuple[Golden, ...]:
    """Read golden units, one JSON object ``{"unit": {...}, "decision": ...}`` a line.

    >>> read_golden(b'{"unit": {"amount": 5}, "decision": "approve"}')[0].decision
    'approve'
    """
    golden = tuple(_lines(_text(content), _golden))
    if not golden:
        raise UnitsProblem(0, "it holds no golden unit")
    return golden


def _text(content: bytes) -> str:
    if len(content) > BYTES_MAX:
        raise UnitsProblem(0, f"it is larger than {BYTES_MAX >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnitsProblem(content.count(b"\n", 0, error.start) + 1, "it is not UTF-8 text") from error


def _lines(text: str, read: Callable[[str], T]) -> Iterator[T]:
    # Not splitlines(): JSON may hold U+2028 inside a text.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield read(line)
            except (msgspec.DecodeError, RecursionError) as error:
                raise UnitsProblem(number, str(error)) from error


def _record(line: str) -> Record:
    return msgspec.json.decode(line, type=dict[str, object])


def _golden(line: str) -> Golden:
    return msgspec.json.decode(line, type=Golden)


def _csv(text: str) -> Iterator[Record]:
    rows = csv.reader(io.StringIO(text), strict=True)
    try:
        names = next(rows, [])
        if len(set(names)) < len(names) or "" in names:
            raise UnitsProblem(1, "the first line must name each field once")
        for cells in rows:
            if cells and len(cells) != len(names):
                raise UnitsProblem(
                    rows.line_num, f"it has {len(cells)} cells, and the first line {len(names)}"
                )
            if cells:
                yield {name: _value(cell) for name, cell in zip(names, cells, strict=True) if cell != ""}
    except csv.Error as error:
        raise UnitsProblem(rows.line_num, str(error)) from error


def _value(cell: str) -> str | bool | int | float:
    """Take a cell for what it looks like; a number that JSON would not write so (007) stays text."""
    try:
        value = msgspec.json.decode(cell, type=bool | int | float)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return cell
    return value if math.isfinite(value) else cell


def decision_problem(decision: object, decides: str, within: tuple[float, float] | None) -> str:
    """Say why a decision is none of this workload; "" if it is one.

    >>> decision_problem(3.5, "number", (0.0, 1.0)), decision_problem(True, "number", None)
    ('3.5 is outside of 0 to 1', 'true is no number')
    """
    if not _is_kind(decision, decides):
        shown = str(decision).lower() if isinstance(decision, bool) else quoted(decision)
        return f"{shown} is no {decides}"
    if within is not None and isinstance(decision, int | float) and not within[0] <= decision <= within[1]:
        return f"{decision} is outside of {within[0]:g} to {within[1]:g}"
    return ""


def _is_kind(decision: object, decides: str) -> bool:
    if decides == "text":
        return isinstance(decision, str) and decision != ""
    if decides == "bool":
        return isinstance(decision, bool)
    if not isinstance(decision, int | float) or isinstance(decision, bool):
        return False
    # By comparison: isfinite() would raise for a whole number that no float can hold.
    return -sys.float_info.max <= decision <= sys.float_info.max
