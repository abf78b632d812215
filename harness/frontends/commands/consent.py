"""`hormesis consent FILE`: show what of a system Hormesis itself would run; --give says yes to it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.frontends.streams import say
from harness.frontends.systems import named_system
from harness.report.words import inert
from harness.run.consent import VARIABLE, Item, digest_of, give, items_of, missing
from harness.run.modules import python_path
from harness.units import plural
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a hormesis.yaml")
    parser.add_argument("--give", action="store_true", help="consent to all of it, as it stands there now")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def execute(arguments: argparse.Namespace, /) -> int:
    """Print each item with its hashes; 5 where somebody has yet to consent."""
    file: Path = arguments.file
    system = named_system(str(file))
    items = items_of(system, file.parent, python_path(file.parent))
    kept = give(items, file) if arguments.give and items else None
    lacks = missing(items, file)
    if arguments.json:
        say(json.dumps(_document(items, lacks), indent=1))
    else:
        lines = [f"{system.name}: {_count(items)}", *(line for item in items for line in _lines(item, lacks))]
        if kept is not None:
            lines.append(f"consented; kept in {kept}")
        if items:
            lines.append(_next(file, items, given=not lacks))
        say("\n".join(map(inert, lines)))
    return EXIT_CODE["REFUSED" if lacks else "DONE"]


def _count(items: Sequence[Item]) -> str:
    if not items:
        return "Hormesis itself runs nothing of it but its services; no consent is needed"
    return f"{plural(len(items), 'thing')} that Hormesis itself would run"


def _lines(item: Item, lacks: dict[str, str]) -> list[str]:
    state = {"never": "not consented", "changed": "changed since a consent"}.get(
        lacks.get(item.place, ""), "ok"
    )
    if lacks and item.place not in lacks:
        state = "as it was"
    lines = [f"  {item.place:<18}{' '.join(item.words)}  ({state})"]
    lines += [f"  {'':<18}{sha256[:12]}  {name}" for name, sha256 in item.files.items()]
    lines += [f"  {'':<18}{'not pinned':<12}  {word}" for word in item.unpinned]
    return lines


def _next(file: Path, items: Sequence[Item], *, given: bool) -> str:
    if given:
        return f"a job says {VARIABLE}={digest_of(items)}"
    return f"yes to all of it: hormesis consent {file} --give; a job says {VARIABLE}={digest_of(items)}"


def _document(items: Sequence[Item], lacks: dict[str, str]) -> dict[str, object]:
    return {
        "sha256": digest_of(items) if items else "",
        "missing": lacks,
        "items": [{**msgspec.structs.asdict(item), "sha256": item.sha256} for item in items],
    }
