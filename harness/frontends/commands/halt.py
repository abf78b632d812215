"""`hormesis halt`: stop every run of a store and let none begin, until it is released with a reason."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from harness.errors import Refused
from harness.experiment.excerpt import quoted
from harness.frontends.arguments import usage
from harness.frontends.streams import say
from harness.guard.folders import under_way
from harness.guard.halt import halt, is_halted, release
from harness.guard.lock import holders
from harness.run.refusals import refuse_if_no_store
from harness.run.root import store_root
from harness.run.scratch import scratch_roots
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the store")
    parser.add_argument(
        "--store",
        type=Path,
        action="append",
        metavar="DIR",
        help="which store, may be given again (HORMESIS_STORE, reports/runs)",
    )
    parser.add_argument("--release", action="store_true", help="let runs begin again")


def execute(arguments: argparse.Namespace, /) -> int:
    """Halt or release every named store; one that cannot be written does not keep the others from it.

    A store that is not there is made where ``--store`` names it, and refused else: then the runs that
    somebody wants to stop are in another one. Where they are is told in both cases.
    """
    if not arguments.reason.strip():
        raise usage("HRM402", "--reason is empty", help_text="say why, for whoever comes next")
    stores = [store.absolute() for store in arguments.store or [store_root()]]
    step = _release if arguments.release else _halt
    failed = []
    for store in stores:
        try:
            if arguments.release or not arguments.store:
                refuse_if_no_store(store)
            say(step(store, arguments.reason))
        except Refused as refused:
            failed.append(str(refused))
        except OSError as error:
            failed.append(f"{store}: {error.strerror}")
    if not arguments.release:
        _tell_elsewhere({store.resolve() for store in stores})
    if failed:
        raise Refused(f"not {'released' if arguments.release else 'halted'}: {'; '.join(failed)}")
    return EXIT_CODE["DONE"]


def _halt(store: Path, reason: str) -> str:
    halt(store, reason)
    here = holders(store)
    if not here:
        return f"{store} is halted: none begins here, but no run is under way here"
    runs = f"{len(here)} run{'s' if len(here) > 1 else ''} under way here"
    listed = "".join(f"\n  {quoted(one, columns=200)[1:-1]}" for one in here)
    return f"{store} is halted: none begins; {runs}, to stop within a second, undo and end VOID:{listed}"


def _tell_elsewhere(halted: set[Path]) -> None:
    """Name the runs of this user in stores that were not halted, each with the words that halt it."""
    found = dict.fromkeys(one for root in scratch_roots() for one in under_way(root))
    for pid, store in found:
        if Path(store) not in halted:
            words = shlex.quote(quoted(store, columns=4096)[1:-1])
            say(f"under way elsewhere: pid {pid}: hormesis halt --store {words} --reason TEXT")


def _release(store: Path, reason: str) -> str:
    release(store, reason)
    if is_halted(store):
        raise Refused(f"{store} is halted again already; nothing was released")
    return f"{store} is released"
