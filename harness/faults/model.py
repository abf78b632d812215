"""Faults of models: what is served, or offered to be served, is not what it should be.

Origin. A retrained model is worse and passes its holdout; a deploy points the alias at the wrong version; a
label column is inverted and the model is sure of the opposite; a feature store hands out zeros and every
score is one number; a file is cut in a copy; probabilities drift while the ranking stays. Post-mortems of ML
systems name the rollout of a model beside any other release.

How a system's models are changed only the system knows: its file names a program for it under
``hooks.model``, with the actions it can do. The program says how its effect is seen from outside, and undoes
it. Comes in: parameters from an experiment. Goes out: one ``Hook``. The table is ``catalog.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from harness.faults.effects import Effect, Hook
from harness.faults.kind import Duration, FaultKind, FaultProblem, typed

HOOK = "model"
PROOF = "the hook says which route of the system shows the effect; it is looked at before and after"
UNDO = "the hook is called to undo it; with the runner gone, the whole run is ended"
UNDONE_WITHIN_S = 10.0
NUMBER_MAX = 100.0


class ModelParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without ``duration_s`` until undone."""

    duration_s: Duration | None = None


class CalibrationParameters(ModelParameters, frozen=True, kw_only=True):
    """Log odds become ``scale`` times what they were, plus ``shift``: the ranking stays."""

    scale: Annotated[float, msgspec.Meta(gt=0, le=NUMBER_MAX)] = 1.0
    shift: Annotated[float, msgspec.Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)] = 0.0


def hook(action: str) -> Callable[[msgspec.Struct], Effect]:
    """Make the compile function of a hook's ``action``.

    >>> hook("constant")(ModelParameters()).action
    'constant'
    """

    def compile_hook(given: msgspec.Struct) -> Effect:
        numbers = msgspec.structs.asdict(given)
        if action == "calibration" and (numbers["scale"], numbers["shift"]) == (1.0, 0.0):
            raise FaultProblem("scale 1 and shift 0 change nothing", argument="scale")
        return Hook(hook=HOOK, action=action, **numbers)

    return compile_hook


def _row(action: str, what: str, parameters: type[msgspec.Struct] = ModelParameters) -> FaultKind:
    return FaultKind(
        kind=f"model.{action}",
        parameters=parameters,
        compile=typed(parameters, hook(action)),
        what=what,
        proof=PROOF,
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    )


ROWS = (
    _row("bad_candidate", "a worse model with good papers is offered to be served"),
    _row("confident_wrong", "the model that serves is sure of the opposite"),
    _row("constant", "the model that serves gives everybody one score"),
    _row("stale", "an older, weaker version serves again"),
    _row("wrong_alias", "another model than meant serves: it was trained for something else"),
    _row("corrupt_file", "the file of the model that serves is damaged where it is kept"),
    _row("calibration", "scores are shifted, their order is as before", CalibrationParameters),
)
