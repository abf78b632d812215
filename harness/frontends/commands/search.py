"""`hormesis search FILE`: which schedules of faults break the healer, and the smallest of each kind."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.experiment.load import load_experiment
from harness.frontends.arguments import count, seed
from harness.frontends.progress import Progress
from harness.frontends.streams import say, tell
from harness.run.root import store_root
from harness.shell import fresh_seed
from harness.units import plural
from harness.verdict.codes import EXIT_CODE

EPISODES = 500


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an experiment file: its system and world")
    parser.add_argument(
        "--episodes", type=count, default=EPISODES, metavar="N", help=f"how many to play ({EPISODES})"
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="decides all dice; drawn and printed if absent"
    )
    parser.add_argument(
        "--arm", default="", metavar="ARM", help="whose healer (the file's first that has one)"
    )
    parser.add_argument(
        "--uniform", action="store_true", help="draw every schedule at random, learn from none"
    )
    parser.add_argument(
        "--workers", type=count, metavar="N", help="processes of this machine (one a processor)"
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where failures are kept (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as one JSON document")


def execute(arguments: argparse.Namespace, /) -> int:
    """Search; FAIL where an invariant broke, VOID where no episode counts, DONE else."""
    import msgspec

    from harness.campaign.asking import workers_here
    from harness.campaign.shell import pin_children
    from harness.run.modules import import_path
    from harness.run.refusals import refuse_if_halted, refuse_if_not_writable
    from harness.search.drawing import Drawing
    from harness.search.engine import Wanted
    from harness.search.finding import Asked, find, ground_of, healing, menu_on
    from harness.search.text import summary_text
    from harness.search.workers import Crew
    from harness.targets.local.kernel import ending_with_us

    store = arguments.store or store_root()
    refuse_if_halted(store)
    refuse_if_not_writable(store)
    number = fresh_seed() if arguments.seed is None else arguments.seed
    experiment = load_experiment(arguments.file)
    import_path(experiment)  # what nobody consented to is told before anything else of the system
    arm = healing(experiment, arguments.arm)
    episodes = plural(arguments.episodes, "short episode")
    tell(f"{experiment.title}: {episodes} on a virtual clock; seed {number}")
    pin_children()
    with Progress(None) as progress:
        ground = ground_of(experiment, seed=number, arm=arm, store=store, progress=progress)
        asked = Asked(
            ground=ground,
            title=experiment.title,
            drawing=Drawing(menu_on(ground), ground.limits),
            wanted=Wanted(seed=number, episodes=arguments.episodes, uniform=arguments.uniform),
            store=store,
        )

        def look(line: str) -> None:
            refuse_if_halted(store)
            progress(line)

        with Crew(ground, arguments.workers or workers_here(), ending_with_us()) as crew:
            summary = find(asked, crew, look)
    document = msgspec.json.format(msgspec.json.encode(summary), indent=1).decode()
    say(document if arguments.json else summary_text(summary))
    if summary.failures:
        return EXIT_CODE["FAIL"]
    nothing = summary.counts["void"] + summary.counts["met_nothing"] == summary.counts["episodes"]
    return EXIT_CODE["VOID" if nothing else "DONE"]
