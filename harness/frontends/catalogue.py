"""The table of faults and placebos for people and for programs, made from the table that is compiled from.

Comes in: rows of ``harness.faults.catalog``. Goes out: text, or JSON with a JSON Schema of the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from harness.faults.catalog import FAULTS
from harness.faults.kind import FaultKind

MODULE = "harness.frontends.chaostoolkit.faults"
# JSON Schema's words for a range, as a person writes them.
RANGES = (
    ("exclusiveMinimum", "above"),
    ("minimum", "at least"),
    ("exclusiveMaximum", "below"),
    ("maximum", "at most"),
)


def catalogue(*, placebo: bool) -> str:
    """Write the table: every fault, or every placebo, with what it does."""
    rows = [row for row in FAULTS.values() if row.placebo == placebo]
    width = max(len(row.kind) for row in rows)
    what = "placebos: nothing is broken, and whoever acts acts falsely" if placebo else "faults:"
    other = "fault" if placebo else "placebo"
    return "\n".join(
        [
            what,
            *(f"  {row.kind:<{width}}  {row.what}" for row in rows),
            "",
            f"one in full: hormesis explain fault KIND; the others: hormesis explain {other}",
        ]
    )


def catalogue_json(name: str | None, *, placebo: bool) -> str:
    """Write the table, or the row ``name``, as one JSON document."""
    rows = [FAULTS[name]] if name else [row for row in FAULTS.values() if row.placebo == placebo]
    return msgspec.json.format(msgspec.json.encode([_plain(row) for row in rows]), indent=1).decode()


def fault_text(row: FaultKind) -> str:
    """Write one row in full, with how a file names it and what its parameters take."""
    return "\n".join(
        [
            f"{row.kind}  {row.what}",
            f"  in a file: module: {MODULE}, func: {_func(row)}",
            "  arguments:",
            *(f"    {line}" for line in _parameters(row)),
            f"  proof:     {row.proof}",
            f"  undo:      {row.undo}",
            f"  within:    {row.undone_within_s:g} s",
        ]
    )


def _func(row: FaultKind) -> str:
    return row.kind.replace(".", "_")


def _plain(row: FaultKind) -> dict[str, object]:
    return {
        "kind": row.kind,
        "placebo": row.placebo,
        "what": row.what,
        "func": _func(row),
        "parameters": _schema(row),
        "proof": row.proof,
        "undo": row.undo,
        "undone_within_s": row.undone_within_s,
    }


def _schema(row: FaultKind) -> dict[str, object]:
    """The JSON Schema of a row's parameters, resolved: one object, no references."""
    (schema,), components = msgspec.json.schema_components([row.parameters])
    found: object = components[str(schema["$ref"]).rpartition("/")[2]]
    return msgspec.convert(found, dict[str, object])


def _parameters(row: FaultKind) -> Iterator[str]:
    schema = _schema(row)
    required = msgspec.convert(schema.get("required", []), list[str])
    properties = msgspec.convert(schema["properties"], dict[str, dict[str, object]])
    width = max(map(len, properties))
    for name, one in sorted(properties.items(), key=lambda item: item[0] not in required):
        end = "needed" if name in required else _default(one.get("default"))
        yield f"{name:<{width}}  {_takes(one)}; {end}"


def _default(value: object) -> str:
    return (
        "without it: until undone"
        if value is None
        else f"{value:g} if left out"
        if isinstance(value, float)
        else f"{value} if left out"
    )


def _takes(one: Mapping[str, object]) -> str:
    """Say what a parameter takes."""
    options = msgspec.convert(one.get("anyOf", []), list[dict[str, object]])
    one = next((option for option in options if option.get("type") != "null"), one)
    if "enum" in one:
        return "one of " + ", ".join(map(str, msgspec.convert(one["enum"], list[str])))
    kinds = {"number": "a number", "integer": "a whole number", "string": "a name"}
    ranges = [f"{words} {one[key]:g}" for key, words in RANGES if isinstance(one.get(key), int | float)]
    return " ".join((kinds.get(str(one.get("type")), "a value"), " and ".join(ranges))).strip()
