"""`hormesis campaign FILE`: many pairs of simulated runs on all processors, or on a cluster; one table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import Untrustworthy
from harness.experiment.load import load_experiment
from harness.frontends.arguments import count, seed, usage, wrong
from harness.frontends.pace import Pace
from harness.frontends.progress import Progress
from harness.frontends.streams import say, tell
from harness.run.root import store_root
from harness.shell import fresh_seed, monotonic_s
from harness.units import plural

if TYPE_CHECKING:
    from harness.campaign.asking import Wanted
    from harness.campaign.engine import Merge
    from harness.campaign.executor import Executor
    from harness.campaign.parts import Parts
    from harness.campaign.table import Table
    from harness.campaign.worker import Chunk
    from harness.experiment.model import Experiment, Objective
    from harness.verdict.model import Verdict

PAIRS = 100
PRECISION_MIN = 0.01  # as campaign.precision has it, which a look at the command line need not import


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an experiment file")
    parser.add_argument(
        "--pairs", type=count, default=PAIRS, metavar="N", help=f"pairs of runs at most ({PAIRS})"
    )
    parser.add_argument(
        "--precision",
        type=_ratio,
        metavar="SHARE",
        help="end sooner, once each median is known to this share of itself (0.1)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="end sooner, once `hormesis gate` with this baseline passes or fails",
    )
    parser.add_argument(
        "--workers", type=count, metavar="N", help="processes of this machine (one a processor)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="workers of this Dask scheduler instead (tcp://host:port); needs hormesis[dask]",
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="decides all dice; drawn and printed if absent"
    )
    parser.add_argument(
        "--pace", choices=("dense", "sparse"), default="dense", help="sparse: days on end (docs/campaigns.md)"
    )
    parser.add_argument(
        "--sham-only",
        action="store_true",
        help="break nothing: how often is something healed all the same?",
    )
    parser.add_argument("--profile", metavar="NAME", help="measure by this built-in profile instead")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where to keep it (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--json", action="store_true", help="print verdict and table as one JSON document")


def execute(arguments: argparse.Namespace, /) -> int:
    """Run it to the end, or to where an earlier one with the same words was ended, and on from there."""
    from harness.campaign.asking import Wanted
    from harness.campaign.text import outcome_text

    number = fresh_seed() if arguments.seed is None else arguments.seed
    experiment = load_experiment(arguments.file, arguments.profile)
    wanted = Wanted(
        seed=number,
        profile=arguments.profile or "",
        pairs_max=arguments.pairs,
        precision_ratio=arguments.precision,
        pace=arguments.pace,
        sham_only=arguments.sham_only,
        baseline=arguments.baseline,
    )
    store = arguments.store or store_root()
    table, verdict, folder = conduct(experiment, wanted, lambda: _executor(arguments), store)
    if arguments.json:
        document = {"folder": str(folder), "verdict": verdict, "table": table}
        say(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    else:
        say(f"{outcome_text(table, verdict)}\nkept in: {folder}")
    return verdict.exit_code


def conduct(
    experiment: Experiment, wanted: Wanted, executor: Callable[[], Executor], store: Path
) -> tuple[Table, Verdict, Path]:
    """Ask a campaign and see it through; gives its table, what is to be thought of it, and its folder."""
    from harness.campaign.asking import ask
    from harness.campaign.parts import campaign_name, held
    from harness.run.refusals import refuse_if_halted, refuse_if_not_writable

    refuse_if_halted(store)
    refuse_if_not_writable(store)
    pairs = f"at most {plural(wanted.pairs_max, 'pair')}"
    tell(f"{experiment.title}: {pairs} on a virtual clock; seed {wanted.seed}")
    with Progress(None, interrupting="Ctrl-C stops; the same command with this seed goes on") as progress:
        work = ask(experiment, wanted, store=store, progress=progress)
        folder = store / campaign_name(work.question)
        try:
            with held(folder, work.question) as parts:
                merge, verdict = _seen_through(
                    work,
                    executor(),
                    parts,
                    objectives=experiment.objectives,
                    progress=progress,
                    baseline=wanted.baseline,
                )
        except OSError as error:
            words = f"{folder}: {error}; mend that, and the same command with this seed goes on"
            raise Untrustworthy(words) from error
    return merge.table(), verdict, folder


def pool(workers: int | None = None) -> Executor:
    """Processes of this machine, one a processor where no number is given; they end with this one."""
    from harness.campaign.asking import workers_here
    from harness.campaign.executor import PoolExecutor
    from harness.campaign.shell import pin_children
    from harness.targets.local.kernel import ending_with_us

    pin_children()
    return PoolExecutor(workers or workers_here(), ending_with_us())


def _seen_through(
    work: Chunk,
    executor: Executor,
    parts: Parts,
    *,
    objectives: tuple[Objective, ...],
    progress: Progress,
    baseline: Path | None,
) -> tuple[Merge, Verdict]:
    """Do all of it: chunks, table, audit, verdict; each is kept as soon as it is there."""
    from harness.campaign.engine import DECIDED, run_chunks
    from harness.campaign.gating import Decided, read_baseline
    from harness.campaign.judging import judge_campaign
    from harness.campaign.kept import keep, runs_again
    from harness.campaign.outcomes import kind_of
    from harness.campaign.parts import TABLE_FILE, VERDICT_FILE
    from harness.campaign.table import encode
    from harness.run.refusals import refuse_if_halted

    def look() -> None:
        refuse_if_halted(parts.folder.parent)

    pace = Pace(work.question.pairs_max, progress, monotonic_s)
    question = work.question
    decided = (
        None
        if baseline is None
        else Decided(question, read_baseline(baseline, kind_of(question), question.seed))
    )
    try:
        merge = run_chunks(work, executor, parts, tell=pace, look=look, decided=decided)
    except KeyboardInterrupt:
        kept = question.pairs_in(parts.present())
        most, size = question.pairs_max, question.pairs_a_chunk
        progress(f"{kept} of at most {most} pairs are kept, in whole parts of {size}")
        raise
    parts.write_file(TABLE_FILE, encode(merge.table()))
    again = runs_again(work, merge.doubts, merge.tally.pairs, merge.rows)
    unequal = keep(work, again, parts.folder, progress)
    verdict = judge_campaign(
        merge.tally,
        objectives,
        doubts=merge.doubts,
        unequal=unequal,
        is_cut=merge.stopped == DECIDED,
        sham_only=question.sham_only,
    )
    parts.write_file(VERDICT_FILE, msgspec.json.format(msgspec.json.encode(verdict), indent=1) + b"\n")
    return merge, verdict


def _executor(arguments: argparse.Namespace) -> Executor:
    if arguments.scheduler is not None:
        return _cluster(arguments)
    return pool(arguments.workers)


def _cluster(arguments: argparse.Namespace) -> Executor:
    if arguments.workers is not None:
        raise usage(
            "HRM402",
            "--workers counts processes of this machine, and --scheduler has its own",
            help_text="leave one of them out",
        )
    try:
        from harness.campaign.dask import DaskExecutor
    except ImportError as error:
        raise usage(
            "HRM402",
            f"--scheduler needs Dask's distributed, which cannot be imported: {error}",
            help_text="pip install 'hormesis[dask]'",
        ) from error
    return DaskExecutor(arguments.scheduler)


def _ratio(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not PRECISION_MIN <= value < 1:
        raise wrong(text, f"is no share (from {PRECISION_MIN:g} to below 1, like 0.1)")
    return value
