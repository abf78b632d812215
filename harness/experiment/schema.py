"""JSON Schema 2020-12 of the files that people write, for editors; made from the types that read them.

Comes in: nothing. Goes out: plain data. A schema says less than the loader: names that another file defines,
and what only holds for several values together, are left to ``hormesis validate``; what the loader takes, the
schema takes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

import msgspec

from harness.experiment import asked
from harness.experiment.activities import (
    ACTIVITY_KEYS,
    FAULT_MODULE,
    FUNCTIONS,
    PROBE_MODULE,
    PROBES,
    ROLLBACKS,
    Label,
)
from harness.experiment.archetypes import NEEDS
from harness.experiment.configuration import CONFIGURATION
from harness.experiment.frame import STRATEGIES, TOP_KEYS
from harness.experiment.limits import KNOBS, Limit
from harness.experiment.model import (
    PROFILES,
    Arm,
    Objective,
    Pauses,
    Profile,
    RestartProfile,
    Scenario,
    System,
)
from harness.faults.catalog import FAULTS

Schema = dict[str, object]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"
_CONFIGURED: Schema = {"type": "string", "pattern": r"\$\{"}
_LOOKED_UP: Schema = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"not": {"type": "null"}}},
}
_EXTENSION: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "pattern": r"\S"}},
}
_TYPES: Mapping[str, object] = {
    "Label": Label,
    "Pauses": Pauses,
    "Objective": Objective,
    "Profile": Profile,
    "FileName": asked.FileName,
    "Repetitions": asked.Repetitions,
}


def schema_of(name: str, kind: object) -> Schema:
    """The schema of the file ``name``, which is one ``kind``.

    >>> schema_of("scenario", Scenario)["$id"]
    'urn:hormesis:schema:scenario'
    """
    (root,), parts = msgspec.json.schema_components([kind], ref_template=_REF)
    return {**_head(name), **root, "$defs": parts}


def scenario_schema() -> Schema:
    """The schema of a scenario file; which knobs a world has, its opener knows."""
    return schema_of("scenario", Scenario)


def system_schema() -> Schema:
    """The schema of a system file, ``hormesis.yaml``."""
    (root,), parts = msgspec.json.schema_components([System], ref_template=_REF)
    parts["Service"]["anyOf"] = [{"required": ["command"]}, {"required": ["entry"]}]
    parts["Workload"]["anyOf"] = [{"required": [key]} for key, _ in NEEDS.values()]
    parts["System"]["properties"]["arms"]["propertyNames"] = {"enum": list(get_args(Arm))}
    for part in parts.values():
        known = part.get("properties", {})
        known |= {key: found["anyOf"][0] for key, found in known.items() if _is_part_or_null(found)}
    return {**_head("system"), **root, "$defs": parts}


def experiment_schema() -> Schema:
    """The schema of an experiment: Chaos Toolkit's keys as far as they are run here, and ``x-hormesis``."""
    kinds = [*_TYPES.values(), *(FAULTS[kind].parameters for kind in FUNCTIONS.values())]
    found, parts = msgspec.json.schema_components(kinds, ref_template=_REF)
    types: dict[str, Schema] = dict(zip(_TYPES, found, strict=False))
    arguments = dict(zip(FUNCTIONS, found[len(_TYPES) :], strict=True))
    profile: Schema = parts.pop("Profile")
    _take_configured(parts, ("Pauses", *(FAULTS[kind].parameters.__name__ for kind in FUNCTIONS.values())))
    defs: Schema = {
        **parts,
        "AdjustedProfile": _adjusted(profile),
        "Action": _activity("action", _fault_provider(arguments, parts), types),
        "Rollback": _activity("action", _provider(FAULT_MODULE, _calls(ROLLBACKS, {})), types),
        "Probe": _probe(types),
        "Asked": _asked(types),
    }
    text = {"type": "string", "minLength": 1}
    known: Schema = _any(TOP_KEYS) | {
        "title": text,
        "description": text,
        "method": {"type": "array", "items": _ref("Action"), "minItems": 1},
        "rollbacks": {"type": "array", "items": _ref("Rollback")},
        "steady-state-hypothesis": _object(
            {"title": text, "probes": {"type": "array", "items": _ref("Probe")}}, ("title",)
        ),
        CONFIGURATION: {"type": "object", "additionalProperties": {"not": _LOOKED_UP}},
        "runtime": _object({part: _strategies(known) for part, known in STRATEGIES.items()}),
        "extensions": {"anyOf": [{"type": "array", "items": _EXTENSION}, {"type": "null"}]},
        "tags": {"anyOf": [{"type": "array", "items": text}, {"type": "null"}]},
        asked.ASKED: _ref("Asked"),
    }
    needed = ("title", "description", "method", asked.ASKED)
    return {**_head("experiment"), **_object(known, needed, foreign=True), "$defs": defs}


def _is_part_or_null(found: Schema) -> bool:
    """Whether it is a mapping that may be left out: the loader takes no null in its place."""
    match found:
        case {"anyOf": [{"$ref": _}, {"type": "null"}]}:
            return True
        case _:
            return False


