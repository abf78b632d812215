"""`hormesis undo`: do and prove every open undo record of a store; 0 all clean, 6 something is not."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.experiment.excerpt import quoted
from harness.frontends.streams import say
from harness.guard.records import FOLDER, Record, open_records, undo_folder
from harness.guard.undo import Outcome, undo_all
from harness.run.refusals import refuse_if_no_store
from harness.run.root import store_root
from harness.units import plural
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="which store (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--list", action="store_true", help="only list what is open, and do nothing")


def execute(arguments: argparse.Namespace, /) -> int:
    """Undo everything, of a run under way too: whoever asks for it wants nothing to stay.

    A store that is not there is refused: "nothing is open" would be said of the wrong place.
    """
    store = (arguments.store or store_root()).absolute()
    refuse_if_no_store(store)
    folder = undo_folder(store)
    if arguments.list:
        records = open_records(folder)
        for record in records:
            say(_listed(record))
        say(f"{plural(len(records), 'open undo record')} in {store}")
        return EXIT_CODE["DONE"]
    outcomes = undo_all(folder, say=lambda outcome: say(_told(outcome)))
    left = [outcome for outcome in outcomes if not outcome.clean]
    if left:
        say(f"{len(left)} of {len(outcomes)} could not be proven clean; look yourself, then remove the file:")
        for outcome in left:
            name = outcome.record.id
            say(f"  {folder}: look into it, then chmod 700" if name == FOLDER else f"  {folder / name}.json")
        return EXIT_CODE["UNSAFE"]
    say(f"{len(outcomes)} undone and proven clean" if outcomes else f"nothing is open in {store}")
    return EXIT_CODE["DONE"]


def _listed(record: Record) -> str:
    if record.broken:
        return f"{record.id}: broken record: {_plain(record.broken)}"
    alive = f"its runner is pid {record.owner.pid}, {record.owner.state()}"
    what = _plain(record.fault or "the run as a whole")
    return (
        f"{record.id}: {what} of {_plain(record.run)}, {_plain(record.verb)}, since {_since(record)}; {alive}"
    )


def _told(outcome: Outcome) -> str:
    word = "clean" if outcome.clean else "NOT CLEAN"
    return f"{outcome.record.id}: {word}: {_plain(outcome.did)}; {_plain(outcome.text)}"


def _since(record: Record) -> str:
    return _plain(record.opened.partition(" ")[0])


def _plain(text: str) -> str:
    """A record is a file that anybody may have written: nothing of it moves the cursor."""
    return quoted(text, columns=200)[1:-1]
