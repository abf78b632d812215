"""Actions for Chaos Toolkit made from rows of the fault table, so that no signature can differ from it.

Comes in: a kind. Goes out: a function whose parameters are those of the kind. On an edge it acts through the
running proxy; what only the driver can do to what it offers is refused, with the reason.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import msgspec

from harness.errors import Refused
from harness.faults.catalog import FAULTS, FaultProblem, compile_fault
from harness.faults.effects import EdgeEffect, Effect
from harness.frontends.chaostoolkit.wire import hurt_edge

WITNESS_NEEDED = (
    "data faults cannot be done by plain `chaos run` (the witness is needed): use `hormesis run`. "
    "Nothing was injected."
)


def action(kind: str) -> Callable[..., dict[str, object]]:
    """Make the function of ``kind``; a wrong argument is ``Refused`` before anything is touched."""
    row = FAULTS[kind]

    def act(**arguments: object) -> dict[str, object]:
        effect = compiled(kind, arguments)
        if not isinstance(effect, EdgeEffect):
            raise Refused(WITNESS_NEEDED)
        return {"fault": kind} | hurt_edge(effect)

    act.__name__ = act.__qualname__ = kind.replace(".", "_")
    act.__doc__ = f"{row.what[0].upper()}{row.what[1:]}. {inspect.getdoc(row.parameters)}"
    # chaos validate binds an action's arguments to this.
    act.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if one.required else one.default,
            )
            for one in msgspec.structs.fields(row.parameters)
        ]
    )
    return act


def compiled(kind: str, arguments: dict[str, object]) -> Effect:
    """Compile a fault; ``Refused`` where an argument is wrong."""
    try:
        return compile_fault(kind, arguments)
    except FaultProblem as problem:
        raise Refused(f"{problem}. Nothing was injected.") from problem
