"""`hormesis init [DIR]`: describe a system of yours and ask two questions of it; never overwrites.

A kind of system is one row of ``OF_KIND``, the arguments that it has, and one of ``_FILES``, what writes it.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.errors import Refused
from harness.frontends.arguments import usage
from harness.frontends.streams import say
from harness.verdict.codes import EXIT_CODE

OF_KIND = {
    "request": {
        "command": "{python} -m uvicorn app:app --app-dir {system} --port {port}",
        "route": "/predict",
    },
    "stream": {
        "command": "{python} {system}/consumer.py",
        "records": "records",
        "decisions": "decisions",
        "id": "/id",
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
        help="request: answers come back on the call; stream: a consumer on NATS JetStream (%(default)s)",
    )
    parser.add_argument(
        "--command",
        help="what starts your program; {port} is the port that we choose, {system} is DIR "
        f"({OF_KIND['request']['command']})",
    )
    parser.add_argument("--loop", action="store_true", help="the command is a restart loop of yours")
    parser.add_argument("--route", help="where records are posted (/predict)")
    parser.add_argument(
        "--records", metavar="SUBJECT", help="of a stream: where records are published (records)"
    )
    parser.add_argument("--decisions", metavar="SUBJECT", help="of a stream: where it decides (decisions)")
    parser.add_argument(
        "--id", metavar="PLACE", help="of a stream: a JSON Pointer or a header that holds the id (/id)"
    )
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
    _fill(arguments)
    files = _FILES[arguments.kind](arguments)
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


def _command(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise usage("HRM402", f"--command: {error}", help_text="close each quote") from error


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

    command = _command(arguments.command)
    if not any("{port}" in word for word in command):
        raise usage(
            "HRM402",
            "--command does not name {port}",
            why="each run chooses a free port, so that two never meet",
            help_text="write {port} where the port goes",
        )
    return scaffold(
        Answers(
            name=_name(arguments.folder),
            command=command,
            route=arguments.route,
            decision=arguments.decision,
            decides=arguments.decides,
            readiness=arguments.readiness,
            unit=arguments.unit,
            loop=arguments.loop,
        )
    )


_FILES: Mapping[str, Callable[[argparse.Namespace], dict[str, str]]] = {
    "request": _request,
    "stream": _stream,
}


def _asked(files: Mapping[str, str]) -> list[str]:
    """The questions among the files."""
    return [name for name in files if name.endswith(".yaml") and name != "hormesis.yaml"]


def _hints(unit: Mapping[str, object], files: Mapping[str, str]) -> list[str]:
    if unit != {"example": 1}:
        return []
    units = next(name for name in files if name.endswith(".jsonl"))
    return [f"{units} holds a placeholder: put records there that your system takes"]


def _unit(text: str) -> Mapping[str, object]:
    try:
        unit = json.loads(text)
    except ValueError:
        unit = None
    if not isinstance(unit, dict):
        raise argparse.ArgumentTypeError('give a JSON object, like {"rooms": 3}')
    return unit
