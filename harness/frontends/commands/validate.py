"""`hormesis validate FILE...`: every problem of every file, or what each would run."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import msgspec

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.frontends.streams import say, tell
from harness.frontends.wording import code_of, length_text, usage_text
from harness.plan.schedule import forecast_s, make_plans
from harness.units import plural
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="experiment files")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def execute(arguments: argparse.Namespace, /) -> int:
    """Check all files; exit 2 if any has a problem."""
    results = [_checked(file, quiet=arguments.json) for file in arguments.files]
    valid = all(result["valid"] for result in results)
    if arguments.json:
        document = {"valid": valid, "files": results}
        say(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    return EXIT_CODE["DONE" if valid else "USAGE"]


def _checked(file: Path, *, quiet: bool) -> dict[str, object]:
    try:
        experiment = load_experiment(file)
    except UsageProblem as error:
        if not quiet:
            tell(usage_text(error))
        problems = [asdict(problem) | {"code": code_of(problem)} for problem in error.problems]
        return {"file": str(file), "valid": False, "problems": problems}
    plans = make_plans(experiment, seed=0)
    length_s = forecast_s(plans)
    if not quiet:
        faults = plural(len(experiment.steps), "fault")
        runs = plural(len(plans), "run")
        say(f"ok  {file}: {faults}, arms {', '.join(experiment.arms)}; {runs}, {length_text(length_s)}")
    return {
        "file": str(file),
        "valid": True,
        "problems": [],
        "title": experiment.title,
        "faults": [step.name for step in experiment.steps],
        "arms": list(experiment.arms),
        "runs": len(plans),
        "forecast_s": round(length_s, 1),
        "sha256": experiment.sha256,
    }
