"""The tables of faults, placebos and of what they can hit, for people and for programs.

Comes in: rows of ``harness.faults.catalog``, the ones that are compiled from, and a ``System``. Goes out:
text, or JSON with a JSON Schema of the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from harness.experiment.model import System
from harness.faults.catalog import FAULTS
from harness.faults.kind import FaultKind

MODULE = "harness.frontends.chaostoolkit.faults"
LISTED = ("service", "edge")
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
            f"one in full: hormesis explain fault KIND; the others: hormesis explain {other};",
            "what they can hit: hormesis explain system",
        ]
    )


def catalogue_json(name: str | None, *, placebo: bool) -> str:
    """Write the table, or the row ``name``, as one JSON document."""
    rows = [FAULTS[name]] if name else [row for row in FAULTS.values() if row.placebo == placebo]
    return msgspec.json.format(msgspec.json.encode([_plain(row) for row in rows]), indent=1).decode()


_EDGES = "edges, for network.* (edge: NAME); the first is the one on which units are offered:"
_NO_EDGES = "no edges: partitions land in its folder, and no service calls another"
_OF_RECORDS = (
    "fields of the records, for data.* (field: NAME): those that the units have;",
    "  a run whose fault names none of them says which there are",
    "knobs of the world, for world.* (knob: NAME): those that the scenario's world can move;",
    "  a run whose fault names none of them says which there are",
)


def system_text(system: System) -> str:
    """Write what faults can hit in ``system``: its services and its edges, each with the arms it is in."""
    arms = {
        name: [arm for arm, one in system.arms.items() if name in one.services] for name in system.services
    }
    edges = {name: f"{edge.source} -> {edge.to}" for name, edge in system.all_edges.items()}
    wide = max(map(len, (*system.services, *edges)))
    return "\n".join(
        [
            f"{system.name}: what a fault can hit",
            "services, for process.* (service: NAME):",
            *(f"  {name:<{wide}}{_only_in(arms[name])}".rstrip() for name in system.services),
            _EDGES if system.witness_edge else "edges, for network.* (edge: NAME):" if edges else _NO_EDGES,
            *(
                f"  {name:<{wide}}  {words}{_only_in(arms.get(system.all_edges[name].source, []))}"
                for name, words in edges.items()
            ),
            *(_OF_RECORDS if system.witness_edge else ()),
        ]
    )


def _only_in(arms: Sequence[str]) -> str:
    return f"  only in arm {' or '.join(arms)}" if arms else ""


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
        end = "needed" if name in required else _default(name, one.get("default"))
        where = ", one of `hormesis explain system`" if name in LISTED else ""
        yield f"{name:<{width}}  {_takes(one)}{where}; {end}"


def _default(name: str, value: object) -> str:
    if value is None:
        return "without it: until undone" if name == "duration_s" else "may be left out"
    return f"{value:g} if left out" if isinstance(value, float) else f"{value} if left out"


def _takes(one: Mapping[str, object]) -> str:
    """Say what a parameter takes."""
    options = msgspec.convert(one.get("anyOf", []), list[dict[str, object]])
    one = next((option for option in options if option.get("type") != "null"), one)
    if "enum" in one:
        return "one of " + ", ".join(map(str, msgspec.convert(one["enum"], list[str])))
    kinds = {"number": "a number", "integer": "a whole number", "string": "a name"}
    ranges = [f"{words} {one[key]:g}" for key, words in RANGES if isinstance(one.get(key), int | float)]
    return " ".join((kinds.get(str(one.get("type")), "a value"), " and ".join(ranges))).strip()
