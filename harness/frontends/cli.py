"""The command ``hormesis``: a table of commands, and the one place where errors become exit codes.

Comes in: the arguments of a shell. Goes out: an exit code by the table ``harness.verdict.codes``.
Start-up is kept small on purpose: a command is imported when it is called, and a measuring library
only by what measures (a test lists the imported modules).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import harness
from harness.errors import Refused, Unsafe, Untrustworthy, UsageProblem
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.frontends.arguments import Parser, usage
from harness.frontends.signals import Signals
from harness.frontends.streams import lost_output, prepare, say, tell
from harness.frontends.trust import admit, is_contributor, refuse_modules_of
from harness.frontends.wording import usage_text
from harness.run.root import work_tree
from harness.verdict.codes import EXIT_CODE


class Command(Protocol):
    """What a module of ``commands/`` holds."""

    def configure(self, parser: argparse.ArgumentParser, /) -> None:
        """Add the arguments."""
        ...

    def execute(self, arguments: argparse.Namespace, /) -> int:
        """Do it; gives the exit code."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table of commands."""

    summary: str
    examples: tuple[str, ...]
    load: Callable[[], Command]


def _run() -> Command:
    from harness.frontends.commands import run

    return run


def _campaign() -> Command:
    from harness.frontends.commands import campaign

    return campaign


def _gate() -> Command:
    from harness.frontends.commands import gate

    return gate


def _init() -> Command:
    from harness.frontends.commands import init

    return init


def _doctor() -> Command:
    from harness.frontends.commands import doctor

    return doctor


def _consent() -> Command:
    from harness.frontends.commands import consent

    return consent


def _calibrate() -> Command:
    from harness.frontends.commands import calibrate

    return calibrate


def _search() -> Command:
    from harness.frontends.commands import search

    return search


def _analyse() -> Command:
    from harness.frontends.commands import analyse

    return analyse


def _report() -> Command:
    from harness.frontends.commands import report

    return report


def _compare() -> Command:
    from harness.frontends.commands import compare

    return compare


def _history() -> Command:
    from harness.frontends.commands import history

    return history


def _replay() -> Command:
    from harness.frontends.commands import replay

    return replay


def _validate() -> Command:
    from harness.frontends.commands import validate

    return validate


def _schema() -> Command:
    from harness.frontends.commands import schema

    return schema


def _plan() -> Command:
    from harness.frontends.commands import plan

    return plan


def _demo() -> Command:
    from harness.frontends.commands import demo

    return demo


def _undo() -> Command:
    from harness.frontends.commands import undo

    return undo


def _halt() -> Command:
    from harness.frontends.commands import halt

    return halt


