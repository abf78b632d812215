"""What JUnit, Markdown and OpenMetrics show: one type for runs and for campaigns of pairs. Pure.

Comes in: ``Document`` (``shown``), or a table of pairs (``campaign.shown``). Goes out: ``Shown``, whose names
are still those of others: each writer makes them harmless in its own way. Next: ``junit``, ``markdown``,
``openmetrics``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness.episodes.model import NOT_EXERCISED
from harness.estimates.counts import Rate
from harness.estimates.model import ArmEstimate, ClassEstimate, Mean, Quantile, Share
from harness.report.document import Check, Document
from harness.report.words import inert
from harness.units import plural
from harness.verdict.model import Verdict

LABEL_MAX = 120
TROUBLE_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClass:
    """One fault on one subject, in one arm on one restart profile; figures as in ``estimates.model``.

    ``unmet``: of ``n`` episodes, those whose fault nothing met. ``seen_s``: recoveries, where they are kept
    one by one.
    """

    fault: str
    subject: str
    arm: str
    restart_profile: str
    n: int
    void: int
    unmet: int
    tau_s: float
    impact: Share
    recovered: Share
    median: Quantile
    p90: Quantile
    lost_s: Mean
    gain_s: Mean
    seen_s: tuple[float | None, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a claim about it names."""
        return (self.fault, self.subject, self.arm, self.restart_profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownArm:
    """One arm on one restart profile; ``faulted``: availability with faults, None = not told by run."""

    arm: str
    restart_profile: str
    sham: Mean
    faulted: Mean | None
    exactly_once: Share
    false_heals: Rate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One campaign. ``counted``: its size in words. ``started_utc``: ISO 8601, "" = not known.

    ``trouble`` names the first of ``troubled`` runs with which something is wrong. ``trust``: checks of the
    instrument, None = this kind of campaign has none (its worlds are done again instead).
    """

    campaign: str
    title: str
    system: str
    target: str
    seed: int
    counted: str
    started_utc: str
    verdict: Verdict
    classes: tuple[ShownClass, ...]
    arms: tuple[ShownArm, ...]
    trouble: tuple[str, ...]
    troubled: int
    trust: tuple[Check, ...] | None


def shown(document: Document) -> Shown:
    """Take out of a document what is shown."""
    asked = document.inputs
    wrong = [(run.run_id, run.unsafe or run.void) for run in document.runs if run.unsafe or run.void]
    runs = document.estimates.runs
    return Shown(
        campaign=document.campaign,
        title=asked.title,
        system=asked.system,
        target=asked.target,
        seed=asked.seed,
        counted=plural(runs, "run"),
        started_utc=asked.started_utc,
        verdict=document.verdict,
        classes=tuple(map(_class, document.estimates.classes)),
        arms=tuple(map(_arm, document.estimates.arms)),
        trouble=tuple(f"{run_id}: {why}" for run_id, why in wrong[:TROUBLE_MAX]),
        troubled=len(wrong),
        trust=document.trust,
    )


def label(text: str) -> str:
    r"""Make a name harmless and short, and keep it apart from others that look the same then.

    >>> label("scorer-a"), label("a\x00b")
    ('scorer-a', 'a␀b [59b271ae]')
    """
    harmless = inert(text, LABEL_MAX)
    if harmless == text:
        return text
    return f"{harmless} [{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}]"


def _class(one: ClassEstimate) -> ShownClass:
    return ShownClass(
        fault=one.fault,
        subject=one.service,
        arm=one.arm,
        restart_profile=one.restart_profile,
        n=one.n,
        void=one.void,
        unmet=one.ended_by.get(NOT_EXERCISED, 0),
        tau_s=one.tau_s,
        impact=one.impact,
        recovered=one.recovered,
        median=one.served_median,
        p90=one.served_p90,
        lost_s=one.lost_s,
        gain_s=one.gain_s,
        seen_s=one.recovered_s,
    )


def _arm(one: ArmEstimate) -> ShownArm:
    return ShownArm(
        arm=one.arm,
        restart_profile=one.restart_profile,
        sham=one.sham_availability,
        faulted=one.fault_availability,
        exactly_once=one.exactly_once,
        false_heals=one.false_heals,
    )
