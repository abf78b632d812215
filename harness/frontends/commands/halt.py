"""`hormesis halt`: stop every run of a store and let none begin, until it is released with a reason."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import Refused
from harness.frontends.arguments import usage
from harness.frontends.streams import say
from harness.guard.halt import halt, is_halted, release
from harness.shell import store_root
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the store")
    parser.add_argument(
        "--store",
        type=Path,
        action="append",
        metavar="DIR",
        help="which store, may be given again (HORMESIS_STORE, reports/runs)",
    )
    parser.add_argument("--release", action="store_true", help="let runs begin again")


def execute(arguments: argparse.Namespace, /) -> int:
    """Halt or release every named store; one that cannot be written does not keep the others from it."""
    if not arguments.reason.strip():
        raise usage("HRM402", "--reason is empty", help_text="say why, for whoever comes next")
    failed = []
    for store in arguments.store or [store_root()]:
        try:
            say(_release(store, arguments.reason) if arguments.release else _halt(store, arguments.reason))
        except OSError as error:
            failed.append(f"{store}: {error.strerror}")
    if failed:
        raise Refused(f"not {'released' if arguments.release else 'halted'}: {'; '.join(failed)}")
    return EXIT_CODE["DONE"]


def _halt(store: Path, reason: str) -> str:
    halt(store, reason)
    return f"{store} is halted: runs under way stop within a second, undo and end VOID; none begins"


def _release(store: Path, reason: str) -> str:
    release(store, reason)
    if is_halted(store):
        raise Refused(f"{store} is halted again already; nothing was released")
    return f"{store} is released"
