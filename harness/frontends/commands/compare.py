"""`hormesis compare A B`: what changed between two stored campaigns, and what came of it. No verdict."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import Refused, Untrustworthy
from harness.frontends.streams import say
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE

BY = ("class", "phase")


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("a", metavar="A", help="a campaign's folder, or its id in the store: compared with")
    parser.add_argument("b", metavar="B", help="the other one: what has become of it")
    parser.add_argument(
        "--by", choices=BY, default=BY[0], help="figures of classes (class), or of detect, act, settle"
    )
    parser.add_argument("--json", action="store_true", help="print all of it as one JSON document")
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Compare and print; exit 0 where it could, whatever it says."""
    import msgspec

    from harness.archive.compare_text import comparison_text
    from harness.archive.comparing import UNTRUSTED, compare
    from harness.archive.reading import read_side

    store = arguments.store or store_root()
    sides = [read_side(store, name) for name in (arguments.a, arguments.b)]
    if arguments.by == "phase" and any(side.identity.kind == "pairs" for side in sides):
        raise Refused(
            "the rows of a campaign of pairs hold no phases; compare by class, or the runs kept whole: "
            "CAMPAIGN/kept"
        )
    found = compare(*sides)
    if arguments.json:
        # Keys of no map are names of others, so the same two campaigns give the same bytes.
        say(msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=1).decode())
    else:
        say(comparison_text(found, arguments.by))
    if not found.refused:
        return EXIT_CODE["DONE"]
    why = f"they cannot be compared: {'; '.join(found.refused)}"
    raise (Untrustworthy if any(side.word in UNTRUSTED for side in sides) else Refused)(why)
