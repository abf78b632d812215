"""What is asked beside a claim: how points are counted, and how much harm ends a run.

Comes in: the keys of ``x-hormesis.score`` and ``x-hormesis.harm``. Goes out: frozen structs.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

_Positive = Annotated[float, msgspec.Meta(gt=0)]
_Count = Annotated[float, msgspec.Meta(ge=0)]


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class HarmBudget(_Frozen, frozen=True, kw_only=True):
    """Beyond what a run is stopped, undone and void; None = no limit.

    ``bystanders``: services that a fault does not touch, and that end or stop to answer while it is there.
    ``lost_s``: seconds of service that are lost in one episode, from its injection on.
    """

    bystanders: Annotated[int, msgspec.Meta(ge=0)] | None = None
    lost_s: _Positive | None = None


class FaultRate(_Frozen, frozen=True, kw_only=True):
    """How often a kind of fault comes in 30 days, with its interval: declared, not measured."""

    mean: _Count
    low: _Count
    high: _Count


class ImpliedRules(_Frozen, frozen=True, kw_only=True):
    """What an implied availability rests on: rates by kind, and how long until a human has repaired."""

    human_repair_s: _Positive
    faults_per_30_days: dict[str, FaultRate]


class ScoreRules(_Frozen, frozen=True, kw_only=True):
    """How points are counted (docs/score.md); ``weights`` by kind of fault, 1 where none is given.

    ``degraded_worth_ratio``: what a degraded answer counts; None: as much as a full one. ``implied`` None: no
    implied availability is told.
    """

    weights: dict[str, Annotated[float, msgspec.Meta(gt=0, le=100)]] = {}
    degraded_worth_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    implied: ImpliedRules | None = None
