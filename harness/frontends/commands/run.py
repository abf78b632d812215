"""`hormesis run FILE`: plan it, run it, and tell the verdict; the exit code is the verdict's."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import HormesisError, Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.experiment.pack import pack_sha256
from harness.frontends.arguments import seed, sha256, usage
from harness.frontends.operators import operator_limits, parts_of
from harness.frontends.progress import Progress
from harness.frontends.streams import say, tell
from harness.frontends.wording import length_text
from harness.plan.model import Plan
from harness.plan.safety import LOCAL, TARGETS, promises
from harness.plan.schedule import forecast_s, make_plans, plans_sha256
from harness.run.root import store_root
from harness.shell import fresh_seed
from harness.units import plural


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an experiment file")
    parser.add_argument(
        "--target",
        choices=tuple(TARGETS),
        default=LOCAL,
        help="processes of this machine, or a virtual clock (local)",
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="decides all dice; drawn and printed if absent"
    )
    parser.add_argument(
        "--plan",
        metavar="HASH",
        type=sha256,
        help="run exactly the plan that `hormesis plan` gave this hash, or nothing; needs its --seed",
    )
    parser.add_argument("--profile", metavar="NAME", help="measure by this built-in profile instead")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="OLD_FILE",
        help="run the same question beside it on another version of the system, for `hormesis gate`",
    )
    parser.add_argument(
        "--store", "--out", type=Path, metavar="DIR", help="where to keep it (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")


def execute(arguments: argparse.Namespace, /) -> int:
    """Run it to the end and print the outcome."""
    from harness.frontends.outcome import outcome_json, table
    from harness.report.compose import decode

    experiment = load_experiment(arguments.file, arguments.profile)
    number = fresh_seed() if arguments.seed is None else arguments.seed
    plans = make_plans(experiment, number, arguments.target)
    if arguments.plan is not None:
        _hold_to(arguments, plans)
    if arguments.against is None:
        folder, beside = conduct(experiment, plans, number, arguments.store), None
    else:
        folder, beside = _beside(arguments, experiment, plans, number)
    document = decode((folder / "report.json").read_bytes())  # composed when the campaign ended
    if arguments.json:
        say(outcome_json(document, folder, beside))
    else:
        say(f"{table(document)}\nreport: {folder / 'report.html'}")
        if beside is not None:
            say(f"beside it: {beside / 'report.html'}\nwhich is worse: hormesis gate {folder}")
    return document.verdict.exit_code


def conduct(experiment: Experiment, plans: tuple[Plan, ...], number: int, store: Path | None) -> Path:
    """Run ``plans`` with live progress; gives the campaign's folder, reports included."""
    from harness.archive.past import remember
    from harness.run.campaign import run_campaign

    length_s = _announced(experiment, plans, number)
    with Progress(length_s) as progress:
        folder = run_campaign(plans, experiment, store=store or store_root(), seed=number, progress=progress)
    try:
        remember(folder)
    except (OSError, HormesisError) as error:  # its own report is there already, and stays
        tell(f"what the store held before is not in the report: {error}")
    return folder


def _beside(
    arguments: argparse.Namespace, experiment: Experiment, plans: tuple[Plan, ...], number: int
) -> tuple[Path, Path]:
    """Run two versions beside each other; Refused where they are not asked the same."""
    from harness.run.campaign import Leg, run_beside

    old = load_experiment(arguments.against, arguments.profile)
    asked = [(pack_sha256(one), one.arms, one.repetitions, one.sham, one.gate) for one in (experiment, old)]
    if asked[0] != asked[1]:
        raise Refused(
            f"{arguments.against} asks another question than {arguments.file} (world, profile, faults, arms,"
            " repetitions, sham or gate): only their systems may differ; nothing was started"
        )
    theirs = make_plans(old, number, arguments.target)
    length_s = _announced(old, theirs, number) + _announced(experiment, plans, number)
    with Progress(length_s) as progress:
        return run_beside(
            Leg(experiment, plans),
            Leg(old, theirs),
            store=arguments.store or store_root(),
            seed=number,
            progress=progress,
        )


def _announced(experiment: Experiment, plans: tuple[Plan, ...], number: int) -> float:
    """Say what will be run, before anything is touched; gives how long it takes, in seconds."""
    limits = operator_limits(plans[0].target, Path(experiment.file), Path(experiment.system_dir))
    for plan in plans:  # no effect without a provable undo, or beyond the limits
        promises(plan, TARGETS[plan.target], limits=limits, parts=parts_of(experiment.system))
    length_s = forecast_s(plans)
    runs = plural(len(plans), "run")
    tell(f"{experiment.title}: {runs}, about {length_text(length_s)}; seed {number}")
    return length_s


def _hold_to(arguments: argparse.Namespace, plans: tuple[Plan, ...]) -> None:
    """Refuse to run anything but the plan that somebody has looked at."""
    asked = arguments.plan
    if arguments.seed is None:
        raise usage("HRM402", "--plan without --seed", help_text="give the seed that `hormesis plan` printed")
    if arguments.against is not None:
        words = "--plan holds one version to a plan, and --against runs two"
        raise usage("HRM402", words, help_text="leave out one of them")
    found = plans_sha256(plans)
    if not found.startswith(asked):
        raise Refused(
            f"the plan is {found[:12]} now, and {asked[:12]} was asked for: file, system, scenario, target,"
            " seed or version is another; nothing was started. `hormesis plan` shows what would run"
        )
