"""`hormesis report RUN`: a stored run, or a campaign of pairs, as a table; a run as one HTML file, too."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import Refused
from harness.frontends.streams import say
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("run", metavar="RUN", help="a campaign's folder, or its id in the store")
    parser.add_argument("--html", type=Path, metavar="PATH", help="write one self-contained HTML file")
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Show it; exit 0 when shown, whatever the verdict was (`analyse` gives the verdict's code)."""
    from harness.campaign.parts import outcome_of
    from harness.campaign.text import outcome_text
    from harness.frontends.outcome import stored, table

    pairs = outcome_of(arguments.store or store_root(), arguments.run)
    if pairs is not None and arguments.html is None:
        say(outcome_text(*pairs))
        return EXIT_CODE["DONE"]
    document = stored(arguments.store, arguments.run)
    if arguments.html is None:
        say(table(document))
        return EXIT_CODE["DONE"]
    from harness.report.html import render

    try:
        arguments.html.write_text(render(document), encoding="utf-8")
    except OSError as error:
        raise Refused(f"cannot write {arguments.html}: {(error.strerror or str(error)).lower()}") from error
    say(str(arguments.html))
    return EXIT_CODE["DONE"]
