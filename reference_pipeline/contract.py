"""The contract check of one record, generated from the field list in ``contract.json``.

Comes in: any JSON object. Goes out: what is wrong with it, every violation by field name; unknown
extra fields are no violation but are noted. Pure.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

from reference_pipeline.records import FeatureSpec, FieldSpec, Lack, Record

Check = Callable[[object], str]
_MISSING = "missing"
_SHOWN_MAX = 60
_NAMED_MAX = 20
# Beyond these a value cannot become a feature; NaN and infinity are outside of both.
_FLOAT_MAX = sys.float_info.max
_INTEGER_MAX = 2**63 - 1


class Findings(NamedTuple):
    """``why`` empty means that the record keeps the contract; ``notes`` never quarantine it."""

    why: tuple[str, ...]
    notes: tuple[str, ...]


class Contract:
    """The check made from ``spec``; each field's rules are compiled once.

    >>> spec = FeatureSpec(kind="columns", fields=(FieldSpec(name="age", type="integer", minimum=0),),
    ...                    features=("age",), time_field="age")
    >>> Contract(spec).check({"id": "a", "age": -1, "extra": 1})
    Findings(why=('age: -1 is below 0',), notes=("unknown field 'extra'",))
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._checks = tuple((field.name, _compile(field)) for field in spec.fields)
        self._levels = {field.name: ", ".join(field.categories) for field in spec.fields}
        self._known = frozenset(field.name for field in spec.fields) | {"id"}

    def check(self, record: Record) -> Findings:
        """List every violation of ``record``, in order of the fields; never raises."""
        why = []
        for name, check in self._checks:
            if name not in record:
                why.append(f"{name}: {_MISSING}")
            elif problem := check(record[name]):
                why.append(f"{name}: {problem}")
        extra = record.keys() - self._known
        return Findings(tuple(why), _noted(extra) if extra else ())

    def broken_fields(self, record: Record) -> frozenset[str]:
        """Name the fields that are missing or invalid in ``record``."""
        return frozenset(n for n, check in self._checks if n not in record or check(record[n]))

    def lacks(self, why: Sequence[str]) -> dict[str, Lack]:
        """Tell which field each of ``why``, as :meth:`check` words them, is about, and what it lacks.

        ``missing``: it is not there, or null; ``unknown level``: a word that is none of its categories.

        >>> spec = FeatureSpec(kind="columns", fields=(FieldSpec(name="age", type="integer"),),
        ...                    features=("age",), time_field="age")
        >>> Contract(spec).lacks(Contract(spec).check({"age": None}).why)
        {'age': 'missing'}
        """
        found: dict[str, Lack] = {}
        for line in why:
            names = [name for name in self._levels if line.startswith(f"{name}: ")]
            if names:
                name = max(names, key=len)
                found[name] = _lack(line[len(name) + 2 :], self._levels[name])
        return found


def _lack(problem: str, levels: str) -> Lack:
    if problem == _MISSING or problem.startswith("null,"):
        return "missing"
    return "unknown level" if levels and problem.endswith(f" is none of {levels}") else "invalid"


def _noted(extra: Set[str]) -> tuple[str, ...]:
    notes = [f"unknown field {name[:_SHOWN_MAX]!r}" for name in sorted(extra)[:_NAMED_MAX]]
    if len(extra) > _NAMED_MAX:
        notes.append(f"and {len(extra) - _NAMED_MAX} more")
    return tuple(notes)


def _compile(field: FieldSpec) -> Check:
    check = _string_check(field) if field.type == "string" else _number_check(field)
    if not field.nullable:
        return check
    return lambda value: "" if value is None else check(value)


def _string_check(field: FieldSpec) -> Check:
    categories = frozenset(field.categories)

    def check(value: object) -> str:
        if not isinstance(value, str):
            return f"{_kind(value)}, not a string"
        if categories and value not in categories:
            return f"{value[:_SHOWN_MAX]!r} is none of {', '.join(field.categories)}"
        return ""

    return check


def _number_check(field: FieldSpec) -> Check:
    whole = field.type == "integer"
    types: tuple[type, ...] = (int,) if whole else (int, float)
    largest = _INTEGER_MAX if whole else _FLOAT_MAX
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum

    def check(value: object) -> str:
        # bool is an int to Python, and true is no number to us.
        if isinstance(value, bool) or not isinstance(value, types):
            return f"{_kind(value)}, not {'an integer' if whole else 'a number'}"
        assert isinstance(value, (int, float))  # for the type checker
        if not -largest <= value <= largest:
            return "not in 64 bits"
        if value < low:
            return f"{repr(value)[:_SHOWN_MAX]} is below {low:g}"
        if value > high:
            return f"{repr(value)[:_SHOWN_MAX]} is above {high:g}"
        return ""

    return check


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
