"""`hormesis explain [KIND] [NAME]`: tables of faults, placebos, codes, a system; one entry; a stored run."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from harness.errors import UsageProblem
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.experiment.messages import MESSAGES
from harness.faults.catalog import FAULTS
from harness.frontends.arguments import usage
from harness.frontends.catalogue import catalogue, catalogue_json, fault_text, system_text
from harness.frontends.streams import say
from harness.frontends.systems import named_system
from harness.verdict.codes import CODES, EXIT_CODE, Code

KINDS = ("fault", "placebo", "code", "system", "run")


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        help=f"what to explain: {', '.join(KINDS)}; or a name of one; left out: all of them",
    )
    parser.add_argument(
        "name",
        nargs="?",
        help="a fault (network.latency), an exit code (4), a word (VOID), a message code (HRM211), "
        "after 'system' a system file (the bundled one if left out), after 'run' a campaign's folder or id",
    )
    parser.add_argument("--json", action="store_true", help="print the table of faults as JSON")


def execute(arguments: argparse.Namespace, /) -> int:
    """Print one entry, or a table."""
    kind, name = arguments.kind, arguments.name
    if kind is None and not arguments.json:
        say("\n\n".join([catalogue(placebo=False), catalogue(placebo=True), _tables()]))
        return EXIT_CODE["DONE"]
    kind = kind or KINDS[0]
    if kind not in KINDS and name is None:
        kind, name = _kind_of(kind), kind
    if kind not in KINDS:
        raise _unknown("kind", kind, KINDS)
    if arguments.json and kind in ("code", "system", "run"):
        raise usage("HRM402", f"'{kind}' has no JSON", help_text="See: hormesis explain --help")
    if kind == "run":
        say(_run(name))
    elif kind == "code":
        say(_tables() if name is None else _one(name))
    elif kind == "system":
        say(system_text(named_system(name)))
    elif name is not None and name not in FAULTS:
        raise _unknown("fault", name, FAULTS)
    elif arguments.json:
        say(catalogue_json(name, placebo=kind == "placebo"))
    else:
        say(catalogue(placebo=kind == "placebo") if name is None else fault_text(FAULTS[name]))
    return EXIT_CODE["DONE"]


def _run(name: str | None) -> str:
    """Explain a stored campaign from its record: why this word, the worst run, what would settle it."""
    if name is None:
        raise usage("HRM402", "which run?", help_text="name a campaign: explain run reports/runs/CAMPAIGN")
    from harness.frontends.outcome import stored
    from harness.history.store import find_campaign
    from harness.report.explained import explained
    from harness.run.root import store_root

    return explained(stored(None, name), find_campaign(store_root(), name))


def _kind_of(name: str) -> str:
    """Guess the kind of a name that stands alone: ``4``, ``VOID``, ``HRM211``, ``process.kill``."""
    if "." in name:
        return "fault"
    word = name.strip().upper()
    codes = {str(row.code) for row in CODES} | {row.word for row in CODES} | {"DONE", *MESSAGES}
    return "code" if word in codes else name


def _unknown(what: str, name: str, known: Iterable[str]) -> UsageProblem:
    help_text = f"{advice(name, known)}. See: hormesis explain --help"
    return usage("HRM402", f"unknown {what} {quoted(name)}", help_text=help_text)


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
