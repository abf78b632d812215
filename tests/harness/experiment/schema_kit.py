"""Plain data and small harm to it: every key renamed, taken away or added, every value of another type."""

from __future__ import annotations

import copy
from collections.abc import Iterator

Path = tuple[str | int, ...]
OTHERS: tuple[object, ...] = (None, "text", 7, 1.5, True, [], {}, {"no": 1}, [["no"]], "")


def places(data: object, path: Path = ()) -> Iterator[Path]:
    """Every place in ``data``; of a list of many things the first three."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data[:3]) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def value_at(data: object, path: Path) -> object:
    for key in path:
        data = data[key]
    return data


def _changed(data: object, path: Path, value: object) -> object:
    whole = copy.deepcopy(data)
    if not path:
        return value
    value_at(whole, path[:-1])[path[-1]] = value
    return whole


def mutations(data: object) -> Iterator[tuple[str, object]]:
    """What was done, and what came of it."""
    for path in places(data):
        here = value_at(data, path)
        for other in OTHERS:
            if type(other) is not type(here):
                yield f"{path} is {other!r}", _changed(data, path, other)
        if isinstance(here, dict):
            yield f"{path} has a key nobody knows", _changed(data, path, {**here, "surplus": 1})
            for key in here:
                less = {name: value for name, value in here.items() if name != key}
                yield f"{path} has no {key}", _changed(data, path, less)
                yield f"{path} has {key}s for {key}", _changed(data, path, {**less, f"{key}s": here[key]})
