"""JSON Pointers (RFC 6901): where a value stands in a document that a stranger wrote. Pure.

Comes in: the text of a pointer, a decoded document. Goes out: keys, the value that stands there, or a
document in which a value stands there and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

ABSENT: Final = object()
"""What ``read_pointer`` gives where nothing stands: no JSON value."""

_WRONG_ESCAPE = re.compile(r"~(?![01])")


def pointer_problem(pointer: str) -> str:
    """Say why the text is no JSON Pointer; "" if it is one.

    >>> pointer_problem("/model/version"), pointer_problem("model")
    ('', 'a JSON Pointer begins with /')
    """
    if pointer and not pointer.startswith("/"):
        return "a JSON Pointer begins with /"
    return "after ~ stands 0 (for ~) or 1 (for /)" if _WRONG_ESCAPE.search(pointer) else ""


def parse_pointer(pointer: str) -> tuple[str, ...]:
    """Split a JSON Pointer into its keys.

    >>> parse_pointer("/a~1b/0/~0"), parse_pointer("")
    (('a/b', '0', '~'), ())
    """
    keys = pointer.split("/")[1:]
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in keys)


def read_pointer(document: object, keys: tuple[str, ...]) -> object:
    """Follow ``keys`` into a decoded document; gives ``ABSENT`` where nothing stands."""
    for key in keys:
        if isinstance(document, Mapping) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return ABSENT
    return document


def put_under(keys: tuple[str, ...], value: object) -> object:
    """Build the smallest document in which ``value`` stands at ``keys``; the key "0" makes a list of one.

    >>> put_under(("instances", "0"), {"amount": 5})
    {'instances': [{'amount': 5}]}
    """
    for key in reversed(keys):
        value = [value] if key == "0" else {key: value}
    return value


def put_into(document: Mapping[str, object], keys: tuple[str, ...], value: object) -> Mapping[str, object]:
    """Give a copy of ``document`` with ``value`` at ``keys``, which are no places of lists.

    >>> put_into({"amount": 5, "meta": {"from": "x"}}, ("meta", "id"), "w7-1")
    {'amount': 5, 'meta': {'from': 'x', 'id': 'w7-1'}}
    """
    key, *rest = keys
    if not rest:
        return {**document, key: value}
    inner = document.get(key)
    return {**document, key: put_into(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)}
