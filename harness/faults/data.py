"""Data faults: records arrive, and they are not what the contract says.

Origin. A producer renames, drops or retypes a column, or switches its unit, in a release nobody was told
of; a lookup fails and writes -1; a sensor sticks; a queue delivers twice or late; an export is cut and the
job "succeeds". Data validation papers count these as the commonest harm to ML pipelines that run.

All are done by the driver to what it offers, before it is sent; the taint ledger knows each record.
Comes in: parameters from an experiment. Goes out: one ``Mutate``. The table is ``catalog.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from harness.faults.effects import Effect, Mutate, Mutation
from harness.faults.kind import (
    Duration,
    FaultKind,
    FaultProblem,
    FieldName,
    LevelName,
    Seconds,
    Share,
    typed,
)

PROOF = "the driver counts the records that it sent changed; the taint ledger names each"
UNDO = "the driver is told to stop, and stops by itself at the end of the span or of its own process"
UNDONE_WITHIN_S = 1.0
NUMBER_MAX = 1e9


class FieldParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``field`` of a record, in ``share_ratio`` of the records; without ``duration_s`` until undone."""

    field: FieldName
    share_ratio: Share = 1.0
    duration_s: Duration | None = None


class UnitParameters(FieldParameters, frozen=True, kw_only=True):
    """``factor``: what the field is multiplied by; 100 is euro read as cent."""

    factor: Annotated[float, msgspec.Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)] = 100.0


class NullParameters(FieldParameters, frozen=True, kw_only=True):
    """``by``: random (missing completely at random), or label (missing where the label is positive)."""

    by: Literal["random", "label"] = "random"


class SentinelParameters(FieldParameters, frozen=True, kw_only=True):
    """``value``: what a failed lookup writes in place of the field, of a valid type.

    ``ramp_s``: how long the share grows evenly from none to ``share_ratio``. ``slice_field`` and
    ``slice_level``: in that part of the records only.
    """

    value: Annotated[float, msgspec.Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)] = -1.0
    ramp_s: Seconds = 0.0
    slice_field: FieldName | None = None
    slice_level: LevelName | None = None


class LagParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``lag_s``: how much later, for ``share_ratio`` of the records."""

    lag_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.0
    share_ratio: Share = 1.0
    duration_s: Duration | None = None


class TruncateParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``share_ratio``: the share of each load batch that still arrives, below 1."""

    share_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    duration_s: Duration | None = None


def compile_unit(parameters: UnitParameters) -> Mutate:
    """Compile ``data.change_unit``; ``FaultProblem`` where the factor changes nothing or erases all.

    >>> compile_unit(UnitParameters(field="amount", factor=100)).factor
    100
    """
    if parameters.factor in (0, 1):
        raise FaultProblem(f"factor is {parameters.factor:g}, which is no other unit", argument="factor")
    return Mutate(mutation="unit", **msgspec.structs.asdict(parameters))


def _compile_nulls(parameters: NullParameters) -> Mutate:
    """Compile ``data.nulls``.

    >>> _compile_nulls(NullParameters(field="amount", by="label")).mutation
    'null_by_label'
    """
    given = msgspec.structs.asdict(parameters)
    by_label = given.pop("by") == "label"
    return Mutate(mutation="null_by_label" if by_label else "null", **given)


def _compile_sentinel(parameters: SentinelParameters) -> Mutate:
    """Compile ``data.sentinel``.

    >>> _compile_sentinel(SentinelParameters(field="amount", ramp_s=20)).ramp_s
    20
    """
    if (parameters.slice_field is None) != (parameters.slice_level is None):
        missing = "slice_level" if parameters.slice_level is None else "slice_field"
        raise FaultProblem("a part of the records is slice_field and its slice_level", argument=missing)
    given = {name: value for name, value in msgspec.structs.asdict(parameters).items() if value is not None}
    return Mutate(mutation="sentinel", **given)


def plain(parameters: type[msgspec.Struct], mutation: Mutation) -> Callable[[msgspec.Struct], Effect]:
    """Make the compile function of a ``mutation`` whose parameters are named as those of ``Mutate``.

    >>> plain(FieldParameters, "drop")(FieldParameters(field="amount", share_ratio=0.1)).share_ratio
    0.1
    """

    def compile_plain(given: msgspec.Struct) -> Effect:
        return Mutate(mutation=mutation, **msgspec.structs.asdict(given))

    return typed(parameters, compile_plain)


def _row(
    kind: str,
    what: str,
    parameters: type[msgspec.Struct],
    compile_one: Callable[[msgspec.Struct], Effect],
) -> FaultKind:
    return FaultKind(
        kind=kind,
        parameters=parameters,
        compile=compile_one,
        what=what,
        proof=PROOF,
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    )


def _of_field(kind: str, what: str, mutation: Mutation) -> FaultKind:
    return _row(kind, what, FieldParameters, plain(FieldParameters, mutation))


ROWS = (
    _of_field("data.rename_field", "a field comes under another name", "rename"),
    _of_field("data.drop_field", "a field is not there", "drop"),
    _of_field("data.add_field", "a field that the contract does not know comes along", "add"),
    _of_field("data.change_type", "a number comes as text", "type"),
    _row(
        "data.change_unit",
        "a number comes in another unit",
        UnitParameters,
        typed(UnitParameters, compile_unit),
    ),
    _row(
        "data.nulls",
        "a field is empty, at random or where the label is positive",
        NullParameters,
        typed(NullParameters, _compile_nulls),
    ),
    _row(
        "data.sentinel",
        "a field holds the number that a failed lookup writes",
        SentinelParameters,
        typed(SentinelParameters, _compile_sentinel),
    ),
    _row("data.duplicate", "a record is delivered twice", LagParameters, plain(LagParameters, "duplicate")),
    _row("data.late", "records come late and out of order", LagParameters, plain(LagParameters, "late")),
    _of_field("data.stuck_value", "a field repeats its last value", "stuck"),
    _of_field("data.new_category", "a field holds a word that was never seen", "new_category"),
    _row(
        "data.truncate_batch",
        "only the first part of each load batch arrives",
        TruncateParameters,
        plain(TruncateParameters, "truncate"),
    ),
    _of_field(
        "data.wrong_rename",
        "a field is gone, and another that only looks like it has come: a rename that is none",
        "decoy",
    ),
)
