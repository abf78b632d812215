"""`hormesis replay RUN`: a stored run once more; the same to the last bit on a virtual clock, or exit 4.

A run on processes of this machine is not the same twice: there the plan alone is done once more, and said so.
A failure that a search kept is played again, and ends in 1 where an invariant breaks.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.frontends.arguments import usage, wrong
from harness.frontends.streams import say, tell
from harness.plan.safety import SIMULATION
from harness.report.trace import TraceLine, trace_of, trace_text
from harness.report.words import inert
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.run.differences import Difference
    from harness.run.replay import Replayed, Stored
    from harness.run.scene import Snapshot


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "run",
        metavar="RUN",
        help="a run's folder, or a campaign with one run; or FILE.json, a failure that `search` kept",
    )
    parser.add_argument(
        "--until",
        type=_seconds,
        metavar="S",
        help="stop S seconds after the first unit was due, and look: what is known by then",
    )
    parser.add_argument("--trace", action="store_true", help="tell the run in words, one line an event")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where it is kept (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    run: str
    target: str
    exit_code: int
    replayed: Replayed | None = None
    snapshot: Snapshot | None = None
    parted: Difference | None = None
    trace: tuple[TraceLine, ...] = ()


def execute(arguments: argparse.Namespace, /) -> int:
    """Do it once more, or tell it, or both; 4 where what was recorded does not come again."""
    from harness.run.refusals import refuse_if_halted
    from harness.run.replay import find_run, over_s

    store = arguments.store or store_root()
    if arguments.run.endswith(".json") and os.path.isfile(arguments.run):
        return _failure(arguments, store)
    stored = find_run(store, arguments.run)
    target, until_s = stored.history.plan.target, arguments.until
    if until_s is not None and until_s >= (ends_s := over_s(stored)):
        words = f"--until {until_s:.15g}: this run is over after {ends_s:.3f} s"
        raise usage("HRM402", words, "name an earlier second")
    if target == SIMULATION:
        refuse_if_halted(store)
        return _stopped(stored, store, arguments) if until_s is not None else _again(stored, store, arguments)
    if arguments.trace:
        return _traced(stored, arguments)
    if until_s is not None:
        why = "a run on real processes is not the same twice, so there is no second of it to go back to"
        raise usage(
            "HRM402", "--until is for runs on a virtual clock", "add --trace to be told what was seen", why
        )
    refuse_if_halted(store)
    return _same_plan(stored, store, arguments)


def _failure(arguments: argparse.Namespace, store: Path) -> int:
    from harness.frontends.kept_failure import replay_failure
    from harness.run.refusals import refuse_if_halted

    if arguments.trace or arguments.until is not None:
        words = "a failure that was kept holds no record to be told, and is played to its end"
        raise usage("HRM402", words, help_text="leave out --trace and --until")
    refuse_if_halted(store)
    return replay_failure(Path(arguments.run), store, as_json=arguments.json)


def _again(stored: Stored, store: Path, arguments: argparse.Namespace) -> int:
    from harness.run.code import code_sha256
    from harness.run.replay import compare, material_of
    from harness.run.simulated import run_simulated

    material = material_of(stored, store, tell)
    again = run_simulated(material, stored.history.plan)
    trace = trace_of(again.history) if arguments.trace else ()
    if stored.history.cut and arguments.trace and not arguments.json:
        say("\n".join(map(trace_text, trace)))
    replayed = compare(stored, again, code_sha256(Path(material.experiment.system_dir)))
    code = EXIT_CODE["VOID" if replayed.differences else "DONE"]
    if arguments.json:
        _say_json(stored, _Told(run="", target="", exit_code=code, replayed=replayed, trace=trace))
    else:
        say("\n".join((*map(trace_text, trace), *_replayed_text(replayed))))
    return code


def _stopped(stored: Stored, store: Path, arguments: argparse.Namespace) -> int:
    from harness.run.differences import events_differ
    from harness.run.replay import material_of
    from harness.run.scene import stop_at

    snapshot, history = stop_at(material_of(stored, store, tell), stored.history.plan, arguments.until)
    cut = stored.history.cut  # what was played may not be what was recorded
    parted = None if cut else events_differ(stored.history, history, begun=True)
    trace = trace_of(history) if arguments.trace else ()
    code = EXIT_CODE["VOID" if cut or parted else "DONE"]
    if arguments.json:
        told = _Told(run="", target="", exit_code=code, snapshot=snapshot, trace=trace, parted=parted)
        _say_json(stored, told)
    else:
        doubts = (f"the record is not whole: {inert(cut)}",) if cut else ()
        differs = _difference_text("VOID  by then it was another run", parted) if parted else ()
        say("\n".join((*map(trace_text, trace), *_snapshot_text(snapshot), *doubts, *differs)))
    return code


def _traced(stored: Stored, arguments: argparse.Namespace) -> int:
    """Tell a run from its record alone; one that was cut is told up to there."""
    until_s = math.inf if arguments.until is None else arguments.until
    trace = tuple(line for line in trace_of(stored.history) if line.at_s <= until_s)
    code = EXIT_CODE["VOID" if stored.history.cut else "DONE"]
    if arguments.json:
        _say_json(stored, _Told(run="", target="", exit_code=code, trace=trace))
    else:
        cut = (f"cut: {inert(stored.history.cut)}",) if stored.history.cut else ()
        say("\n".join((*map(trace_text, trace), *cut)))
    return code


def _same_plan(stored: Stored, store: Path, arguments: argparse.Namespace) -> int:
    """Do the plan of a real run once more; nothing is compared."""
    from harness.frontends.commands.run import conduct
    from harness.frontends.outcome import outcome_json, table
    from harness.report.compose import decode
    from harness.run.replay import same_experiment

    plan = stored.history.plan
    tell(f"{stored.folder.name}: on target {plan.target} only the plan is the same, not what happens")
    folder = conduct(same_experiment(stored), (plan,), stored.campaign.seed, store)
    document = decode((folder / "report.json").read_bytes())
    if arguments.json:
        say(outcome_json(document, folder))
    else:
        say(f"{table(document)}\nreport: {folder / 'report.html'}")
    return document.verdict.exit_code


def _say_json(stored: Stored, told: _Told) -> None:
    named = msgspec.structs.replace(told, run=stored.folder.name, target=stored.history.plan.target)
    say(msgspec.json.format(msgspec.json.encode(named), indent=1).decode())


def _replayed_text(replayed: Replayed) -> Iterator[str]:
    counted = f"{replayed.events} events of its world, {replayed.entries} entries, {replayed.rows} rows"
    if not replayed.differences:
        yield f"{inert(replayed.run_id)}: the same run to the last bit ({replayed.state}): {counted}"
        yield f"digest {replayed.digest}"
        return
    first, *others = replayed.differences
    yield f"VOID  {inert(replayed.run_id)} does not come again: {counted}"
    yield from _difference_text("the first thing that differs", first)
    for other in others:
        yield from _difference_text("it differs, too", other)
    for word in replayed.changed:
        yield f"since then: {inert(word)}"


def _difference_text(words: str, difference: Difference) -> Iterator[str]:
    yield f"{words}, at {difference.at_s:.3f} s, in {difference.what}"
    yield f"  recorded: {inert(difference.recorded)}"
    yield f"  again:    {inert(difference.again)}"


def _snapshot_text(snapshot: Snapshot) -> Iterator[str]:
    yield f"stopped {snapshot.at_s:g} s after the first unit was due; {snapshot.units} units were answered"
    for service in snapshot.services:
        yield f"  {service.name:<12} {service.state}, life {service.life}"
    for where, answer in snapshot.aliases.items():
        yield f"alias {where}: {inert(answer)}"
    for edge, toxics in snapshot.toxics.items():
        yield f"on edge {edge}: {inert('; '.join(toxics))}"
    yield from (f"in force: {inert(fault)}" for fault in snapshot.faults or ("no fault",))
    yield from (f"healer: {inert(words)}" for words in snapshot.healer or ("it has said nothing so far",))


def _seconds(text: str) -> float:
    try:
        value_s = float(text)
    except ValueError:
        value_s = math.nan
    if not 0 <= value_s < math.inf:
        raise wrong(text, "is no instant (seconds from 0 on, like 12.5)")
    return value_s
