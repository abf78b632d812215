"""`hormesis init [DIR]`: describe a system of yours and ask two questions of it; never overwrites."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Refused
from harness.frontends.arguments import usage
from harness.frontends.streams import say
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.frontends.scaffold import Answers

COMMAND = "{python} -m uvicorn app:app --app-dir {system} --port {port}"


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where to (here)")
    parser.add_argument(
        "--command",
        default=COMMAND,
        help="what starts your server; {port} is the port that we choose, {system} is DIR (%(default)s)",
    )
    parser.add_argument("--loop", action="store_true", help="the command is a restart loop of yours")
    parser.add_argument("--route", default="/predict", help="where records are posted (%(default)s)")
    parser.add_argument(
        "--decision", default="/prediction", metavar="POINTER", help="where the answer holds it (%(default)s)"
    )
    parser.add_argument(
        "--decides", choices=("text", "number", "bool"), default="number", help="its kind (%(default)s)"
    )
    parser.add_argument(
        "--readiness", default="tcp", help="a route that answers 200 once it serves, or tcp (%(default)s)"
    )
    parser.add_argument(
        "--unit", type=_unit, default={"example": 1}, metavar="JSON", help="a record that your server takes"
    )
    parser.add_argument("--print", action="store_true", help="write nothing: show the files")


def execute(arguments: argparse.Namespace, /) -> int:
    """Write the files, or show them; 5 where one of them is there."""
    from harness.frontends.scaffold import scaffold

    files = scaffold(_answers(arguments))
    if arguments.print:
        say("\n".join(f"# {name}\n{text}" for name, text in files.items()).rstrip())
        return EXIT_CODE["DONE"]
    folder: Path = arguments.folder
    if there := [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]:
        raise Refused(f"{folder / there[0]} is there; nothing is overwritten: name an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise Refused(f"cannot write into {folder}: {(error.strerror or str(error)).lower()}") from error
    say(
        "\n".join(
            [
                f"wrote {', '.join(files)} into {folder}",
                *_hints(arguments.unit),
                "next:",
                f"  hormesis validate {folder / 'kill.yaml'} {folder / 'hang.yaml'}",
                f"  hormesis run {folder / 'kill.yaml'}",
            ]
        )
    )
    return EXIT_CODE["DONE"]


def _answers(arguments: argparse.Namespace) -> Answers:
    from harness.frontends.scaffold import Answers

    try:
        command = tuple(shlex.split(arguments.command))
    except ValueError as error:
        raise usage("HRM402", f"--command: {error}", help_text="close each quote") from error
    if not any("{port}" in word for word in command):
        raise usage(
            "HRM402",
            "--command does not name {port}",
            why="each run chooses a free port, so that two never meet",
            help_text="write {port} where the port goes",
        )
    name = re.sub(r"[^a-z0-9]+", "-", arguments.folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return Answers(
        name=name or "my-system",
        command=command,
        route=arguments.route,
        decision=arguments.decision,
        decides=arguments.decides,
        readiness=arguments.readiness,
        unit=arguments.unit,
        loop=arguments.loop,
    )


def _hints(unit: Mapping[str, object]) -> list[str]:
    if unit != {"example": 1}:
        return []
    return ["requests.jsonl holds a placeholder: put records there that your server takes"]


def _unit(text: str) -> Mapping[str, object]:
    try:
        unit = json.loads(text)
    except ValueError:
        unit = None
    if not isinstance(unit, dict):
        raise argparse.ArgumentTypeError('give a JSON object, like {"rooms": 3}')
    return unit
