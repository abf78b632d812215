"""What stands behind the figures: arms, runs, how to reproduce, what was not measured, the words."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.episodes.model import RunFacts
from harness.report import figures
from harness.report.document import Document
from harness.report.figures import Figure
from harness.report.words import ARMS, RESTARTS, arm_rank, arm_words, inert
from harness.units import percent_text

RUNS_MAX = 60  # rows of the table of runs; report.json has all of them
PLANS_MAX = 12  # plan hashes printed


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


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as a line; ``state`` is counted, void or unsafe, ``why`` the reason."""

    run_id: str
    pair: str
    arm: str
    kind: str
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
            needless=_needless(a.sham_acts, a.sham_runs),
        )
        for a in ordered
    )


def _needless(acts: int, sham_runs: int) -> Figure:
    if sham_runs == 0:
        return Figure("not run", "no sham", quiet=True)
    return Figure(f"{acts}", "in " + (f"{sham_runs} sham runs" if sham_runs != 1 else "1 sham run"))


def run_rows(document: Document) -> tuple[RunRow, ...]:
    """Give at most ``RUNS_MAX`` runs: unsafe, void and not exactly once first, then as they ran."""

    def trouble(run: RunFacts) -> tuple[bool, bool, bool]:
        return (not run.unsafe, not run.void, run.exactly_once is not False)

    return tuple(_run(r) for r in sorted(document.runs, key=trouble)[:RUNS_MAX])


def _run(run: RunFacts) -> RunRow:
    state, tone = ("unsafe", "bad") if run.unsafe else ("void", "void") if run.void else ("counted", "plain")
    audit, audit_tone = _audit(run)
    return RunRow(
        run_id=run.run_id,
        pair=f"{run.pair}",
        arm=f"{run.arm}, {run.restart_profile}",
        kind="sham" if run.sham else "fault",
        baseline=f"{run.baseline_bad} bad of {run.baseline_units}",
        available=percent_text(run.availability_ratio, 2)
        if run.availability_ratio is not None
        else "not measured",
        windows=f"{run.windows_met} / {run.windows}",
        audit=audit,
        audit_tone=audit_tone,
        acts=f"{run.acts}",
        lag="not measured" if run.send_lag_p99_ms is None else f"{run.send_lag_p99_ms:.1f} ms",
        state=state,
        tone=tone,
        why=run.unsafe or run.void,
        digest=run.history_sha256[:12],
    )


def _audit(run: RunFacts) -> tuple[str, str]:
    if not run.audit_observable or run.exactly_once is None:
        return ("not observable" if not run.audit_observable else "not judged"), "plain"
    verdict = ("✓ once", "good") if run.exactly_once else ("✕ not once", "bad")
    return f"{verdict[0]} {run.audit_text}".strip(), verdict[1]


def command(document: Document) -> str:
    """Write the command that asks the same question again, safe to paste whatever the file is called."""
    asked = document.inputs
    parts = ["hormesis", "run", asked.experiment_file, "--target", asked.target, "--seed", f"{asked.seed}"]
    return " ".join(shlex.quote(inert(part)) for part in parts)


def parameters(document: Document) -> tuple[tuple[str, str], ...]:
    """List every knob of the measuring profile with its unit."""
    p = document.inputs.profile
    return (
        ("profile", p.name),
        ("witness", f"{p.rate_hz:g} units a second, deadline {figures.given(p.deadline_s)}"),
        ("load", f"{p.load_batch} units every {figures.given(p.load_every_s)}"),
        ("baseline", f"{p.baseline_units} units, margin {percent_text(p.margin_ratio)}"),
        (
            "window W",
            f"{figures.given(p.window_s)}, at least {p.window_units} units, level {p.window_level_ratio:g}",
        ),
        ("hold H", figures.given(p.hold_s)),
        ("horizon τ", figures.given(p.tau_s)),
        ("wash-out, settle", f"{figures.given(p.wash_out_s)}, {figures.given(p.settle_s)}"),
        ("golden units", f"one in {p.golden_every}" if p.golden_every else "none"),
    )


def hashes(document: Document) -> tuple[tuple[str, str], ...]:
    """List what the figures depend on, by hash; at most ``PLANS_MAX`` plans."""
    asked = document.inputs
    plans = tuple(("plan", digest) for digest in asked.plan_sha256[:PLANS_MAX])
    return (("experiment", asked.experiment_sha256), ("scenario", asked.scenario_sha256), *plans)


def not_measured(document: Document) -> tuple[str, ...]:
    """Say plainly what the page does not know; what is not observable is never a zero."""
    said = [
        "When a fault was noticed: no alarm is read. Acts and service are seen from outside, reasons are not."
    ]
    if any(not r.audit_observable for r in document.runs):
        said.append("Exactly once, where it says “not observable”: the system lists no ids to count.")
    classes = document.estimates.classes
    if any(c.served_p90.n < c.served_p90.needs_n for c in classes):
        said.append(
            "The p90 of a class that says “needs n / N”: with fewer episodes its interval has no end."
        )
    if not any(c.arm == "bare" for c in classes):
        said.append("The gain of healing: arm bare was not run, so there is nothing to compare with.")
    if not any(r.sham for r in document.runs):
        said.append("What a run without faults loses: no sham was run, so noise cannot be told from harm.")
    if not any(r.arm in ("reference", "seed") for r in document.runs):
        said.append(
            "A healer: no arm with one was run. What came back, came back by itself or by the platform."
        )
    return tuple(said)


def arms_used(document: Document) -> tuple[tuple[str, str], ...]:
    """Explain the arms and restart profiles that occur."""
    arms = sorted({r.arm for r in document.runs} | {a.arm for a in document.estimates.arms}, key=arm_rank)
    profiles = sorted({r.restart_profile for r in document.runs})
    said = [(f"arm {a}", ARMS[a]) for a in arms if a in ARMS]
    said += [(f"profile {p}", RESTARTS[p]) for p in profiles if p in RESTARTS]
    return tuple(said)
