"""A campaign of pairs as what JUnit, Markdown and OpenMetrics show; pure.

Comes in: a table and its verdict. Goes out: ``report.shown.Shown``. When it was asked is not known: the same
question has the same files whenever it is asked.
"""

from __future__ import annotations

from harness.campaign.table import ArmLine, ClassLine, Table
from harness.campaign.text import doubt_text
from harness.episodes.model import NOT_EXERCISED
from harness.report.shown import Shown, ShownArm, ShownClass
from harness.units import plural
from harness.verdict.model import Verdict

TARGET = "simulation"


def shown(table: Table, verdict: Verdict, name: str) -> Shown:
    """Take out of the outcome of campaign ``name`` what is shown."""
    question = table.question
    return Shown(
        campaign=name,
        title=question.title,
        system=question.system,
        target=TARGET,
        seed=question.seed,
        counted=plural(table.pairs, "pair"),
        started_utc="",
        verdict=verdict,
        classes=tuple(map(_class, table.classes)),
        arms=tuple(map(_arm, table.arms)),
        trouble=tuple(map(doubt_text, table.doubts)),
        troubled=table.doubtful,
        trust=None,
    )


def _class(one: ClassLine) -> ShownClass:
    return ShownClass(
        fault=one.fault,
        subject=one.subject,
        arm=one.arm,
        restart_profile=one.restart_profile,
        n=one.n,
        void=one.void,
        unmet=one.ended_by.get(NOT_EXERCISED, 0),
        tau_s=one.tau_s,
        impact=one.impact,
        recovered=one.recovered,
        median=one.median,
        p90=one.p90,
        lost_s=one.lost_s,
        gain_s=one.gain_s,
    )


def _arm(one: ArmLine) -> ShownArm:
    return ShownArm(
        arm=one.arm,
        restart_profile=one.restart_profile,
        sham=one.availability,
        faulted=None,
        exactly_once=one.exactly_once,
        false_heals=one.false_heals,
    )
