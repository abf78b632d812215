"""What travels between world, services and sink: fields, feature specification, answers.

A record is a JSON object whose fields a :class:`FeatureSpec` lists. The specification is stored
in the template as ``contract.json``: the gateway's check and ``features`` are both made from it,
so that the simulator's transactions and a user's own columns pass through the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

Record: TypeAlias = Mapping[str, object]
Decision: TypeAlias = Literal["approve", "decline"]
FieldType: TypeAlias = Literal["number", "integer", "string"]
Lack: TypeAlias = Literal["missing", "unknown level", "invalid"]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]

APPROVE: Decision = "approve"
DECLINE: Decision = "decline"
RECORDS_MAX = 256  # of one POST /decide; the features and scorer services take the same


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Costs(_Frozen, frozen=True, kw_only=True):
    """What a wrong decision costs, in units of one declined good transaction.

    >>> round(Costs().threshold, 4)
    0.0476
    """

    missed_fraud: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    declined_good: Annotated[float, msgspec.Meta(gt=0)] = 1.0

    @property
    def threshold(self) -> float:
        """The posterior from which declining is the cheaper decision (Bayes rule of two costs)."""
        return self.declined_good / (self.declined_good + self.missed_fraud)


class FieldSpec(_Frozen, frozen=True, kw_only=True):
    """One field of a record; ``categories`` empty means any string, bounds are inclusive.

    An ``integer`` is a JSON integer; a ``number`` is a finite JSON number (an integer will do).
    ``coerce``: where healing is on, a string that is exactly such a JSON number is read as one.
    """

    name: str
    type: FieldType
    nullable: bool = False
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    coerce: bool = False


_OF_THE_CLOCK = frozenset({"hour_sin", "hour_cos", "night", "weekend"})


class FeatureSpec(_Frozen, frozen=True, kw_only=True):
    """Which fields a record has and which features are made of them; ``contract.json``.

    ``kind`` is ``transactions`` (engineered features of the simulator) or ``columns`` (a user's
    columns as they are). ``time_field`` names the field that holds the event time in seconds; it
    may be no feature. The field ``id`` (string) is in every record and is not listed here.
    """

    kind: Literal["transactions", "columns"]
    fields: tuple[FieldSpec, ...]
    features: tuple[str, ...]
    time_field: str
    costs: Costs = Costs()

    @property
    def of_the_clock(self) -> frozenset[str]:
        """Features that the clock alone decides; of a user's own columns that is not known."""
        return _OF_THE_CLOCK if self.kind == "transactions" else frozenset()


class Decided(_Frozen, frozen=True, kw_only=True):
    """200: the record has its decision."""

    id: str
    decision: Decision
    score: float
    model: str
    status: Literal[200] = 200
    degraded: bool = False


class Provisional(Decided, frozen=True, kw_only=True):
    """200: the record broke the contract and lies in the dead letters; a replay may decide otherwise."""

    dead_letter: bool = True


class Quarantined(_Frozen, frozen=True, kw_only=True):
    """422: the record broke the contract and lies in the dead letters."""

    id: str
    why: tuple[str, ...]
    status: Literal[422] = 422
    dead_letter: bool = True


class Held(_Frozen, frozen=True, kw_only=True):
    """503: the record is accepted and durable, a hop failed, the sweep will decide it."""

    id: str
    status: Literal[503] = 503
    accepted: bool = True


Answer: TypeAlias = Decided | Provisional | Quarantined | Held

CHANNELS = ("pos", "web", "phone")
CATEGORIES = ("grocery", "fuel", "restaurant", "electronics", "travel")
DAY_S = 86_400.0  # world second 0 is a Monday, 00:00

TRANSACTION_FIELDS = (
    FieldSpec(name="customer_id", type="integer", minimum=0, coerce=True),
    FieldSpec(name="terminal_id", type="integer", minimum=0, coerce=True),
    FieldSpec(name="amount", type="number", minimum=0.01, maximum=1e6, coerce=True),
    FieldSpec(name="channel", type="string", categories=CHANNELS),
    FieldSpec(name="category", type="string", categories=CATEGORIES),
    FieldSpec(name="card_age_days", type="number", minimum=0, maximum=36_525, coerce=True),
    FieldSpec(name="event_time_s", type="number", minimum=0, coerce=True),
)
