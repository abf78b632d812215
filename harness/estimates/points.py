"""The score as values: points kept and lost, each with its interval; made by ``estimates.score``."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.estimates.model import Mean

Phase = Literal["detect", "act", "settle", "unseen"]
Concludes = Literal["helps", "harms", "undecided"]

PHASE_NAMES: tuple[Phase, ...] = ("detect", "act", "settle", "unseen")
"""What was being waited for when service was lost; unseen: an act could have stayed unseen."""

RUNS_MIN = 5
"""Fewest runs of a class with which a score is published."""


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Part(_Frozen, frozen=True, kw_only=True):
    """Points that one class lost in one phase; as written, six decimals, all parts add up to 100 - R."""

    fault: str
    service: str
    phase: Phase
    points: float


class Gain(_Frozen, frozen=True, kw_only=True):
    """Seconds of service that an arm lost less than arm ``against`` of the same pair, in ``gain_s.n`` pairs.

    ``off_lost_s``: the mean loss there. ``ratio`` = 1 - losses here / losses there; None where ``absorbed``:
    no window of service was violated there, so there was nothing to prevent. ``gain_0_s`` and ``gain_1_s``
    take a degraded answer as worth nothing and as worth a full one; ``flips``: the conclusion does.
    """

    against: str
    gain_s: Mean
    gain_0_s: Mean
    gain_1_s: Mean
    off_lost_s: float | None
    ratio: float | None
    absorbed: bool
    concludes: Concludes
    flips: bool


class ClassScore(_Frozen, frozen=True, kw_only=True):
    """One class: R_c = 100 (1 - mean L / tau) over ``points.n`` runs. ``weight_ratio`` 0: not in the mean.

    ``worth_0`` and ``worth_1``: the same where a degraded answer is worth nothing, and a full one.
    ``lost_points``: its part of 100 - R. ``sure_low``: the low end that holds whatever the spread (betting);
    the one to gate on.
    """

    fault: str
    service: str
    weight_ratio: float
    points: Mean
    worth_0: float | None
    worth_1: float | None
    method: Literal["", "betting", "bootstrap-t"]
    sure_low: float | None = None
    lost_points: float | None = None
    gain: Gain | None = None


class ImpliedAvailability(_Frozen, frozen=True, kw_only=True):
    """Share of good service at declared rates; ``down_min``: minutes lost in 30 days. Ends are at 95 %.

    ``faults_per_30_days``: (mean, low, high) as declared; ``human_repair_s``: until a human has repaired.
    """

    ratio: float
    low_ratio: float
    high_ratio: float
    down_min: float
    down_low_min: float
    down_high_min: float
    human_repair_s: float
    faults_per_30_days: dict[str, tuple[float, float, float]]


class Score(_Frozen, frozen=True, kw_only=True):
    """R of one arm on one restart profile. ``word`` "" = published, else ``why`` says why it is not.

    ``lost_points`` = 100 - R, the sum of ``parts``. ``worth_ratio``: what a degraded answer counts, 1 = as
    served. ``worst``: place in ``classes`` of the
    one with the fewest points, whose R_c is the floor; ``flips``: at worth 0 another is the worst than at 1.
    ``nulls``: sham runs and placebos, where nothing should be lost; they are in no mean. ``implied`` None:
    not published, or no rates are declared.
    """

    name: str
    arm: str
    restart_profile: str
    tau_s: float
    worth_ratio: float
    word: Literal["", "INCONCLUSIVE", "VOID"]
    why: str
    points: Mean
    lost_points: float | None = None
    worth_0: float | None = None
    worth_1: float | None = None
    worst: int | None = None
    flips: bool = False
    classes: tuple[ClassScore, ...]
    nulls: tuple[ClassScore, ...]
    parts: tuple[Part, ...] = ()
    implied: ImpliedAvailability | None = None
