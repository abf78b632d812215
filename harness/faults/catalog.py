"""The table of faults: every kind a user may name, with what it does, its proof and its undo.

Comes in: kind and arguments as an experiment writes them. Goes out: an ``Effect``, or a
``FaultProblem`` that says which argument is wrong and what is near. An explicit table, not an
import-time registry: a new fault is one file, one row here and one test.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from harness.faults.effects import Effect
from harness.faults.process import HangParameters, KillParameters, compile_hang, compile_kill

P = TypeVar("P", bound=msgspec.Struct)
MISSING = re.compile(r"missing required field `(?P<key>[^`]+)`")
AT_KEY = re.compile(r" - at `\$\.(?P<key>[^`.\[]+)[^`]*`$")


class FaultProblem(ValueError):
    """A kind or an argument that the table does not know; nothing was touched.

    ``argument`` is the key at fault ("" = the kind itself or the arguments as a whole), ``known``
    what could stand there, ``near`` the likeliest meant ("" if nothing is near).
    """

    def __init__(
        self, message: str, *, argument: str = "", known: tuple[str, ...] = (), near: str = ""
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.known = known
        self.near = near


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One row: ``proof`` and ``undo`` in words, ``undone_within_s`` the promise after an undo is asked."""

    kind: str
    parameters: type[msgspec.Struct]
    compile: Callable[[msgspec.Struct], Effect]
    what: str
    proof: str
    undo: str
    undone_within_s: float


def _typed(parameters: type[P], compile_one: Callable[[P], Effect]) -> Callable[[msgspec.Struct], Effect]:
    """Widen a compile function to any struct; it still takes its own parameters only."""

    def compile_any(given: msgspec.Struct) -> Effect:
        if not isinstance(given, parameters):
            raise TypeError(f"{compile_one.__name__} takes {parameters.__name__}, got {type(given).__name__}")
        return compile_one(given)

    return compile_any


_ROWS = (
    FaultKind(
        kind="process.kill",
        parameters=KillParameters,
        compile=_typed(KillParameters, compile_kill),
        what="ends one process of a service with SIGKILL",
        proof="the process is gone (pidfd) and its port refuses or answers with a new boot id",
        undo="the service runs again: by the platform, else started by the harness",
        undone_within_s=20.0,
    ),
    FaultKind(
        kind="process.hang",
        parameters=HangParameters,
        compile=_typed(HangParameters, compile_hang),
        what="stops one process of a service with SIGSTOP: the port accepts, nothing answers",
        proof="every thread is in state T, the port accepts and no byte comes back",
        undo="SIGCONT to that very process, if it still exists",
        undone_within_s=1.0,
    ),
)

FAULTS: Mapping[str, FaultKind] = {row.kind: row for row in _ROWS}


def compile_fault(kind: str, arguments: Mapping[str, object]) -> Effect:
    """Compile the fault ``kind`` with its ``arguments`` (JSON values by name) to its effect.

    Raises ``FaultProblem`` for an unknown kind or argument, a missing one, or a wrong value.

    >>> compile_fault("process.kill", {"service": "gateway"})
    Kill(service='gateway')
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
