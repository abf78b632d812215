"""`hormesis explain code [CODE]`: the table of exit codes, words and message codes, or one of them."""

from __future__ import annotations

import argparse

from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.experiment.messages import MESSAGES
from harness.frontends.arguments import usage
from harness.frontends.streams import say
from harness.verdict.codes import CODES, EXIT_CODE, Code


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("kind", choices=("code",), help="what to explain")
    parser.add_argument("code", nargs="?", help="an exit code (4), a word (VOID) or a message code (HRM211)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Print one code, or the tables."""
    say(_tables() if arguments.code is None else _one(arguments.code))
    return EXIT_CODE["DONE"]


def _tables() -> str:
    exits = [f"  {row.code:>3}  {row.word:<13}{row.what}" for row in CODES]
    messages = [f"  {code}  {message.what}" for code, message in MESSAGES.items()]
    return "\n".join(
        [
            "exit codes:",
            *exits,
            "",
            "message codes:",
            *messages,
            "",
            "one in full: hormesis explain code CODE",
        ]
    )


def _one(code: str) -> str:
    word = code.strip().upper()
    for row in CODES:
        if word in (str(row.code), row.word) or (word == "DONE" and row.code == EXIT_CODE["DONE"]):
            return _exit_text(row)
    message = MESSAGES.get(word)
    if message is not None:
        return f"{word}  {message.what}\n  why:         {message.why}\n  how to mend: {message.mend}"
    known = (*(row.word for row in CODES), *MESSAGES)
    listed = advice(word, known).split(" Known:")[0] if advice(word, known).startswith("did") else ""
    raise usage(
        "HRM402", f"unknown code {quoted(code)}", help_text=f"{listed} See: hormesis explain code".strip()
    )


def _exit_text(row: Code) -> str:
    return f"{row.code}  {row.word}\n  what: {row.what}\n  when: {row.when}\n  next: {row.next}"
