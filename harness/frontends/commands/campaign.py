"""`hormesis campaign FILE`: many pairs of simulated runs on all processors, or on a cluster; one table."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.experiment.load import load_experiment
from harness.frontends.arguments import seed, store_root
from harness.frontends.progress import Progress
from harness.frontends.streams import say, tell
from harness.frontends.wording import length_text
from harness.shell import fresh_seed, monotonic_s

if TYPE_CHECKING:
    from harness.campaign.engine import Merge
    from harness.campaign.executor import Executor

PAIRS = 100


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an experiment file")
    parser.add_argument(
        "--pairs", type=_count, default=PAIRS, metavar="N", help=f"pairs of runs at most ({PAIRS})"
    )
    parser.add_argument(
        "--precision",
        type=_ratio,
        metavar="SHARE",
        help="end sooner, once each median is known to this share of itself (0.1)",
    )
    parser.add_argument(
        "--workers", type=_count, metavar="N", help="processes of this machine (one a processor)"
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="decides all dice; drawn and printed if absent"
    )
    parser.add_argument("--profile", metavar="NAME", help="measure by this built-in profile instead")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where to keep it (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--json", action="store_true", help="print the table as one JSON document")


def execute(arguments: argparse.Namespace, /) -> int:
    """Run it to the end, or to where an earlier one with the same words was ended, and on from there."""
    from harness.campaign.asking import Wanted, ask, workers_here
    from harness.campaign.engine import run_chunks
    from harness.campaign.parts import Parts, campaign_name
    from harness.campaign.table import encode
    from harness.campaign.text import table_text
    from harness.run.refusals import refuse_if_halted

    store = arguments.store or store_root()
    refuse_if_halted(store)
    number = fresh_seed() if arguments.seed is None else arguments.seed
    experiment = load_experiment(arguments.file, arguments.profile)
    wanted = Wanted(
        seed=number,
        profile=arguments.profile or "",
        pairs_max=arguments.pairs,
        precision_ratio=arguments.precision,
    )
    tell(f"{experiment.title}: at most {arguments.pairs} pairs on a virtual clock; seed {number}")
    with Progress(0.0) as progress:
        store.mkdir(parents=True, exist_ok=True)
        work = ask(experiment, wanted, store=store, progress=progress)
        parts = Parts(store / campaign_name(work.question), work.question)
        with parts.held():
            table = run_chunks(
                work,
                _executor(arguments.workers or workers_here()),
                parts,
                tell=_Told(progress, monotonic_s()),
                look=lambda: refuse_if_halted(store),
            )
            file = parts.write_table(encode(table))
    say(encode(table).decode().rstrip("\n") if arguments.json else f"{table_text(table)}\ntable: {file}")
    return 0


def _executor(workers: int) -> Executor:
    from harness.campaign.executor import PoolExecutor
    from harness.shell import pin_threads
    from harness.targets.local.kernel import ending_with_us

    pin_threads()
    return PoolExecutor(workers, ending_with_us())


@dataclass(slots=True)
class _Told:
    """Says how far it has come, and how long the rest will take at this pace."""

    progress: Progress
    began_s: float
    found: int = -1

    def __call__(self, merge: Merge, present: int) -> None:
        question = merge.work.question
        if self.found < 0:
            self.found = present
        done, left = present - self.found, question.chunks() - present
        rest = ""
        if done and left:
            rest = f", about {length_text((monotonic_s() - self.began_s) / done * left)} to go"
        pairs = min(present * question.pairs_a_chunk, question.pairs_max)
        self.progress(f"{pairs} of at most {question.pairs_max} pairs{rest}")


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("give a whole number from 1")
    return value


def _ratio(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("give a share between 0 and 1, like 0.1")
    return value