def _explain() -> Command:
    from harness.frontends.commands import explain

    return explain


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry(
        "hurt the bundled pipeline for seven minutes and show how it recovers",
        ("hormesis demo", "hormesis demo --story faults"),
        _demo,
    ),
    "init": Entry(
        "write the files that describe a system of yours, and two questions about it",
        (
            "hormesis init my-check",
            "hormesis init my-job --kind table --columns score",
        ),
        _init,
    ),
    "doctor": Entry(
        "say what can be measured here and of a system, what is lost, and how to mend it",
        ("hormesis doctor", "hormesis doctor hormesis.yaml --json"),
        _doctor,
    ),
    "consent": Entry(
        "show what of a system Hormesis itself would run (world, hooks, reset), and say yes to it",
        ("hormesis consent hormesis.yaml", "hormesis consent hormesis.yaml --give"),
        _consent,
    ),
    "run": Entry(
        "run an experiment: inject its faults, measure, judge, report",
        ("hormesis run experiments/smoke/kill-one.yaml", "hormesis run FILE --target local --seed 7 --json"),
        _run,
    ),
    "campaign": Entry(
        "run many pairs of arms on a virtual clock, on all processors, until a table is exact enough",
        (
            "hormesis campaign experiments/smoke/kill-one.yaml --pairs 100",
            "hormesis campaign FILE --precision 0.1 --scheduler tcp://127.0.0.1:8786",
        ),
        _campaign,
    ),
    "gate": Entry(
        "judge a campaign against a baseline: is this version worse? evidence in one word",
        (
            "hormesis gate CAMPAIGN --keep baseline.json",
            "hormesis gate CAMPAIGN --baseline baseline.json --ledger ledger.json",
        ),
        _gate,
    ),
    "calibrate": Entry(
        "measure what the processes of a system cost here, so that simulations take as long",
        (
            "hormesis calibrate experiments/smoke/kill-one.yaml --out costs.json",
            "hormesis calibrate FILE --out costs.json --store DIR",
        ),
        _calibrate,
    ),
    "search": Entry(
        "search for schedules of faults that break the healer; keep the smallest of each failure",
        (
            "hormesis search experiments/smoke/kill-one.yaml --episodes 500",
            "hormesis search FILE --episodes 2000 --seed 7 --json",
        ),
        _search,
    ),
    "validate": Entry(
        "check experiment files; imports nothing of yours, starts nothing",
        ("hormesis validate experiments/smoke/demo.yaml", "hormesis validate experiments/*/*.yaml --json"),
        _validate,
    ),
    "schema": Entry(
        "print the JSON Schema of a file, so that an editor completes and checks it",
        ("hormesis schema", "hormesis schema experiment"),
        _schema,
    ),
    "plan": Entry(
        "show what a run would do, when, where, and how each of it is undone; does nothing",
        ("hormesis plan experiments/smoke/demo.yaml --seed 7", "hormesis plan FILE --offline --json"),
        _plan,
    ),
    "analyse": Entry(
        "compute every figure again from a stored run",
        ("hormesis analyse reports/runs/RUN", "hormesis analyse RUN --json"),
        _analyse,
    ),
    "report": Entry(
        "show a stored run as a table, or write it as HTML, JSON, JUnit, Markdown, OpenMetrics",
        ("hormesis report RUN --html report.html", "hormesis report RUN --junit junit.xml --markdown -"),
        _report,
    ),
    "compare": Entry(
        "set two stored campaigns beside each other: what changed in the inputs, and in the figures",
        ("hormesis compare A B", "hormesis compare reports/runs/A reports/runs/B --by phase --json"),
        _compare,
    ),
    "history": Entry(
        "list the campaigns of a store, follow each class over them, or make a static site of them",
        ("hormesis history list --since 2026-11-01", "hormesis history site --out public"),
        _history,
    ),
    "replay": Entry(
        "do a stored run once more: on a virtual clock the same to the last bit; or tell it in words",
        ("hormesis replay reports/runs/CAMPAIGN/runs/RUN --trace", "hormesis replay RUN --until 12.5 --json"),
        _replay,
    ),
    "undo": Entry(
        "undo and prove what a killed run left open in a store",
        ("hormesis undo", "hormesis undo --list --store reports/runs"),
        _undo,
    ),
    "halt": Entry(
        "stop every run of a store and let none begin; --release lets them again",
        ("hormesis halt --reason paging", "hormesis halt --release --reason quiet --store reports/runs"),
        _halt,
    ),
    "explain": Entry(
        "say what a fault, a placebo or a code is, what a fault can hit, and why a run ended as it did",
        ("hormesis explain fault network.latency", "hormesis explain run reports/runs/CAMPAIGN"),
        _explain,
    ),
}
NEXT_STEPS = """\
hormesis hurts a self-healing ML pipeline on purpose and measures how it recovers.

likely next steps:
  hormesis demo                                   see it work, in seven minutes
  hormesis plan experiments/smoke/demo.yaml       what it would do, and how each of it is undone
  hormesis run experiments/smoke/kill-one.yaml    run one, with a report at the end

hormesis --help lists all commands."""
# What these did stands in a store or in the world, and their code tells it; of all others the output is all.
ACTING = frozenset({"run", "campaign", "demo", "undo", "halt"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code and never raises."""
    prepare()
    try:
        with Signals(keep=argv is None) as signals:
            return _coded(list(sys.argv[1:] if argv is None else argv), signals)
    except KeyboardInterrupt:  # it came while the code of another end was being told
        return EXIT_CODE["INTERRUPTED"]


def _coded(arguments: list[str], signals: Signals) -> int:
    """Turn what ends a command into its exit code; each error class owns one."""
    try:
        code = _dispatch(arguments)
        if code == EXIT_CODE["DONE"]:
            _check_output(arguments)
        return code
    except UsageProblem as error:
        tell(usage_text(error))
        return EXIT_CODE["USAGE"]
    except Refused as error:
        tell(f"refused: {error}")
        return EXIT_CODE["REFUSED"]
    except Untrustworthy as error:
        tell(f"void: {error}")
        return EXIT_CODE["VOID"]
    except Unsafe as error:
        tell(f"UNSAFE: {error}")
        return EXIT_CODE["UNSAFE"]
    except KeyboardInterrupt:
        tell(f"interrupted: everything that was started has been ended; {_left_by(arguments)}")
        return EXIT_CODE["TERMINATED" if signals.terminated else "INTERRUPTED"]
    except Exception as error:  # noqa: BLE001 - the border: told, kept in a file, and never exit code 1
        tell(_internal(error))
        return EXIT_CODE["INTERNAL"]


def _left_by(arguments: list[str]) -> str:
    """What is still there after an interrupt."""
    kept = {
        "campaign": "what was done stays, and the same command with the same --seed goes on from there",
        "search": "a search that is not over keeps nothing",
    }
    return kept.get(arguments[0] if arguments else "", "what was recorded stays, as VOID")


def _check_output(arguments: list[str]) -> None:
    """Raise where the output was what was asked for, and is lost: that must not look like success."""
    why = lost_output().lower()
    acted = bool(arguments) and arguments[0] in ACTING
    if not why or (acted and "--json" not in arguments):
        return
    words = f"standard output cannot be written: {why}"
    if acted:
        raise Untrustworthy(f"{words}; what was recorded is in the store")
    raise Refused(words)


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        say(NEXT_STEPS)
        return EXIT_CODE["DONE"]
    name, rest = arguments[0], arguments[1:]
    if name in ("-h", "--help", "help"):
        say(_help())
        return EXIT_CODE["DONE"]
    if name == "--version":
        say(f"hormesis {harness.__version__}")
        return EXIT_CODE["DONE"]
    entry = COMMANDS.get(name)
    if entry is None:
        kind = "option" if name.startswith("-") else "command"
        raise usage("HRM401", f"unknown {kind} {quoted(name)}", help_text=advice(name, COMMANDS))
    contributor = is_contributor()
    if contributor:
        refuse_modules_of(work_tree(Path.cwd()))
    command = entry.load()
    parser = Parser(f"hormesis {name}", entry.summary, entry.examples)
    command.configure(parser)
    if any(argument in ("-h", "--help") for argument in rest):
        say(parser.format_help().rstrip())
        return EXIT_CODE["DONE"]
    parsed = parser.parse_args(rest)
    if contributor:
        admit(name, parsed)
    return command.execute(parsed)


def _help() -> str:
    commands = "\n".join(f"  {name:<10}{entry.summary}" for name, entry in COMMANDS.items())
    return (
        "usage: hormesis COMMAND [ARGUMENTS]\n\n"
        f"commands:\n{commands}\n\n"
        "hormesis COMMAND --help shows its arguments; hormesis explain lists faults, placebos and codes.\n\n"
        "examples:\n  hormesis demo\n  hormesis run experiments/smoke/kill-one.yaml --seed 7"
    )


def _internal(error: Exception) -> str:
    """Keep the traceback in a file; gives the one line that is shown."""
    import tempfile
    import traceback

    from harness.run.root import store_root

    words = quoted(f"{type(error).__name__}: {error}", columns=200)[1:-1]
    store = store_root()
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            prefix="hormesis-error-",
            suffix=".txt",
            dir=store if store.is_dir() else None,
            delete=False,
        ) as file:
            traceback.print_exception(error, file=file)
    except OSError as no_file:
        return f"internal error: {words} (no traceback kept: {no_file.strerror})"
    return f"internal error: {words} (traceback: {file.name})"


if __name__ == "__main__":
    sys.exit(main())
