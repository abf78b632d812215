"""A tally -> the table of a campaign, with an interval beside every figure; pure.

The same tally gives the same bytes: no clock, floats rounded where they are made, lines in order of names.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.campaign.buckets import quantile
from harness.campaign.model import Question, RunRow
from harness.campaign.scoring import ScoreLine, points_of, score_lines
from harness.campaign.tally import ArmTally, ClassTally, Sum, Tally
from harness.estimates.counts import Rate
from harness.estimates.means import mean_of_sums
from harness.estimates.model import Mean, Quantile, Share
from harness.estimates.rates import rate
from harness.estimates.shares import share

_HOUR_MS = 3_600_000


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


NOTHING = Mean(n=0, mean=None, low=None, high=None)


class ClassLine(_Frozen, frozen=True, kw_only=True):
    """One fault in one arm. Gains are against the arm that nobody heals in, pair by pair; ``harmed``:
    episodes that lost a second of service more than it. Losses of decisions are in the world's unit of cost
    a decision. Means are over runs, shares over episodes. ``tau_s``: how long a recovery was waited for.
    ``points``: R_c of docs/score.md.
    """

    fault: str
    subject: str
    arm: str
    restart_profile: str
    n: int
    void: int
    tau_s: float
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
    points: Mean = NOTHING


class ArmLine(_Frozen, frozen=True, kw_only=True):
    """One arm over all its runs. ``exactly_once``: of those in which it could be seen, ``blind`` others
    apart.

    ``false_impacts``: sham episodes in which service seemed lost. ``errors``: what callbacks raised.
    """

    arm: str
    restart_profile: str
    runs: int
    void: int
    unsafe: int
    exactly_once: Share
    blind: int
    good_ratio: float | None
    availability: Mean
    false_impacts: Share
    false_heals: Rate
    virtual_h: float
    errors: int


class Doubt(_Frozen, frozen=True, kw_only=True):
    """A run with which something is wrong, and what: it does not count, it lost records, or code raised."""

    pair: int
    arm: str
    restart_profile: str
    sham: bool
    what: str


class Table(_Frozen, frozen=True, kw_only=True):
    """The outcome of a campaign. ``digest``: over the digests of all its worlds, in order.

    ``doubtful`` runs something is wrong with; ``doubts`` names the first of them.
    """

    question: Question
    pairs: int
    stopped: str
    digest: str
    doubtful: int
    classes: tuple[ClassLine, ...]
    arms: tuple[ArmLine, ...]
    doubts: tuple[Doubt, ...]
    scores: tuple[ScoreLine, ...] = ()


class Ending(_Frozen, frozen=True, kw_only=True):
    """What a table says besides figures; see ``Table``."""

    stopped: str
    digest: str
    doubtful: int = 0
    doubts: Sequence[RunRow] = ()


def table_of(question: Question, tally: Tally, ending: Ending) -> Table:
    """Compute all lines."""
    return Table(
        question=question,
        pairs=tally.pairs,
        stopped=ending.stopped,
        digest=ending.digest,
        doubtful=ending.doubtful,
        classes=tuple(_class(key, one) for key, one in sorted(tally.classes.items())),
        arms=tuple(_arm(key, one) for key, one in sorted(tally.arms.items())),
        doubts=tuple(map(_doubt, ending.doubts)),
        scores=tuple(score_lines(tally, dict(question.weights))),
    )


def encode(table: Table) -> bytes:
    """``table.json``."""
    return msgspec.json.format(msgspec.json.encode(table, order="deterministic"), indent=1) + b"\n"


def _class(key: tuple[str, str, str, str], one: ClassTally) -> ClassLine:
    fault, subject, arm, restart_profile = key
    return ClassLine(
        fault=fault,
        subject=subject,
        arm=arm,
        restart_profile=restart_profile,
        n=one.n,
        void=one.void,
        tau_s=one.horizon_ms / 1000,
        impact=share(one.hurt, one.met),
        recovered=share(one.hurt - one.beyond, one.hurt),
        median=quantile(one.recovered, one.beyond, 0.5),
        p90=quantile(one.recovered, one.beyond, 0.9),
        lost_s=mean_of(one.lost_ms, 1e-3),
        gain_s=mean_of(one.gain_ms, 1e-3),
        harmed=share(one.harmed, one.compared),
        loss=mean_of(one.loss_ppm, 1e-6),
        gain=mean_of(one.gain_ppm, 1e-6),
        ended_by=dict(sorted(one.ended_by.items())),
        points=points_of(one),
    )


def mean_of(one: Sum, unit: float) -> Mean:
    """The mean of what was added up, times ``unit``."""
    return mean_of_sums(one.n, one.total, one.squares, unit)


def _arm(key: tuple[str, str], one: ArmTally) -> ArmLine:
    arm, restart_profile = key
    return ArmLine(
        arm=arm,
        restart_profile=restart_profile,
        runs=one.runs,
        void=one.void,
        unsafe=one.unsafe,
        exactly_once=share(one.once, one.audited),
        blind=one.blind,
        good_ratio=round(one.good / one.units, 9) if one.units else None,
        availability=mean_of(one.sham_ppm, 1e-6),
        false_impacts=share(one.sham_hurt, one.sham_episodes),
        false_heals=_false_heals(one),
        virtual_h=round(one.virtual_ms / _HOUR_MS, 6),
        errors=one.errors,
    )


def _false_heals(one: ArmTally) -> Rate:
    """Events and hours are exact. Whether events come in clusters is told with the runs of one line of
    ``heals`` taken as equally long, which those without an event may always be.
    """
    runs = [
        (events, unbroken_ms / count / _HOUR_MS)
        for (events, _), (count, unbroken_ms) in sorted(one.heals.items())
        for _ in range(count)
    ]
    return rate(runs, blind=[events for events, count in sorted(one.unseen.items()) for _ in range(count)])


def _doubt(row: RunRow) -> Doubt:
    return Doubt(
        pair=row.pair, arm=row.arm, restart_profile=row.restart_profile, sham=row.sham, what=row.doubt()
    )
