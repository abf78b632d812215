"""A tally -> the table of a campaign, with an interval beside every figure; pure.

The same tally gives the same bytes: no clock, floats rounded where they are made, lines in order of names.
"""

from __future__ import annotations

import msgspec

from harness.campaign.buckets import quantile
from harness.campaign.model import Question
from harness.campaign.tally import ArmTally, ClassTally, Tally
from harness.estimates.counts import Rate
from harness.estimates.means import mean_of_sums
from harness.estimates.model import Mean, Quantile, Share
from harness.estimates.rates import rate
from harness.estimates.shares import share

_HOUR_MS = 3_600_000


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ClassLine(_Frozen, frozen=True, kw_only=True):
    """One fault in one arm. Gains are against the arm that nobody heals in, pair by pair; ``harmed`` of them
    lost a second of service more. Losses of decisions are in the world's unit of cost a decision.
    """

    fault: str
    subject: str
    arm: str
    restart_profile: str
    n: int
    void: int
    impact: Share
    recovered: Share
    median: Quantile
    p90: Quantile
    lost_s: Mean
    gain_s: Mean
    harmed: Share
    loss: Mean
    gain: Mean
    ended_by: dict[str, int]


class ArmLine(_Frozen, frozen=True, kw_only=True):
    """One arm over all its runs; ``false_impacts``: sham runs in which service seemed lost."""

    arm: str
    restart_profile: str
    runs: int
    void: int
    exactly_once: Share
    good_ratio: float | None
    false_impacts: Share
    false_heals: Rate
    virtual_h: float
    errors: int


class Table(_Frozen, frozen=True, kw_only=True):
    """The outcome of a campaign. ``digest``: over the digests of all its worlds, in order."""

    question: Question
    pairs: int
    stopped: str
    digest: str
    classes: tuple[ClassLine, ...]
    arms: tuple[ArmLine, ...]


def table_of(question: Question, tally: Tally, *, stopped: str, digest: str) -> Table:
    """Compute all lines; ``stopped`` says what ended the campaign."""
    return Table(
        question=question,
        pairs=tally.pairs,
        stopped=stopped,
        digest=digest,
        classes=tuple(_class(key, one) for key, one in sorted(tally.classes.items())),
        arms=tuple(_arm(key, one) for key, one in sorted(tally.arms.items())),
    )


def encode(table: Table) -> bytes:
    """``table.json``."""
    return msgspec.json.format(msgspec.json.encode(table, order="deterministic"), indent=1) + b"\n"


def exact_enough(tally: Tally, precision_ratio: float) -> bool:
    """Whether every class has a median whose interval is no wider than asked; a class too short of impacts
    to have one counts once its share of impacts is known to be small.
    """
    return bool(tally.classes) and all(_is_exact(one, precision_ratio) for one in tally.classes.values())


def _is_exact(one: ClassTally, precision_ratio: float) -> bool:
    if not one.hurt or one.beyond == one.hurt:
        return one.n >= _SETTLED_N
    found = quantile(one.recovered, one.beyond, 0.5)
    if found.value_s is None or found.low_s is None or found.high_s is None:
        return False
    return found.high_s - found.low_s <= 2 * precision_ratio * found.value_s


_SETTLED_N = 59
"""So many episodes without a single impact bound its share at 5 % (95 %); and as many that never recover."""


def _class(key: tuple[str, str, str, str], one: ClassTally) -> ClassLine:
    fault, subject, arm, restart_profile = key
    back = sum(one.recovered.values())
    return ClassLine(
        fault=fault,
        subject=subject,
        arm=arm,
        restart_profile=restart_profile,
        n=one.n,
        void=one.void,
        impact=share(one.hurt, one.n),
        recovered=share(back, one.hurt),
        median=quantile(one.recovered, one.beyond, 0.5),
        p90=quantile(one.recovered, one.beyond, 0.9),
        lost_s=mean_of_sums(one.lost_ms.n, one.lost_ms.total, one.lost_ms.squares, 1e-3),
        gain_s=mean_of_sums(one.gain_ms.n, one.gain_ms.total, one.gain_ms.squares, 1e-3),
        harmed=share(one.harmed, one.gain_ms.n),
        loss=mean_of_sums(one.loss_ppm.n, one.loss_ppm.total, one.loss_ppm.squares, 1e-6),
        gain=mean_of_sums(one.gain_ppm.n, one.gain_ppm.total, one.gain_ppm.squares, 1e-6),
        ended_by=dict(sorted(one.ended_by.items())),
    )


def _arm(key: tuple[str, str], one: ArmTally) -> ArmLine:
    arm, restart_profile = key
    # Runs of one campaign are about equally long: each has its part of the time.
    hours = one.unbroken_ms / _HOUR_MS / one.runs if one.runs else 0.0
    heals = [(k, hours) for k, runs in sorted(one.heals.items()) for _ in range(runs)]
    return ArmLine(
        arm=arm,
        restart_profile=restart_profile,
        runs=one.runs,
        void=one.void,
        exactly_once=share(one.exactly_once, one.runs),
        good_ratio=round(one.good / one.units, 9) if one.units else None,
        false_impacts=share(one.sham_hurt, one.sham_runs),
        false_heals=rate(heals),
        virtual_h=round(one.virtual_ms / _HOUR_MS, 6),
        errors=one.errors,
    )
