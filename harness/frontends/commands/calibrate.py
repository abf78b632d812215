"""`hormesis calibrate FILE --out COSTS`: what the processes of a system cost here, for simulations."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.experiment.load import load_experiment
from harness.frontends.progress import Progress
from harness.frontends.streams import say, tell
from harness.run.root import store_root

ABOUT_S = 90.0


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="an experiment file: its system is started here and each of its services killed several times, "
        "in about a minute and a half; its method is not run",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="COSTS",
        help="where the costs are written; with 'costs: COSTS' under 'simulation:' of the system file "
        "runs on a virtual clock take as long (docs/campaigns.md)",
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where templates are kept (HORMESIS_STORE, reports/runs)"
    )


def execute(arguments: argparse.Namespace, /) -> int:
    """Measure the system of the experiment on processes of this machine, and write what it costs."""
    import msgspec

    from harness.run.calibrate import calibrate_here
    from harness.run.refusals import refuse_if_halted, refuse_if_no_place, refuse_if_not_writable
    from harness.run.writing import write_whole

    experiment = load_experiment(arguments.file)
    store = arguments.store or store_root()
    refuse_if_no_place(arguments.out)
    refuse_if_halted(store)
    refuse_if_not_writable(store)
    tell(f"{experiment.system.name}, arm {experiment.arms[0]}: nothing else should run on this machine")
    with Progress(ABOUT_S) as progress:
        costs = calibrate_here(experiment, store, progress)
    write_whole(arguments.out, msgspec.json.format(msgspec.json.encode(costs), indent=1) + b"\n")
    lines = [
        f"{name:12} {1000 * one.boot_s:7.1f} ms to be there, {1e6 * one.call_s:7.0f} us a request"
        f" and {1e9 * one.byte_s:6.1f} ns a byte"
        for name, one in costs.services.items()
    ]
    say("\n".join([*lines, f"costs: {arguments.out}"]))
    return 0
