"""A stored campaign of either kind -> ``Side``. Pure.

Comes in: the document of a campaign of runs, or the rows of a campaign of pairs. What is void counts for
nothing and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.archive.model import Case, Identity, Side, SideRun
from harness.campaign.model import EpisodeRow, RunRow
from harness.campaign.table import Table
from harness.episodes.model import NOT_EXERCISED, Episode, RunFacts
from harness.estimates.counts import Rate
from harness.report.document import Document
from harness.verdict.model import Verdict


def identity_of(document: Document, *, pace: str = "", versions: dict[str, str] | None = None) -> Identity:
    """The identity of a campaign of runs; pace and versions stand in its manifests alone."""
    asked = document.inputs
    return Identity(
        kind="runs",
        title=asked.title,
        system=asked.system,
        target=asked.target,
        pace=pace,
        fidelity="exact" if pace else "",  # a run is simulated in one way alone
        seed=asked.seed,
        profile_name=asked.profile.name,
        profile=asked.profile,
        experiment_file=asked.experiment_file.rpartition("/")[2],
        experiment_sha256=asked.experiment_sha256,
        scenario=asked.scenario,
        scenario_sha256=asked.scenario_sha256,
        harness_version=asked.harness_version,
        code_sha256=asked.code_sha256,
        versions=versions or {},
        machine=asked.machine,
        started_utc=asked.started_utc,
        plans={
            (run.pair, run.arm, run.restart_profile, run.sham): plan
            for run, plan in zip(document.runs, asked.plan_sha256, strict=False)
        },
    )


def side_of_runs(document: Document, identity: Identity) -> Side:
    """A campaign of runs, by the figures that were computed from its record."""
    return Side(
        name=document.campaign,
        identity=identity,
        word=document.verdict.word,
        why=document.verdict.why,
        total=len(document.runs),
        runs=tuple(_run(run) for run in document.runs),
        heals={
            (arm.arm, arm.restart_profile): arm.false_heals
            for arm in document.estimates.arms
            if arm.false_heals is not None
        },
    )


def side_of_pairs(
    name: str, identity: Identity, table: Table, *, verdict: Verdict, rows: Sequence[RunRow]
) -> Side:
    """A campaign of simulated pairs, by its rows."""
    heals: dict[tuple[str, str], Rate] = {(a.arm, a.restart_profile): a.false_heals for a in table.arms}
    return Side(
        name=name,
        identity=identity,
        word=verdict.word,
        why=verdict.why,
        total=sum(arm.runs + arm.void for arm in table.arms),
        runs=tuple(_row(row) for row in rows),
        heals=heals,
    )


def _run(run: RunFacts) -> SideRun:
    void = run.void or ("" if run.complete else "not complete")
    return SideRun(
        (run.pair, run.arm, run.restart_profile, run.sham),
        tuple(_case(one) for one in run.episodes if not void and not one.void),
        tuple((one.kind, one.service) for one in run.episodes if void or one.void),
    )


def _case(one: Episode) -> Case:
    return Case(
        index=one.index,
        fault=one.kind,
        subject=one.service,
        horizon_s=one.horizon_s,
        met=one.ended_by != NOT_EXERCISED,
        hurt=one.served.impact_s is not None,
        back_s=one.served.recovered_s,
        lost_s=one.served.lost_s,
        detected_s=one.learned.detected_s,
        acted_s=one.acted_s,
    )


def _row(row: RunRow) -> SideRun:
    return SideRun(
        (row.pair, row.arm, row.restart_profile, row.sham),
        tuple(_of_row(one) for one in row.episodes if not row.why and not one.void),
        tuple((one.kind, one.subject) for one in row.episodes if row.why or one.void),
    )


def _of_row(one: EpisodeRow) -> Case:
    return Case(
        index=one.index,
        fault=one.kind,
        subject=one.subject,
        horizon_s=one.horizon_ms / 1000,
        met=one.ended_by != NOT_EXERCISED,
        hurt=one.impact_ms is not None,
        back_s=None if one.recovered_ms is None else one.recovered_ms / 1000,
        lost_s=one.lost_ms / 1000,
    )
