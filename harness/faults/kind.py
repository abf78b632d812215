"""What one row of the fault table is, and the values that several families' parameters share.

Comes in: parameters and a compile function of one family. Goes out: ``FaultKind``, a row of ``catalog.py``.
Ranges are strict, so that a fault of size zero, one that cannot end, or a name that a shell or a path could
read is refused before anything is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec

from harness.faults.effects import Effect

P = TypeVar("P", bound=msgspec.Struct)

# No fault outlives this by itself, whatever happens to who injected it: the proxy's and guardian's limit.
DURATION_MAX_S = 900.0
# What is shorter is over before anybody can meet it, and would count as survived.
DURATION_MIN_S, MILLISECONDS_MIN = 0.05, 1.0
# "(?!\n)": in Python "$" also matches before a last newline, and "a\n" is no name.
ServiceName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
# The witness's edge is "driver-" and the name of a service.
EdgeName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,69}$(?!\n)")]
FieldName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$(?!\n)")]
LevelName = Annotated[str, msgspec.Meta(max_length=64)]
Duration = Annotated[float, msgspec.Meta(ge=DURATION_MIN_S, le=DURATION_MAX_S)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=DURATION_MAX_S)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
# Longer than any deadline that can be asked for; more would be a partition by another name.
Milliseconds = Annotated[float, msgspec.Meta(ge=MILLISECONDS_MIN, le=120_000)]


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
    """One row: ``proof`` and ``undo`` in words, ``undone_within_s`` the promise after an undo is asked.

    ``placebo``: nothing that a healer should heal; any effectful act is a false one.
    """

    kind: str
    parameters: type[msgspec.Struct]
    compile: Callable[[msgspec.Struct], Effect]
    what: str
    proof: str
    undo: str
    undone_within_s: float
    placebo: bool = False


def typed(parameters: type[P], compile_one: Callable[[P], Effect]) -> Callable[[msgspec.Struct], Effect]:
    """Widen a compile function to any struct; it still takes its own parameters only, else TypeError."""

    def compile_any(given: msgspec.Struct) -> Effect:
        if not isinstance(given, parameters):
            raise TypeError(f"{compile_one.__name__} takes {parameters.__name__}, got {type(given).__name__}")
        return compile_one(given)

    return compile_any
