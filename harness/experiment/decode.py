"""Plain data -> a frozen struct, listing every problem and not only the first.

msgspec says one thing that is wrong and names the place in words; here a struct is walked field by
field, so that each wrong key and value is found with its path, and near names are offered. The
values themselves are converted and checked by msgspec, so the types of ``model.py`` stay the law.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, advice

T = TypeVar("T")
PLACE = re.compile(r" - at `[^`]*`$")
TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
NAMES = "use lower-case letters, digits and hyphens, at most 63"
FIELD_NAMES = "use letters, digits, and _ . -, beginning with a letter or _, at most 64"
BAD = object()  # in place of a value that is wrong; None is a value


def decode(kind: type[T], data: object, path: Path, findings: Findings) -> T | None:
    """Make a ``kind`` (a struct or any annotation msgspec knows) of ``data`` at ``path``.

    Gives None after noting why in ``findings`` (HRM201 type, HRM202 unknown key, HRM203 missing key,
    HRM204 out of range, HRM205 negative time, HRM206 not one of the known words).
    """
    value = _walk(kind, data, path, findings)
    if value is BAD:
        return None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:  # what only holds for the whole; each part was right
        _note_wrong(str(error), data, path, findings)
        return None


def check_keys(data: Mapping[str, object], known: tuple[str, ...], path: Path, findings: Findings) -> None:
    """Note every key of ``data`` that is not ``known`` (HRM202), with the nearest that is."""
    for key in data:
        if key not in known:
            findings.add(
                "HRM202",
                f"unknown key {quoted(key)}",
                (*path, key),
                key=True,
                help=advice(key, known),
            )


def _walk(kind: object, data: object, path: Path, findings: Findings) -> object:
    """Check ``data`` against the annotation ``kind``; gives it, or ``BAD`` where something is noted."""
    kind, origin = _plain(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind, data, path, findings)
    if origin is tuple:
        return _items(get_args(kind)[0], data, path, findings)
    if origin is dict:
        return _entries(get_args(kind), data, path, findings)
    if origin is Literal:
        return _word(get_args(kind), data, path, findings)
    return _leaf(kind, data, path, findings)


def _plain(kind: object) -> tuple[object, object]:
    """Look through ``Annotated[X, ...]``, and an X that may be left out: a struct, list or mapping."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part not in (type(None), msgspec.UnsetType)]
        if len(parts) == 1 and isinstance(parts[0], type) and issubclass(parts[0], msgspec.Struct):
            return parts[0], None
    if origin is Annotated and get_origin(get_args(kind)[0]) in (tuple, dict, Literal):
        return get_args(kind)[0], get_origin(get_args(kind)[0])
    return kind, origin


def _struct(kind: type[msgspec.Struct], data: object, path: Path, findings: Findings) -> object:
    if not isinstance(data, dict):
        return _wrong_type("a mapping", data, path, findings)
    fields = _fields(kind)
    before = len(findings.problems)
    check_keys(data, tuple(field.encode_name for field in fields), path, findings)
    bad = False
    for field in fields:
        if field.encode_name in data:
            # A value may be wrong without a new finding: another check has said it better already.
            bad |= _walk(field.type, data[field.encode_name], (*path, field.encode_name), findings) is BAD
        elif field.required:
            findings.add(
                "HRM203",
                f"the key '{field.encode_name}' is missing",
                path,
                key=True,
                help=f"add '{field.encode_name}:'",
            )
    return BAD if bad or len(findings.problems) > before else data


@functools.cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)  # evaluates annotations each time


def _items(kind: object, data: object, path: Path, findings: Findings) -> object:
    if not isinstance(data, list):
        return _wrong_type("a list", data, path, findings)
    checked = [_walk(kind, item, (*path, n), findings) for n, item in enumerate(data)]
    return BAD if BAD in checked else data


def _entries(kinds: tuple[object, ...], data: object, path: Path, findings: Findings) -> object:
    if not isinstance(data, dict):
        return _wrong_type("a mapping", data, path, findings)
    before = len(findings.problems)
    for key, value in data.items():
        if _fails(kinds[0], key):
            findings.add(
                "HRM204",
                f"{quoted(key)} cannot be a name here",
                (*path, key),
                key=True,
                help=NAMES,
            )
        _walk(kinds[1], value, (*path, key), findings)
    return data if len(findings.problems) == before else BAD


def _word(known: tuple[object, ...], data: object, path: Path, findings: Findings) -> object:
    if data in known and type(data) in {type(word) for word in known}:
        return data
    words = [str(word) for word in known]
    findings.add(
        "HRM206",
        f"{_key_of(path)} cannot be {_seen(data)}",
        path,
        help=advice(str(data), words),
        label="unknown",
    )
    return BAD


def _leaf(kind: object, data: object, path: Path, findings: Findings) -> object:
    words = _fails(kind, data)
    if words:
        _note_wrong(words, data, path, findings)
        return BAD
    return data


def _fails(kind: object, data: object) -> str:
    """Give msgspec's words about ``data``, or ""."""
    convert: Callable[[object, object], object] = msgspec.convert
    try:
        convert(data, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _wrong_type(wanted: str, data: object, path: Path, findings: Findings) -> object:
    message = f"{_key_of(path)} must be {wanted}, not {_seen(data)}"
    findings.add("HRM201", message, path, help=f"write {wanted} here")
    return BAD


def _note_wrong(words: str, data: object, path: Path, findings: Findings) -> None:
    """Turn msgspec's words into a finding in plain ones."""
    words = PLACE.sub("", words)
    key = _key_of(path)
    named = re.sub(r"`([^`]*)`", lambda match: _type_words(match[1]), words)
    if ", got " in words:
        wanted = named.removeprefix("Expected ").split(", got ")[0]
        findings.add(
            "HRM201", f"{key} must be {wanted}, not {_seen(data)}", path, help=_instead(wanted, data)
        )
    elif isinstance(data, int | float) and data < 0 and _is_time(path):
        findings.add(
            "HRM205", f"{key} is negative: {data}", path, label="negative time", help="write seconds, above 0"
        )
    elif "matching regex" in words:
        message = f"{key} cannot be {_seen(data)}"
        findings.add("HRM204", message, path, help=FIELD_NAMES if "_.-" in words else NAMES)
    else:
        wanted = named.removeprefix("Expected ")
        findings.add("HRM204", f"{key} must be {wanted}, not {_seen(data)}", path, help=f"write {wanted}")


def _instead(wanted: str, data: object) -> str:
    """Say what to write; a list where one text may stand can be one, its entries between commas."""
    if isinstance(data, list) and "text" in wanted and all(isinstance(one, str) for one in data):
        return f"write one text: {quoted(','.join(data))}"
    return f"write {wanted}"


def _type_words(names: str) -> str:
    return " or ".join(TYPE_WORDS.get(name.strip(), name.strip()) for name in names.split("|"))


def _key_of(path: Path) -> str:
    """Name a value for a sentence: its key, or the list it is an entry of."""
    if not path:
        return "the file"
    last = path[-1]
    return (
        f"entry {last + 1} of {quoted(path[-2])}" if isinstance(last, int) and len(path) > 1 else quoted(last)
    )


def _seen(data: object) -> str:
    match data:
        case None:
            return "empty"
        case bool():
            return str(data).lower()
        case str():
            return f"text {quoted(data)}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return str(data)


def _is_time(path: Path) -> bool:
    last = str(path[-1]) if path else ""
    return last.endswith("_s") or last in {"before", "after"}
