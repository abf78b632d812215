"""`hormesis analyse RUN`: every figure again, from the stored history alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.frontends.streams import say, say_exactly


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("run", metavar="RUN", help="a campaign's folder, or its id in the store")
    parser.add_argument("--json", action="store_true", help="print what report.json holds, byte for byte")
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Compute and print; the exit code is the verdict's."""
    from harness.frontends.outcome import stored, table
    from harness.report.compose import encode

    document = stored(arguments.store, arguments.run)
    if arguments.json:
        say_exactly(encode(document))
    else:
        say(table(document))
    return document.verdict.exit_code
