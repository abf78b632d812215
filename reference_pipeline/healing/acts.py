"""What the healer may do, as values: the closed union of acts, and what each is on."""

from __future__ import annotations

import msgspec

from reference_pipeline.healing.model_acts import Promote, Restore, Train


class Restart(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="restart"):
    """Replace the process of ``service`` that carries ``boot_id`` ("" = it never answered)."""

    service: str
    boot_id: str = ""


class Map(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="map"):
    """Read ``field`` from ``source`` where it is missing."""

    field: str
    source: str


class Unmap(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="unmap"):
    """Take a mapping back that did not help."""

    field: str
    source: str


class Replay(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="replay"):
    """Decide the dead letters that lack ``field`` and have ``source``."""

    field: str
    source: str


class Quarantine(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="quarantine"):
    """Leave rows in which ``column`` has ``value`` out of all that is learned and compared."""

    column: str
    value: float


class Release(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="release"):
    """Learn from such rows again."""

    column: str
    value: float


Act = Restart | Map | Unmap | Replay | Train | Promote | Restore | Quarantine | Release

MODEL, TRAINING = "model", "training"
"""The targets of acts on what is served, and on what may be: a training must not hold up a rollback."""


def target_of(act: Act) -> str:
    """Name what an act is on: a service, a field of the records, or the model.

    >>> target_of(Restart(service="gateway")), target_of(Map(field="amount", source="amt"))
    ('gateway', 'records.amount')
    """
    match act:
        case Restart():
            return act.service
        case Promote() | Restore():
            return MODEL
        case Train():
            return TRAINING
        case Quarantine() | Release():
            return f"rows.{act.column}"
        case Map() | Unmap() | Replay():
            return f"records.{act.field}"


def undo_of(act: Map | Replay | Promote | Quarantine) -> Unmap | Restore | Release:
    """Give the act that takes ``act`` back.

    >>> undo_of(Map(field="amount", source="amt"))
    Unmap(field='amount', source='amt')
    """
    if isinstance(act, Promote):
        return Restore(version=act.was, was=act.version)
    if isinstance(act, Quarantine):
        return Release(column=act.column, value=act.value)
    return Unmap(field=act.field, source=act.source)