def _head(name: str) -> Schema:
    return {"$schema": DIALECT, "$id": f"urn:hormesis:schema:{name}", "title": f"Hormesis {name}"}


def _ref(name: str) -> Schema:
    return {"$ref": _REF.format(name=name)}


def _object(properties: Schema, required: tuple[str, ...] = (), *, foreign: bool = False) -> Schema:
    """A mapping of these keys and no others; ``foreign``: keys of another tool (x-...) may stand in it."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    if foreign:
        schema["patternProperties"] = {"^x-": {}}
    return schema


def _take_configured(parts: dict[str, Schema], names: Collection[str]) -> None:
    """Let each key of these parts be a ``${...}`` too, which the configuration fills in."""
    for name in {*names}:
        known = msgspec.convert(parts[name].get("properties", {}), Schema)
        parts[name]["properties"] = {key: {"anyOf": [value, _CONFIGURED]} for key, value in known.items()}


def _strategies(known: tuple[str, ...]) -> Schema:
    return _object({"strategy": {"enum": list(known)}})


def _any(keys: tuple[str, ...]) -> Schema:
    return {key: {} for key in keys}


def _activity(kind: str, provider: Schema, types: Mapping[str, Schema]) -> Schema:
    known: Schema = _any(ACTIVITY_KEYS) | {
        "background": {"const": False},
        "type": {"const": kind},
        "name": types["Label"],
        "provider": provider,
        "pauses": types["Pauses"],
    }
    return _object(known, ("type", "name", "provider"), foreign=True)


def _probe(types: Mapping[str, Schema]) -> Schema:
    provider = _provider(PROBE_MODULE, _calls(PROBES, {"type": "string"}))
    probe = _activity("probe", {**provider, "required": ["type", "module", "func", "arguments"]}, types)
    known = msgspec.convert(probe["properties"], Schema) | {"tolerance": {"const": True}}
    return {**probe, "properties": known, "required": ["type", "name", "provider", "tolerance"]}


def _provider(module: str, functions: Mapping[str, Schema]) -> Schema:
    """A call of one of the functions of ``module``, each with the schema of what comes beside its name."""
    known: Schema = {
        "type": {"const": "python"},
        "module": {"const": module},
        "func": {"enum": list(functions)},
        "arguments": {"type": "object"},
    }
    chosen = [
        {"if": {"properties": {"func": {"const": name}}, "required": ["func"]}, "then": then}
        for name, then in functions.items()
    ]
    return {**_object(known, ("type", "module", "func")), "allOf": chosen}


def _fault_provider(arguments: Mapping[str, Schema], parts: Mapping[str, Schema]) -> Schema:
    thens: dict[str, Schema] = {}
    for name, reference in arguments.items():
        struct = FAULTS[FUNCTIONS[name]].parameters.__name__
        needed = {"required": ["arguments"]} if "required" in parts[struct] else {}
        thens[name] = {"properties": {"arguments": reference}, **needed}
    return _provider(FAULT_MODULE, thens)


def _calls(functions: Mapping[str, tuple[str, ...]], value: Schema) -> dict[str, Schema]:
    needed = tuple if value else lambda _: ()
    return {
        name: {"properties": {"arguments": _object(dict.fromkeys(keys, value), needed(keys))}}
        for name, keys in functions.items()
    }


def _asked(types: Mapping[str, Schema]) -> Schema:
    profile: Schema = {"anyOf": [{"enum": list(PROFILES)}, _ref("AdjustedProfile")], "default": "default"}
    known: Schema = _any(asked.KEYS) | {
        "version": {"const": 1},
        "system": types["FileName"],
        "scenario": types["FileName"],
        "profile": profile,
        "arms": _words(get_args(Arm)),
        "restart_profiles": _words(get_args(RestartProfile)),
        "repetitions": types["Repetitions"],
        "sham": {"type": "boolean"},
        "objectives": {"type": "array", "items": types["Objective"]},
    }
    return _object(known, ("version", "scenario"))


def _words(known: tuple[str, ...]) -> Schema:
    return {"type": "array", "items": {"enum": list(known)}, "minItems": 1, "uniqueItems": True}


def _adjusted(profile: Schema) -> Schema:
    """A built-in profile with what differs; the ranges are those that a figure needs to say anything."""
    knobs = msgspec.convert(profile["properties"], dict[str, Schema])
    del knobs["name"]
    limited = {key: {**knob, **_range(KNOBS[key])} if key in KNOBS else knob for key, knob in knobs.items()}
    # Defaults are those of the base.
    plain = {
        key: {name: it for name, it in knob.items() if name != "default"} for key, knob in limited.items()
    }
    return {**_object({"base": {"enum": list(PROFILES)}, **plain}), "description": profile["description"]}


def _range(limit: Limit) -> Schema:
    high: Schema = {} if limit.high == float("inf") else {"maximum": limit.high}
    return {"exclusiveMinimum" if limit.above else "minimum": limit.low, **high}
