"""Kill and hang in arms reference, none and bare under both restart profiles: who heals what, one report.

Runs ``experiments/standard/process-faults.yaml`` once and keeps its report under ``reports/examples``.
Wanted: a kill heals wherever the platform restarts; a hang where it probes liveness (profile kubernetes, arm
none) and where a healer does (arm reference); every record exactly once; no act in a sham run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from harness.episodes.acts import sees_acts
from harness.estimates.model import ClassEstimate
from harness.experiment.load import load_experiment
from harness.plan.schedule import forecast_s, make_plans
from harness.report.compose import compose
from harness.report.document import Document
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[1]
# Relative, as a user would type it: the report prints it as the command that gives the same again.
FILE = Path(os.path.relpath(ROOT / "experiments" / "standard" / "process-faults.yaml"))
EXAMPLES = ROOT / "reports" / "examples"

NAME = "process_faults"
SEED = 20_05
FORECAST_S = forecast_s(make_plans(load_experiment(FILE), SEED))
BACK = {
    ("process.kill", "reference", "fast"),
    ("process.kill", "reference", "kubernetes"),
    ("process.hang", "reference", "fast"),
    ("process.hang", "reference", "kubernetes"),
    ("process.kill", "none", "fast"),
    ("process.kill", "none", "kubernetes"),
    ("process.hang", "none", "kubernetes"),
}


def run(full: bool) -> dict[str, object]:
    """Run the experiment; ``full`` also keeps its report as the example."""
    experiment = load_experiment(FILE)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        plans = make_plans(experiment, SEED)
        folder = run_campaign(plans, experiment, store=Path(store), seed=SEED, progress=_say)
        document = compose(folder)
        if full:
            EXAMPLES.mkdir(parents=True, exist_ok=True)
            for ending in ("html", "json"):
                shutil.copyfile(folder / f"report.{ending}", EXAMPLES / f"process-faults.{ending}")
    return {"verdict": document.verdict.word, "why": document.verdict.why, **_figures(document)}


def _figures(document: Document) -> dict[str, object]:
    classes = {_name(c): _class(c) for c in document.estimates.classes}
    as_told = {_name(c): _is_back(c) == (_key(c) in BACK) for c in document.estimates.classes}
    return {
        "classes": classes,
        "runs_done_again": len(document.repeated),
        "bars": {
            **as_told,
            "all twelve classes": len(classes) == 12,
            "exactly once in every run": all(run.exactly_once for run in document.runs),
            "no act in a sham run": not any(
                run.acts or not sees_acts(run) for run in document.runs if run.sham
            ),
            "no void run": document.estimates.void_runs == 0,
        },
    }


def _key(estimate: ClassEstimate) -> tuple[str, str, str]:
    return estimate.fault, estimate.arm, estimate.restart_profile


def _name(estimate: ClassEstimate) -> str:
    return ", ".join(_key(estimate))


def _is_back(estimate: ClassEstimate) -> bool:
    """Whether no counted episode was left to the harness; what was absorbed was never away."""
    return estimate.n > 0 and not estimate.ended_by.get("undo", 0)


def _class(estimate: ClassEstimate) -> dict[str, object]:
    return {
        "n": estimate.n,
        "impact": estimate.impact.k,
        "recovered_s": [None if s is None else round(s, 3) for s in estimate.recovered_s],
        "lost_s": estimate.lost_s.mean,
        "ended_by": estimate.ended_by,
    }


def _say(line: str) -> None:
    print("  " + line, flush=True)
