"""`hormesis init [DIR]`: describe a system of yours and ask two questions of it; never overwrites.

A kind of system is one row of ``OF_KIND``, the arguments that it has, and one of ``_FILES``, what writes it.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from harness.errors import Refused
from harness.frontends.arguments import usage, wrong
from harness.frontends.streams import say
from harness.verdict.codes import EXIT_CODE

_ANSWERS: Mapping[str, str | bool] = {
    "decision": "/prediction",
    "decides": "number",
    "readiness": "tcp",
    "loop": False,
}
OF_KIND: Mapping[str, Mapping[str, str | bool]] = {
    "request": {
        "command": "{python} -m uvicorn app:app --app-dir {system} --port {port}",
        "route": "/predict",
        **_ANSWERS,
    },
    "stream": {
        "command": "{python} {system}/consumer.py",
        "records": "records",
        "decisions": "decisions",
        "id": "/id",
        **_ANSWERS,
    },
    "table": {
        "command": "{python} {system}/job.py {state}",
        "lands": "incoming/part-{number}.csv",
        "results": "scores.db:scores:part",
        "columns": "score",
        "worker": "",
    },
}
"""Arguments that only some kinds have, and what they are where they are not given."""


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where to (here)")
    parser.add_argument(
        "--kind",
        choices=tuple(OF_KIND),
        default="request",
        help="request: answers come back on the call; stream: a consumer on NATS JetStream; "
        "table: a job that scores partitions (%(default)s)",
    )
    parser.add_argument(
        "--command",
        help="what starts your program; {port} is the port that we choose, {system} is DIR, {state} a folder "
        f"of the run's own ({OF_KIND['request']['command']})",
    )
    parser.add_argument(
        "--unit", type=_unit, default={"example": 1}, metavar="JSON", help="a record that it takes"
    )
    _answering(parser)
    _streaming(parser)
    _landing(parser)
    parser.add_argument("--print", action="store_true", help="write nothing: show the files")


def _answering(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--loop", action="store_true", default=None, help="the command is a restart loop of yours"
    )
    parser.add_argument("--route", help="where records are posted (/predict)")
    parser.add_argument("--decision", metavar="POINTER", help="where the answer holds it (/prediction)")
    parser.add_argument("--decides", choices=("text", "number", "bool"), help="its kind (number)")
    parser.add_argument("--readiness", help="a route that answers 200 once it serves, or tcp (tcp)")


def _streaming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--records", metavar="SUBJECT", help="of a stream: where records are published (records)"
    )
    parser.add_argument("--decisions", metavar="SUBJECT", help="of a stream: where it decides (decisions)")
    parser.add_argument(
        "--id", metavar="PLACE", help="of a stream: a JSON Pointer or a header that holds the id (/id)"
    )


def _landing(parser: argparse.ArgumentParser) -> None:
    own = OF_KIND["table"]
    parser.add_argument(
        "--lands",
        metavar="PLACE",
        help=f"of a table: where partitions land: FOLDER/NAME or DATABASE:TABLE:COLUMN ({own['lands']})",
    )
    parser.add_argument(
        "--results", metavar="PLACE", help=f"of a table: where results are ({own['results']})"
    )
    parser.add_argument(
        "--columns", metavar="NAMES", help=f"of a table: what is compared, with commas ({own['columns']})"
    )
    parser.add_argument(
        "--worker",
        metavar="TEXT",
        help="of a table: the command is a loop of yours, and this stands in the command line of what works",
    )


def execute(arguments: argparse.Namespace, /) -> int:
    """Write the files, or show them; 5 where one of them is there."""
    _fill(arguments)
    files = _FILES[arguments.kind](arguments)
    if arguments.print:
        say("\n".join(f"# {name}\n{text}" for name, text in files.items()).rstrip())
        return EXIT_CODE["DONE"]
    folder: Path = arguments.folder
    try:
        if there := [name for name in files if os.path.lexists(folder / name)]:
            raise Refused(f"{folder / there[0]} is there; nothing is overwritten: name an empty folder")
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
                *_hints(arguments.unit, files),
                "next:",
                f"  hormesis validate {' '.join(str(folder / name) for name in _asked(files))}",
                f"  hormesis run {folder / 'kill.yaml'}",
            ]
        )
    )
    return EXIT_CODE["DONE"]


def _fill(arguments: argparse.Namespace) -> None:
    """Put in what the kind is used to; an argument of another kind is a mistake."""
    own = OF_KIND[arguments.kind]
    for name in sorted({name for kind in OF_KIND.values() for name in kind}):
        given = getattr(arguments, name)
        if given is not None and name not in own:
            kinds = " or ".join(kind for kind, names in OF_KIND.items() if name in names)
            raise usage(
                "HRM402",
                f"--{name} has no use for --kind {arguments.kind}",
                help_text=f"leave it out, or write --kind {kinds}",
            )
        setattr(arguments, name, own.get(name) if given is None else given)


def _command(text: str, word: str = "", why: str = "") -> tuple[str, ...]:
    """Split a command line in which ``word`` must stand, "" = none."""
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise usage("HRM402", f"--command: {error}", help_text="close each quote") from error
    if word and not any(word in one for one in command):
        help_text = f"write {word} where it goes"
        raise usage("HRM402", f"--command does not name {word}", why=why, help_text=help_text)
    return command


def _name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return name or "my-system"


def _stream(arguments: argparse.Namespace) -> dict[str, str]:
    from harness.frontends.stream_scaffold import StreamAnswers, scaffold_stream

    return scaffold_stream(
        StreamAnswers(
            name=_name(arguments.folder),
            command=_command(arguments.command),
            records=arguments.records,
            decisions=arguments.decisions,
            id=arguments.id,
            decision=arguments.decision,
            decides=arguments.decides,
            readiness=arguments.readiness,
            unit=arguments.unit,
            loop=arguments.loop,
        )
    )


def _request(arguments: argparse.Namespace) -> dict[str, str]:
    from harness.frontends.scaffold import Answers, scaffold

    why = "each run chooses a free port, so that two never meet"
    return scaffold(
        Answers(
            name=_name(arguments.folder),
            command=_command(arguments.command, "{port}", why),
            route=arguments.route,
            decision=arguments.decision,
            decides=arguments.decides,
            readiness=arguments.readiness,
            unit=arguments.unit,
            loop=arguments.loop,
        )
    )


def _table(arguments: argparse.Namespace) -> dict[str, str]:
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
            command=_command(arguments.command, "{state}", "its files lie in a folder of each run's own"),
            worker=arguments.worker,
            lands=places["lands"],
            results=places["results"],
            columns=tuple(name for name in arguments.columns.split(",") if name),
            unit=arguments.unit,
        )
    )


_FILES: Mapping[str, Callable[[argparse.Namespace], dict[str, str]]] = {
    "request": _request,
    "stream": _stream,
    "table": _table,
}


def _asked(files: Mapping[str, str]) -> list[str]:
    """The questions among the files."""
    return [name for name in files if name.endswith(".yaml") and name != "hormesis.yaml"]


def _hints(unit: Mapping[str, object], files: Mapping[str, str]) -> list[str]:
    if unit != {"example": 1}:
        return []
    units = next(name for name in files if name.endswith(".jsonl"))
    return [f"{units} holds a placeholder: put records there that it takes"]


def _unit(text: str) -> Mapping[str, object]:
    try:
        unit = msgspec.json.decode(text.encode())
    except (ValueError, RecursionError):  # what our loader would not take: NaN, half of a letter
        unit = None
    if not isinstance(unit, dict):
        raise wrong(text, 'is no JSON object (like {"rooms": 3})')
    return unit
