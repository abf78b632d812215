"""`hormesis history list|trend|site`: all campaigns of a store, how classes went on, a static site."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.frontends.arguments import usage, wrong
from harness.frontends.streams import say, tell
from harness.run.root import store_root
from harness.units import plural
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.archive.entry import Entry
    from harness.archive.trends import Series

VERBS = ("list", "trend", "site")
_DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "verb",
        metavar="VERB",
        choices=VERBS,
        help="list: a line a campaign; trend: each class over all campaigns; site: static pages",
    )
    parser.add_argument(
        "--since", type=_day, metavar="DAY", help="leave out what was begun before this day, UTC (2026-11-24)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the site is written (with site)")
    parser.add_argument("--json", action="store_true", help="print one JSON document (list and trend)")
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Show or write it; exit 0 whatever the verdicts were, and whatever is damaged, which is shown."""
    store = arguments.store or store_root()
    if arguments.verb == "site":
        return _site(arguments, store)
    if arguments.out is not None:
        raise usage("HRM402", f"{arguments.verb} writes no files", help_text="leave out --out, or say: site")
    from harness.archive.entries import entries
    from harness.archive.listing import list_text, trend_text
    from harness.archive.trends import series

    listed = _since(entries(store), arguments.since)
    if arguments.verb == "list":
        say(_json(campaigns=listed) if arguments.json else list_text(listed))
        return EXIT_CODE["DONE"]
    trends = series(listed)
    unread = [entry for entry in listed if entry.state != "whole"]
    say(_json(series=trends, unread=unread) if arguments.json else trend_text(trends))
    for entry in unread:
        tell(f"{entry.state}, in no trend: {entry.id}: {entry.why}")
    return EXIT_CODE["DONE"]


def _site(arguments: argparse.Namespace, store: Path) -> int:
    if arguments.out is None:
        raise usage("HRM402", "site needs a folder", help_text="hormesis history site --out DIR")
    if arguments.json or arguments.since is not None:
        raise usage("HRM402", "site takes all of a store, as pages", help_text="leave out --json and --since")
    from harness.archive.publishing import publish

    pages = publish(store, arguments.out)
    tell(plural(pages, "page"))
    say(str(arguments.out / "index.html"))
    return EXIT_CODE["DONE"]


def _since(listed: Sequence[Entry], day: str | None) -> Sequence[Entry]:
    """What was begun on that day or later; what has no date is kept, for nobody knows."""
    return listed if day is None else [e for e in listed if not e.started_utc or e.started_utc >= day]


def _json(**parts: Sequence[Entry] | Sequence[Series]) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode({"version": 1, **parts}), indent=1).decode()


def _day(text: str) -> str:
    if not _DAY.fullmatch(text):
        raise wrong(text, "is no day (2026-11-24)")
    return text
