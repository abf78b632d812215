"""What ``x-hormesis.score`` may ask: weights and rates of faults that are here, and a human slower than tau.

Comes in: the decoded rules, the method, the profile. Goes out: findings.
"""

from __future__ import annotations

from collections.abc import Collection

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, advice
from harness.experiment.model import FaultStep, Profile
from harness.experiment.rules import ImpliedRules, ScoreRules
from harness.faults.catalog import is_placebo
from harness.faults.effects import lasts_s

SCORE: Path = ("x-hormesis", "score")


def check_score(
    rules: ScoreRules, steps: Collection[FaultStep], profile: Profile, findings: Findings
) -> None:
    """Note kinds that are not in the method (HRM222) or placebos (HRM226), and rates that say nothing."""
    kinds = {step.kind for step in steps}
    _check_kinds(rules.weights, kinds, (*SCORE, "weights"), findings)
    if rules.implied is not None:
        path: Path = (*SCORE, "implied")
        _check_kinds(rules.implied.faults_per_30_days, kinds, (*path, "faults_per_30_days"), findings)
        _check_implied(rules.implied, kinds, path, findings)
        _check_human(rules.implied, steps, profile, findings)


def _check_kinds(given: Collection[str], kinds: Collection[str], path: Path, findings: Findings) -> None:
    for kind in given:
        if kind not in kinds:
            findings.add(
                "HRM222",
                f"{quoted(kind)} is not in this experiment",
                (*path, kind),
                key=True,
                why="it would count for nothing",
                help=advice(kind, kinds),
            )
        elif is_placebo(kind):
            findings.add(
                "HRM226",
                f"{quoted(kind)} is a placebo",
                (*path, kind),
                key=True,
                label="would be ignored",
                why="what should lose nothing is in no mean: else it would buy points",
                help="remove it",
            )


def _check_implied(rules: ImpliedRules, kinds: Collection[str], path: Path, findings: Findings) -> None:
    for kind in sorted(kinds):
        if kind not in rules.faults_per_30_days and not is_placebo(kind):
            findings.add(
                "HRM203",
                f"the rate of {quoted(kind)} is missing",
                (*path, "faults_per_30_days"),
                key=True,
                why="an availability that leaves a fault out is too good",
                help=f"add '{kind}: {{mean: ..., low: ..., high: ...}}'",
            )
    for kind, rate in rules.faults_per_30_days.items():
        if not rate.low <= rate.mean <= rate.high:
            findings.add(
                "HRM204",
                f"the interval of {quoted(kind)} does not hold its mean",
                (*path, "faults_per_30_days", kind, "mean"),
                label=f"low {rate.low:g}, high {rate.high:g}",
                help="write low <= mean <= high",
            )


def _check_human(
    rules: ImpliedRules, steps: Collection[FaultStep], profile: Profile, findings: Findings
) -> None:
    """A human who is there before a fault was watched to its end would have repaired what came back alone."""
    longest_s = profile.tau_s + max((lasts_s(step.effect) or 0.0 for step in steps), default=0.0)
    if rules.human_repair_s < longest_s:
        findings.add(
            "HRM204",
            f"'human_repair_s' is {rules.human_repair_s:g}, but a fault is watched for {longest_s:g} s",
            (*SCORE, "implied", "human_repair_s"),
            label=f"at least {longest_s:g}",
            why="what is not back in its horizon waits for the human, who cannot have come before",
            help="write how long it takes until a human has repaired what healing did not",
        )
