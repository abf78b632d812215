"""What stands behind the figures: every arm with and without faults, every run as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.episodes.acts import sees_acts
from harness.episodes.model import RunFacts
from harness.estimates.model import ArmEstimate
from harness.report import costs, figures
from harness.report.document import Document
from harness.report.figures import Figure
from harness.report.words import arm_rank, arm_words
from harness.units import percent_text

RUNS_MAX = 60  # rows of the table of runs; report.json has all of them


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm: what it is, and how it did without and with faults."""

    arm: str
    restart_profile: str
    words: str
    runs: Figure
    sham: Figure
    fault: Figure
    windows: Figure
    once: Figure
    needless: Figure
    heals: Figure
    harmed: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as a line; ``state`` is counted, void, unsafe or done again, ``why`` the reason."""

    run_id: str
    baseline: str
    available: str
    windows: str
    audit: str
    audit_tone: str
    acts: str
    lag: str
    state: str
    tone: str
    why: str
    digest: str


def arm_rows(document: Document) -> tuple[ArmRow, ...]:
    """Give one row an arm and restart profile, the most help first."""
    ordered = sorted(document.estimates.arms, key=lambda a: (arm_rank(a.arm), a.restart_profile))
    return tuple(
        ArmRow(
            arm=a.arm,
            restart_profile=a.restart_profile,
            words=arm_words(a.arm, a.restart_profile),
            runs=Figure(f"{a.runs}", f"{a.sham_runs} sham"),
            sham=figures.mean_percent(a.sham_availability, "not run"),
            fault=figures.mean_percent(a.fault_availability, "not run"),
            windows=figures.share_figure(a.windows_met, "not measured"),
            once=figures.share_figure(a.exactly_once, "not observable"),
            needless=_needless(a, document.runs),
            heals=costs.heals_figure(a.false_heals),
            harmed=costs.platform_text(a.platform_harms),
        )
        for a in ordered
    )


def _needless(arm: ArmEstimate, runs: Sequence[RunFacts]) -> Figure:
    """Acts where nothing was broken: where nobody could see them, none seen is not none done."""
    if arm.sham_runs == 0:
        return Figure("not run", "no sham", quiet=True)
    mine = (arm.arm, arm.restart_profile)
    shams = [r for r in runs if r.sham and not r.void and (r.arm, r.restart_profile) == mine]
    seen = sum(sees_acts(r) for r in shams)
    more = f"{arm.sham_runs - seen} not observable" if seen < arm.sham_runs else ""
    if arm.sham_acts:  # a blind run adds what was seen of it
        return Figure(f"{'at least ' if more else ''}{arm.sham_acts}", _in_shams(arm.sham_runs), more)
    if not seen:
        return Figure("not observable", _in_shams(arm.sham_runs), quiet=True)
    return Figure("0", _in_shams(seen), more)


def _in_shams(n: int) -> str:
    return f"in {n} sham run" + ("s" if n != 1 else "")


def run_rows(document: Document) -> tuple[RunRow, ...]:
    """Give at most ``RUNS_MAX`` runs: unsafe, void and not exactly once first, then as they ran."""

    def trouble(run: RunFacts) -> tuple[bool, bool, bool]:
        return (not run.unsafe, not run.void, run.exactly_once is not False)

    rows = [_run(r, *_state(r)) for r in sorted(document.runs, key=trouble)]
    again = [_run(r, "done again", "void") for r in document.repeated]
    return tuple([*rows, *again][:RUNS_MAX])


def _state(run: RunFacts) -> tuple[str, str]:
    return ("unsafe", "bad") if run.unsafe else ("void", "void") if run.void else ("counted", "plain")


def _run(run: RunFacts, state: str, tone: str) -> RunRow:
    audit, audit_tone = _audit(run)
    return RunRow(
        run_id=run.run_id,
        baseline=f"{run.baseline_bad} bad of {run.baseline_units}",
        available=percent_text(run.availability_ratio, 2)
        if run.availability_ratio is not None
        else "not measured",
        windows=f"{run.windows_met} / {run.windows}",
        audit=audit,
        audit_tone=audit_tone,
        acts=_acts(run),
        lag="not measured" if run.send_lag_p99_ms is None else f"{run.send_lag_p99_ms:.1f} ms",
        state=state,
        tone=tone,
        why=run.unsafe or run.void,
        digest=run.history_sha256[:12],
    )


def _acts(run: RunFacts) -> str:
    """Acts of one run; no act seen is a zero only where each would have been seen."""
    if sees_acts(run):
        return f"{run.acts}"
    if run.acts:
        return f"at least {run.acts}"
    return "not judged" if run.void else "not observable"


def _audit(run: RunFacts) -> tuple[str, str]:
    if run.void and run.exactly_once is None:
        return "not judged", "plain"
    if not run.audit_observable or run.exactly_once is None:
        return ("not observable" if not run.audit_observable else "not judged"), "plain"
    verdict = ("✓ once", "good") if run.exactly_once else ("✕ not once", "bad")
    return f"{verdict[0]} {run.audit_text}".strip(), verdict[1]
