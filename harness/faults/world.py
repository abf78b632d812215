"""Faults of the world: nothing breaks, and what the pipeline has learned is no longer so.

Origin. Customers change (covariate shift: P(x) moves, what is true of each x stays), fraudsters change
(concept change: P(y|x) moves), and so does how many they are (label shift: P(y) moves, P(x|y) stays). Drift
papers and post-mortems count them as the slow death of models; whether one hurts depends on the model, so the
same fault can be harm or none, and the world's known truth says which.

All are done by the driver, which draws every unit of the span a second time, by the same dice, from the world
as moved. What must not move is checked before anything starts: a covariate shift that changes P(y|x) is
refused.
Comes in: parameters from an experiment. Goes out: one ``Shift``. The table is ``catalog.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from harness.faults.data import UNDO, UNDONE_WITHIN_S
from harness.faults.effects import Effect, Moves, Shift
from harness.faults.kind import (
    Duration,
    FaultKind,
    FaultProblem,
    FieldName,
    LevelName,
    Seconds,
    typed,
)

PROOF = "the world draws the same units twice, unmoved and moved; the driver counts those that differ"
NUMBER_MAX = 1e9


class ShiftParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``knob`` of the scenario's world goes to ``value``; without ``duration_s`` until undone.

    ``ramp_s``: how long it is on its way. ``period_s``: come and go, half of each period. ``field`` and
    ``level``: in that part of the records only.
    """

    knob: FieldName
    value: Annotated[float, msgspec.Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]
    ramp_s: Seconds = 0.0
    period_s: Seconds = 0.0
    field: FieldName | None = None
    level: LevelName | None = None
    duration_s: Duration | None = None


def shift(moves: Moves) -> Callable[[msgspec.Struct], Effect]:
    """Make the compile function of a shift that ``moves`` so much of the world.

    >>> shift("truth")(ShiftParameters(knob="pattern_risk", value=0.7)).moves
    'truth'
    """

    def compile_shift(given: ShiftParameters) -> Effect:
        if (given.field is None) != (given.level is None):
            missing = "level" if given.level is None else "field"
            raise FaultProblem("a part of the records is a field and its level", argument=missing)
        if 0 < given.period_s < 2 * given.ramp_s:
            raise FaultProblem(
                "ramp_s is longer than half of period_s: it would never arrive", argument="ramp_s"
            )
        return Shift(
            knob=given.knob,
            value=given.value,
            moves=moves,
            ramp_s=given.ramp_s,
            period_s=given.period_s,
            field=given.field or "",
            level=given.level or "",
            duration_s=given.duration_s,
        )

    return typed(ShiftParameters, compile_shift)


def _row(kind: str, what: str, moves: Moves) -> FaultKind:
    return FaultKind(
        kind=kind,
        parameters=ShiftParameters,
        compile=shift(moves),
        what=what,
        proof=PROOF,
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    )


ROWS = (
    _row("world.covariate_shift", "other records come, and what is true of each is as before", "records"),
    _row("world.concept_change", "the same records come, and something else is true of them", "truth"),
    _row("world.label_shift", "positives come more or less often, and look as before", "both"),
)
