"""Placebos: things that happen and break nothing. The right answer is none; a healer that acts is wrong.

Origin. Naive healers trip on volume (a surge inside capacity), on a percentile of a slow but good batch,
on a strict comparison of schemas (an optional field of a compatible release), and on any change of the model.

Comes in: parameters from an experiment. Goes out: one ``Effect``, small by its range. The table is
``catalog.py``; the sham, the placebo of size zero, is a plan and no fault.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from harness.faults.data import PROOF as RECORDS_PROOF
from harness.faults.data import UNDO as RECORDS_UNDO
from harness.faults.data import FieldParameters, plain
from harness.faults.effects import Delay, Surge
from harness.faults.kind import Duration, EdgeName, FaultKind, typed
from harness.faults.model import PROOF as HOOK_PROOF
from harness.faults.model import UNDO as HOOK_UNDO
from harness.faults.model import UNDONE_WITHIN_S as HOOK_UNDONE_WITHIN_S
from harness.faults.model import ModelParameters, hook
from harness.faults.network import UNDO as EDGE_UNDO

UNDONE_WITHIN_S = 1.0
# Below the shortest deadline that a built-in profile has (250 ms), with room for the system's own time.
SLOW_MS_MAX = 100.0
FACTOR_MAX = 3.0


class SurgeParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``factor``: load batches come so many times as often; the witness's units stay as they are."""

    factor: Annotated[float, msgspec.Meta(gt=1, le=FACTOR_MAX)] = 2.0
    duration_s: Duration | None = None


class SlowParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``latency_ms`` on ``edge``, below the service level."""

    edge: EdgeName
    latency_ms: Annotated[float, msgspec.Meta(gt=0, le=SLOW_MS_MAX)] = 50.0
    duration_s: Duration | None = None


def compile_surge(parameters: SurgeParameters) -> Surge:
    """Compile ``placebo.surge``.

    >>> compile_surge(SurgeParameters(factor=2))
    Surge(factor=2, duration_s=None)
    """
    return Surge(factor=parameters.factor, duration_s=parameters.duration_s)


def compile_slow(parameters: SlowParameters) -> Delay:
    """Compile ``placebo.slow_batch``.

    >>> compile_slow(SlowParameters(edge="gateway-scorer-a")).latency_ms
    50.0
    """
    return Delay(**msgspec.structs.asdict(parameters))


ROWS = (
    FaultKind(
        kind="placebo.surge",
        parameters=SurgeParameters,
        compile=typed(SurgeParameters, compile_surge),
        what="more load, inside capacity",
        proof="the driver counts the load records that it offered more",
        undo=RECORDS_UNDO,
        undone_within_s=UNDONE_WITHIN_S,
        placebo=True,
    ),
    FaultKind(
        kind="placebo.slow_batch",
        parameters=SlowParameters,
        compile=typed(SlowParameters, compile_slow),
        what="answers on an edge take longer, inside the service level",
        proof="a probe's round trip through the edge grew by it, and the proxy counts the bytes it held",
        undo=EDGE_UNDO,
        undone_within_s=UNDONE_WITHIN_S,
        placebo=True,
    ),
    FaultKind(
        kind="placebo.added_field",
        parameters=FieldParameters,
        compile=plain(FieldParameters, "add"),
        what="an optional field comes along, as a compatible release adds one",
        proof=RECORDS_PROOF,
        undo=RECORDS_UNDO,
        undone_within_s=UNDONE_WITHIN_S,
        placebo=True,
    ),
    FaultKind(
        kind="placebo.better_model",
        parameters=ModelParameters,
        compile=typed(ModelParameters, hook("better_model")),
        what="a model that has learned more is deployed in the usual way",
        proof=HOOK_PROOF,
        undo=HOOK_UNDO,
        undone_within_s=HOOK_UNDONE_WITHIN_S,
        placebo=True,
    ),
)
