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

SERVER = "{python} -m uvicorn app:app --app-dir {system} --port {port}"
JOB = "{python} {system}/job.py {state}"


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where to (here)")
    parser.add_argument(
        "--kind",
        choices=("request", "table"),
        default="request",
        help="a server that answers, or a job that scores partitions (%(default)s)",
    )
    parser.add_argument(
        "--command",
        help="what starts it; {port} is the port that we choose, {system} is DIR, {state} a folder of "
        f"the run's own ({SERVER}; table: {JOB})",
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
    parser.add_argument(
        "--worker",
        default="",
        metavar="TEXT",
        help="table: the command is a loop of yours, and this is in the command line of what works below it",
    )
    parser.add_argument(
        "--lands",
        default="incoming/part-{number}.csv",
        metavar="PLACE",
        help="table: where partitions land: FOLDER/NAME or DATABASE:TABLE:COLUMN (%(default)s)",
    )
    parser.add_argument(
        "--results",
        default="scores.db:scores:part",
        metavar="PLACE",
        help="table: where results are (%(default)s)",
    )
    parser.add_argument(
        "--columns",
        default="score",
        metavar="NAMES",
        help="table: what is compared, with commas (%(default)s)",
    )
    parser.add_argument("--print", action="store_true", help="write nothing: show the files")


def execute(arguments: argparse.Namespace, /) -> int:
    """Write the files, or show them; 5 where one of them is there."""
    files = _table_files(arguments) if arguments.kind == "table" else _files(arguments)
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
                *_hints(arguments.unit, next(name for name in files if name.endswith(".jsonl"))),
                "next:",
                f"  hormesis validate {folder / 'kill.yaml'} {folder / 'hang.yaml'}",
                f"  hormesis run {folder / 'kill.yaml'}",
            ]
        )
    )
    return EXIT_CODE["DONE"]


def _files(arguments: argparse.Namespace) -> dict[str, str]:
    from harness.frontends.scaffold import scaffold

    return scaffold(_answers(arguments))


def _table_files(arguments: argparse.Namespace) -> dict[str, str]:
    from harness.frontends.scaffold_table import TableAnswers, place_of, scaffold_table

    places = {}
    for key in ("lands", "results"):
        place = place_of(getattr(arguments, key))
        if place is None or place["name"].count("{number}") != 1:
            raise usage(
                "HRM402",
                f"--{key} names no place of partitions",
                why="each has a number of its own",
                help_text="write FOLDER/NAME with {number} in the name, or DATABASE:TABLE:COLUMN",
            )
        places[key] = place
    return scaffold_table(
        TableAnswers(
            name=_name(arguments.folder),
            command=_command(
                arguments.command or JOB, "{state}", "its files lie in a folder of each run's own"
            ),
            worker=arguments.worker,
            lands=places["lands"],
            results=places["results"],
            columns=tuple(name for name in arguments.columns.split(",") if name),
            unit=arguments.unit,
        )
    )


def _command(text: str, word: str, why: str) -> tuple[str, ...]:
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise usage("HRM402", f"--command: {error}", help_text="close each quote") from error
    if not any(word in one for one in command):
        help_text = f"write {word} where it goes"
        raise usage("HRM402", f"--command does not name {word}", why=why, help_text=help_text)
    return command


def _name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return name or "my-system"


def _answers(arguments: argparse.Namespace) -> Answers:
    from harness.frontends.scaffold import Answers

    why = "each run chooses a free port, so that two never meet"
    return Answers(
        name=_name(arguments.folder),
        command=_command(arguments.command or SERVER, "{port}", why),
        route=arguments.route,
        decision=arguments.decision,
        decides=arguments.decides,
        readiness=arguments.readiness,
        unit=arguments.unit,
        loop=arguments.loop,
    )


def _hints(unit: Mapping[str, object], file: str) -> list[str]:
    if unit != {"example": 1}:
        return []
    return [f"{file} holds a placeholder: put records there that it takes"]


def _unit(text: str) -> Mapping[str, object]:
    try:
        unit = json.loads(text)
    except ValueError:
        unit = None
    if not isinstance(unit, dict):
        raise argparse.ArgumentTypeError('give a JSON object, like {"rooms": 3}')
    return unit
