"""`hormesis demo`: the shipped stories, on local processes and then on a virtual clock.

It ends with 0 when instrument and stories are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import harness
from harness.experiment.load import load_experiment
from harness.experiment.model import Profile
from harness.frontends.arguments import seed, usage
from harness.frontends.commands.run import conduct
from harness.frontends.story import DRIFT, FAULTS, Plot, Story, check_pairs, check_story
from harness.frontends.streams import say, tell
from harness.plan.schedule import make_plans
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE

# The demo shows machinery, and the same numbers to everybody; --seed draws another demo.
SEED = 1
SMOKE = Path("experiments") / "smoke"
STORIES: Mapping[str, tuple[Path, Plot]] = {
    "faults": (SMOKE / "demo.yaml", FAULTS),
    "drift": (SMOKE / "drift.yaml", DRIFT),
}
SIMULATED, PAIRS_FILE, PAIRS = "simulated", SMOKE / "pairs.yaml", 60
ALL = "all"


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("--seed", type=seed, default=SEED, metavar="N", help=f"decides all dice ({SEED})")
    parser.add_argument(
        "--story",
        choices=(*STORIES, SIMULATED, ALL),
        default=ALL,
        help="faults: what breaks, drift: what is learned, 3 minutes each; simulated: sixty pairs on a "
        "virtual clock, a minute; all: one after the other",
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where to keep it (HORMESIS_STORE, reports/runs)"
    )


def execute(arguments: argparse.Namespace, /) -> int:
    """Run the stories one after the other; the worst exit code. After an UNSAFE one nothing is hurt."""
    worst = 0
    for name in STORIES:
        if arguments.story in (name, ALL) and worst != EXIT_CODE["UNSAFE"]:
            worst = max(worst, _told(name, arguments))
    if arguments.story in (SIMULATED, ALL) and worst != EXIT_CODE["UNSAFE"]:
        worst = max(worst, _simulated(arguments))  # last: no real run is measured beside it
    return worst


def _simulated(arguments: argparse.Namespace) -> int:
    """Play many pairs on a virtual clock, then say whether each of them told the story."""
    from harness.campaign.asking import Wanted
    from harness.campaign.text import outcome_text
    from harness.frontends.commands.campaign import conduct as campaign
    from harness.frontends.commands.campaign import pool

    experiment = load_experiment(demo_file(Path(harness.__file__).parent.parent, PAIRS_FILE))
    wanted = Wanted(seed=arguments.seed, pairs_max=PAIRS)
    table, verdict, folder = campaign(experiment, wanted, pool, arguments.store or store_root())
    say(f"{outcome_text(table, verdict)}\nkept in: {folder}")
    story = check_pairs(table)
    say(_ending(story))
    return max(story.exit_code, verdict.exit_code)


def _told(name: str, arguments: argparse.Namespace) -> int:
    """Run one story, print table and report path, then say whether it is right."""
    from harness.frontends.outcome import table
    from harness.report.compose import decode

    file, plot = STORIES[name]
    experiment = load_experiment(demo_file(Path(harness.__file__).parent.parent, file))
    tell(profile_text(experiment.profile))
    plans = make_plans(experiment, arguments.seed)
    folder = conduct(experiment, plans, arguments.seed, arguments.store)
    document = decode((folder / "report.json").read_bytes())  # composed when the campaign ended
    say(f"{table(document)}\nreport: {folder / 'report.html'}")
    story = check_story(document, plot)
    say(_ending(story))
    return story.exit_code


def _ending(story: Story) -> str:
    return "\n".join([f"demo: {story.text}", *(f"  differs: {line}" for line in story.differs)])


def demo_file(beside: Path, name: Path = STORIES["faults"][0]) -> Path:
    """Find a demo's experiment in the folder that holds the package; raises ``UsageProblem``.

    Its name is as short as it can be: it stands in the report, which may be shown to others.
    """
    file = beside / name
    if not file.is_file():
        raise usage(
            "HRM101",
            f"the demo's experiment {name} is not beside the installed package",
            why="experiments are part of the repository, not of the package",
            help_text="run the demo from a checkout: make demo",
        )
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


def profile_text(profile: Profile) -> str:
    """Write every knob of the measuring profile that the demo's figures depend on, on two lines."""
    return (
        f"profile {profile.name}: {profile.rate_hz:g} units/s, baseline {profile.baseline_units} units, "
        f"W {profile.window_length_s:g} s, H {profile.hold_s:g} s, tau {profile.tau_s:g} s,\n"
        f"  deadline {profile.deadline_s * 1000:g} ms, wash-out {profile.wash_out_s:g} s, "
        f"load {profile.load_batch} every {profile.load_every_s:g} s, "
        f"golden every {profile.golden_every}. A short profile: it shows the machinery, it makes no claim."
    )
