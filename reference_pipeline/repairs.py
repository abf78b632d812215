"""Repairs of a record before its check: a renamed field read under its right name, a declared coercion.

Comes in: any JSON object, and the mappings that are set. Goes out: the record as it is read, and what
was changed in it, in words. Pure. What the specification does not declare is not guessed: "1,5"
stays a string.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from reference_pipeline.records import FeatureSpec, Record

# The grammar of RFC 8259: no space, no plus, no leading zero, no NaN.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_LENGTH_MAX = 40


class Repaired(NamedTuple):
    """``notes`` empty means that the record is as it came."""

    record: Record
    notes: tuple[str, ...]


class Repairs:
    """The repairs that ``spec`` declares; without ``coerce`` the mappings alone.

    >>> from reference_pipeline.records import FieldSpec
    >>> spec = FeatureSpec(kind="columns", fields=(FieldSpec(name="age", type="integer", coerce=True),),
    ...                    features=("age",), time_field="age")
    >>> Repairs(spec).apply({"id": "a", "years": "41"}, {"age": "years"})
    Repaired(record={'id': 'a', 'age': 41}, notes=("age: read from 'years'", "age: '41' read as 41"))
    """

    def __init__(self, spec: FeatureSpec, *, coerce: bool = True) -> None:
        self._types = {field.name: field.type for field in spec.fields if coerce and field.coerce}

    def apply(self, record: Record, mappings: Mapping[str, str]) -> Repaired:
        """Read ``record`` with ``mappings`` (field -> name it has in the record); never raises."""
        read = dict(record)
        notes = []
        for name, source in mappings.items():
            if name not in read and source in read:
                read[name] = read.pop(source)
                notes.append(f"{name}: read from {source!r}")
        for name, kind in self._types.items():
            value = read.get(name)
            if isinstance(value, str) and (number := _number(value, whole=kind == "integer")) is not None:
                read[name] = number
                notes.append(f"{name}: {value!r} read as {number!r}")
        return Repaired(read, tuple(notes)) if notes else Repaired(record, ())


def _number(text: str, *, whole: bool) -> int | float | None:
    """Read a string that is exactly a JSON number; None if it is none, or out of range."""
    if len(text) > _LENGTH_MAX or not (_INTEGER if whole else _NUMBER).fullmatch(text):
        return None
    number: int | float = json.loads(text)
    return number if math.isfinite(number) else None
