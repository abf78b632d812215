"""The table of faults: every kind a user may name, with what it does, its proof and its undo.

Comes in: kind and arguments as an experiment writes them. Goes out: an ``Effect``, or a
``FaultProblem`` that says which argument is wrong and what is near. An explicit table, not an
import-time registry: a family is one file with its parameters and rows; a new fault is one row and one test.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping

import msgspec

from harness.faults import data, labels, model, network, placebo, process, world
from harness.faults.effects import Effect
from harness.faults.kind import FaultKind, FaultProblem

__all__ = ["FAULTS", "FaultProblem", "compile_fault", "is_placebo"]

MISSING = re.compile(r"missing required field `(?P<key>[^`]+)`")
AT_KEY = re.compile(r" - at `\$\.(?P<key>[^`.\[]+)[^`]*`$")


FAULTS: Mapping[str, FaultKind] = {
    row.kind: row for family in (process, network, data, world, labels, model, placebo) for row in family.ROWS
}


def is_placebo(kind: str) -> bool:
    """Say whether ``kind`` is a placebo; an unknown kind is none.

    >>> is_placebo("placebo.surge"), is_placebo("process.kill")
    (True, False)
    """
    return kind in FAULTS and FAULTS[kind].placebo


def compile_fault(kind: str, arguments: Mapping[str, object]) -> Effect:
    """Compile the fault ``kind`` with its ``arguments`` (JSON values by name) to its effect.

    Raises ``FaultProblem`` for an unknown kind or argument, a missing one, or a wrong value.

    >>> compile_fault("process.kill", {"service": "gateway"})
    Kill(service='gateway', times=1, every_s=0.0)
    """
    row = FAULTS.get(kind)
    if row is None:
        raise _unknown(f"unknown fault '{kind}'", kind, FAULTS)
    known = row.parameters.__struct_fields__
    for key in arguments:
        if key not in known:
            raise _unknown(f"{kind} has no argument '{key}'", key, known, argument=key)
    for key, value in arguments.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise FaultProblem(f"{kind}: {key} must be a finite number", argument=key, known=known)
    try:
        parameters = msgspec.convert(dict(arguments), row.parameters)
    except msgspec.ValidationError as error:
        raise _wrong(kind, str(error), known) from error
    return row.compile(parameters)


def _unknown(message: str, word: str, known: Iterable[str], *, argument: str = "") -> FaultProblem:
    names = tuple(sorted(known))
    near = next(iter(difflib.get_close_matches(word, names, n=1, cutoff=0.5)), "")
    return FaultProblem(message, argument=argument, known=names, near=near)


def _wrong(kind: str, words: str, known: tuple[str, ...]) -> FaultProblem:
    """Turn msgspec's words into ours, with the key apart so that a loader can point at it."""
    missing = MISSING.search(words)
    if missing:
        return FaultProblem(f"{kind} needs the argument '{missing['key']}'", known=known)
    at_key = AT_KEY.search(words)
    if not at_key:
        return FaultProblem(f"{kind}: {words}", known=known)
    return FaultProblem(
        f"{kind}: {at_key['key']}: {words[: at_key.start()]}", argument=at_key["key"], known=known
    )
