"""Files for other programs: JUnit, Markdown, OpenMetrics and the rest, each written whole or not at all.

Comes in: where each format goes, and what makes it. Goes out: files, or standard output.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Refused
from harness.frontends.arguments import usage
from harness.frontends.streams import say, say_exactly, tell

if TYPE_CHECKING:
    from harness.report.shown import Shown

FORMATS: Mapping[str, str] = {
    "html": "one self-contained HTML file",
    "json": "all figures, byte for byte as the store has them (`hormesis schema`)",
    "junit": "JUnit XML, for the test view of a CI service",
    "markdown": "Markdown, for a step summary or a chat",
    "openmetrics": "gauges, for a textfile collector or a push gateway",
}
SHARED = ("junit", "markdown", "openmetrics")
"""Formats that every kind of campaign has."""
STDOUT = Path("-")

Writers = Mapping[str, Callable[[], bytes]]


def add_formats(parser: argparse.ArgumentParser, names: tuple[str, ...] = tuple(FORMATS)) -> None:
    """Add an option for each format, and ``--strict``."""
    files = parser.add_argument_group("files", "any number of them; FILE may be - for standard output, once")
    for name in names:
        files.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {FORMATS[name]}")
    parser.add_argument(
        "--strict", action="store_true", help="with --junit: INCONCLUSIVE is a failure, not skipped"
    )


def wanted(arguments: argparse.Namespace, names: tuple[str, ...] = tuple(FORMATS)) -> dict[str, Path]:
    """Where which formats are to go; refuses words that say nothing, or two files in one."""
    found = {name: path for name in names if (path := getattr(arguments, name)) is not None}
    if arguments.strict and "junit" not in found:
        raise usage("HRM402", "--strict is about --junit", help_text="add --junit FILE, or leave it out")
    places = [path.absolute() for path in found.values()]
    if len(set(places)) < len(places):
        raise usage("HRM402", "two formats into one file", help_text="give each a name of its own")
    return found


def shared(shown: Shown, *, strict: bool) -> Writers:
    """The formats that every kind of campaign has."""
    from harness.report.junit import junit
    from harness.report.markdown import markdown
    from harness.report.openmetrics import openmetrics

    return {
        "junit": lambda: junit(shown, strict=strict).encode(),
        "markdown": lambda: markdown(shown).encode(),
        "openmetrics": lambda: openmetrics(shown).encode(),
    }


def write_all(places: Mapping[str, Path], writers: Writers) -> None:
    """Write every format, each made before the first is written, and say where they are."""
    made = {name: writers[name]() for name in places}
    for name, path in places.items():
        _write(path, made[name])
    for path in places.values():
        if path != STDOUT:
            (tell if STDOUT in places.values() else say)(str(path))


def _write(path: Path, content: bytes) -> None:
    """Write one file whole, or standard output; what stands there and is no file is never replaced."""
    from harness.run.writing import write_whole

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
