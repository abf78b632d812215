"""`hormesis report RUN`: a stored run, or a campaign of pairs, as a table, or as files for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.frontends.arguments import usage
from harness.frontends.formats import STDOUT, Writers, add_formats, shared, wanted, write_all
from harness.frontends.streams import say, tell
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.campaign.table import Table
    from harness.report.document import Document
    from harness.verdict.model import Verdict


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("run", metavar="RUN", help="a campaign's folder, or its id in the store")
    add_formats(parser)
    parser.add_argument(
        "--mlflow", metavar="URI", help="log it as one run of that MLflow tracking store (extra mlflow)"
    )
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Show it; exit 0 when shown, whatever the verdict was (`analyse` gives the verdict's code)."""
    from harness.archive.reading import pairs_folder
    from harness.campaign.parts import outcome_of, unfinished
    from harness.frontends.outcome import stored

    places, store = wanted(arguments), arguments.store or store_root()
    pairs = outcome_of(store, arguments.run)
    if pairs is None and (folder := pairs_folder(store, arguments.run)):
        raise usage("HRM403", *unfinished(folder))
    writers, text = _of_run(arguments) if pairs is None else _of_pairs(*pairs, arguments)
    asked = {*places, *(["mlflow"] if arguments.mlflow else [])}
    if not asked:
        say(text())
        return EXIT_CODE["DONE"]
    for name in asked - {*writers, *(["mlflow"] if pairs is None else [])}:
        raise usage(
            "HRM402",
            f"--{name}: a campaign of pairs has no such page",
            help_text=f"it has {', '.join(f'--{known}' for known in writers)}",
        )
    write_all(places, writers)
    if arguments.mlflow:
        from harness.frontends.tracking import track

        logged = track(stored(arguments.store, arguments.run), arguments.mlflow, writers)
        (tell if STDOUT in places.values() else say)(logged)
    return EXIT_CODE["DONE"]


def _of_run(arguments: argparse.Namespace) -> tuple[Writers, Callable[[], str]]:
    from harness.frontends.outcome import stored, table
    from harness.report.compose import encode
    from harness.report.shown import shown

    def page(document: Document) -> bytes:
        from harness.report.html import render

        return render(document).encode()

    document = stored(arguments.store, arguments.run)
    writers = {"html": partial(page, document), "json": partial(encode, document)}
    return {**writers, **shared(shown(document), strict=arguments.strict)}, partial(table, document)


def _of_pairs(
    table: Table, verdict: Verdict, arguments: argparse.Namespace
) -> tuple[Writers, Callable[[], str]]:
    from harness.campaign.shown import shown
    from harness.campaign.table import encode
    from harness.campaign.text import outcome_text

    name = Path(arguments.run).absolute().name
    others = shared(shown(table, verdict, name), strict=arguments.strict)
    return {"json": partial(encode, table), **others}, partial(outcome_text, table, verdict)
