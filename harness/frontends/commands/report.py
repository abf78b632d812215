"""`hormesis report RUN`: a stored run, or a campaign of pairs, as a table, or as files for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Refused
from harness.frontends.arguments import usage
from harness.frontends.streams import say, say_exactly, tell
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.campaign.table import Table
    from harness.report.document import Document
    from harness.report.shown import Shown
    from harness.verdict.model import Verdict

FORMATS: Mapping[str, str] = {
    "html": "one self-contained HTML file",
    "json": "all figures, byte for byte as the store has them (`hormesis schema`)",
    "junit": "JUnit XML, for the test view of a CI service",
    "markdown": "Markdown, for a step summary or a chat",
    "openmetrics": "gauges, for a textfile collector or a push gateway",
}
STDOUT = Path("-")


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("run", metavar="RUN", help="a campaign's folder, or its id in the store")
    files = parser.add_argument_group("files", "any number of them; FILE may be - for standard output, once")
    for name, what in FORMATS.items():
        files.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {what}")
    parser.add_argument(
        "--strict", action="store_true", help="with --junit: INCONCLUSIVE is a failure, not skipped"
    )
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Show it; exit 0 when shown, whatever the verdict was (`analyse` gives the verdict's code)."""
    from harness.campaign.parts import outcome_of

    wanted = {name: path for name in FORMATS if (path := getattr(arguments, name)) is not None}
    _check(wanted, strict=arguments.strict)
    pairs = outcome_of(arguments.store or store_root(), arguments.run)
    writers, text = _of_run(arguments) if pairs is None else _of_pairs(*pairs, arguments)
    if not wanted:
        say(text())
        return EXIT_CODE["DONE"]
    for name in wanted.keys() - writers.keys():
        raise usage(
            "HRM402",
            f"--{name}: a campaign of pairs has no such page",
            help_text=f"it has {', '.join(f'--{known}' for known in writers)}",
        )
    made = {name: writers[name]() for name in wanted}  # all of them before the first is written
    for name, path in wanted.items():
        _write(path, made[name])
    for path in wanted.values():
        if path != STDOUT:
            (tell if STDOUT in wanted.values() else say)(str(path))
    return EXIT_CODE["DONE"]


_Writers = Mapping[str, Callable[[], bytes]]


def _check(wanted: Mapping[str, Path], *, strict: bool) -> None:
    """Refuse words that say nothing, or two files in one."""
    if strict and "junit" not in wanted:
        raise usage("HRM402", "--strict is about --junit", help_text="add --junit FILE, or leave it out")
    places = [path.absolute() for path in wanted.values()]
    if len(set(places)) < len(places):
        raise usage("HRM402", "two formats into one file", help_text="give each a name of its own")


def _of_run(arguments: argparse.Namespace) -> tuple[_Writers, Callable[[], str]]:
    from harness.frontends.outcome import stored, table
    from harness.report.compose import encode
    from harness.report.shown import shown

    def page(document: Document) -> bytes:
        from harness.report.html import render

        return render(document).encode()

    document = stored(arguments.store, arguments.run)
    writers = {"html": partial(page, document), "json": partial(encode, document)}
    return {**writers, **_shared(shown(document), strict=arguments.strict)}, partial(table, document)


def _of_pairs(
    table: Table, verdict: Verdict, arguments: argparse.Namespace
) -> tuple[_Writers, Callable[[], str]]:
    from harness.campaign.shown import shown
    from harness.campaign.table import encode
    from harness.campaign.text import outcome_text

    name = Path(arguments.run).absolute().name
    shared = _shared(shown(table, verdict, name), strict=arguments.strict)
    return {"json": partial(encode, table), **shared}, partial(outcome_text, table, verdict)


def _shared(shown: Shown, *, strict: bool) -> _Writers:
    """The formats that runs and campaigns of pairs have in common."""
    from harness.report.junit import junit
    from harness.report.markdown import markdown
    from harness.report.openmetrics import openmetrics

    return {
        "junit": lambda: junit(shown, strict=strict).encode(),
        "markdown": lambda: markdown(shown).encode(),
        "openmetrics": lambda: openmetrics(shown).encode(),
    }


def _write(path: Path, content: bytes) -> None:
    """Write one file whole, or standard output; what stands there and is no file is never replaced."""
    from harness.run.campaign import write_whole

    if path == STDOUT:
        say_exactly(content)
        return
    try:
        # A link may lead to a file that something else holds open, as /dev/stdout does.
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise OSError(0, "it is a link, or no file (write - for standard output)")
        write_whole(path, content)
    except (OSError, ValueError) as error:
        raise Refused(f"cannot write {path}: {_words(error)}") from error


def _words(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
