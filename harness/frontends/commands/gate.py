"""`hormesis gate CAMPAIGN`: is this version worse than a baseline? From stored history alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.frontends.arguments import sha256, usage, wrong
from harness.frontends.formats import SHARED, STDOUT, add_formats, shared, wanted, write_all
from harness.frontends.streams import say, tell
from harness.run.root import store_root
from harness.shell import wall_utc
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.campaign.gating import Weighable
    from harness.verdict.model import Verdict
    from harness.verdict.outcomes import RunOutcome


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "campaign",
        metavar="CAMPAIGN",
        help="of `hormesis campaign`, or of `hormesis run --against`: its folder, or its id in the store",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="compare with this one; given again, with each: all must hold",
    )
    parser.add_argument(
        "--signed",
        type=sha256,
        action="append",
        default=[],
        metavar="HASH",
        help="the hash that --keep printed of the baseline; another one is VOID. Once for each --baseline",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="judge nothing: make this baseline of the campaign"
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="add it to what was seen of this version before, and judge all of it",
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON document")
    parser.add_argument(
        "--exit-zero-on",
        type=_words,
        default=(),
        metavar="WORDS",
        help="end 0 on these, too, like inconclusive,void; what is told and written stays as it is",
    )
    add_formats(parser, SHARED)
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Judge, or keep a baseline; the exit code is the verdict's."""
    from harness.campaign import gating
    from harness.report.words import inert
    from harness.verdict.baseline import seal
    from harness.verdict.gate import Scale, judge_gate

    _check(arguments)
    places = wanted(arguments, SHARED)
    found = gating.weighable(arguments.store or store_root(), arguments.campaign)
    _check_baseline(arguments, found)
    if arguments.keep is not None:
        baseline, data = seal(gating.make_baseline(found, wall_utc()))
        gating.write_file(arguments.keep, data)
        counts = ", ".join(f"{inert(label)}: {len(times)}" for label, times in baseline.times_s.items())
        say(f"baseline of {found.campaign}, arm {found.kind.arm}: {counts}")
        say(f"kept in: {arguments.keep}\nsha256: {baseline.sha256}")
        return EXIT_CODE["DONE"]
    if found.beside is not None:
        baselines, key = [found.beside[0]], found.beside[1]
    else:
        baselines = [gating.read_baseline(path, found.kind, found.seed) for path in arguments.baseline]
        key = baselines[0].sha256
    for path, baseline, signed in zip(arguments.baseline, baselines, arguments.signed, strict=False):
        gating.check_signed(path, baseline, signed)
    runs = found.runs if arguments.ledger is None else _with_ledger(arguments.ledger, found, key)
    is_beside = found.beside is not None
    scales = [
        Scale(found.gate, baseline, baselines=len(baselines), is_beside=is_beside) for baseline in baselines
    ]
    verdict = judge_gate(scales, runs, doubts=found.doubts)
    for baseline in baselines:
        tell(f"{'beside' if is_beside else 'baseline'}: {baseline.campaign}, made {baseline.made_utc}")
    if places:
        write_all(places, shared(found.shown(verdict), strict=arguments.strict))
    decided = [scale.decided_after for scale in scales]
    if arguments.json:
        document = {
            "campaign": found.campaign,
            "runs": len(runs),
            "decided_after": decided,
            "verdict": verdict,
        }
        say(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    elif STDOUT not in places.values():
        say(_text(verdict, len(runs), max(decided)))
    return EXIT_CODE["DONE"] if verdict.word in arguments.exit_zero_on else verdict.exit_code


def _with_ledger(path: Path, found: Weighable, key: str) -> tuple[RunOutcome, ...]:
    """All outcomes of its entry. What cannot be trusted this week is no evidence in any other one."""
    from harness.campaign.gating import in_ledger

    if found.doubts:
        tell(f"{found.campaign} is not put into {path}: it cannot be trusted")
        return found.runs
    return in_ledger(path, found, key)


def _text(verdict: Verdict, runs: int, decided_after: int) -> str:
    from harness.campaign.text import verdict_lines

    decided = f", decided after {decided_after}" if decided_after else ""
    more = next((claim.more for claim in verdict.claims if claim.more), None)
    if more is not None:
        decided = f"; about {more} more would decide it, if they went as these"
    return "\n".join([*verdict_lines(verdict), f"{runs} runs weighed{decided}"])


def _words(text: str) -> tuple[str, ...]:
    """Words of the table of codes that may be let through; FAIL and UNSAFE never."""
    words = tuple(word.strip().upper() for word in text.split(","))
    if not set(words) <= {"INCONCLUSIVE", "VOID"}:
        raise wrong(text, "names none that may end 0 (inconclusive, void, or both with a comma)")
    return words


def _check(arguments: argparse.Namespace) -> None:
    if arguments.keep is not None and (arguments.baseline or arguments.ledger is not None):
        words = "--keep makes a baseline and judges nothing: no --baseline or --ledger goes with it"
        raise usage("HRM402", words, help_text="See: hormesis gate --help")
    if arguments.signed and len(arguments.signed) != len(arguments.baseline):
        words = f"{len(arguments.signed)} --signed for {len(arguments.baseline)} --baseline"
        raise usage("HRM402", words, help_text="give one for each, in the same order")
    if arguments.json and STDOUT in (getattr(arguments, name) for name in SHARED):
        raise usage("HRM402", "two documents on standard output", help_text="give one of them a file")
    if arguments.ledger is not None and len(arguments.baseline) > 1:
        raise usage("HRM402", "a ledger goes with one --baseline", help_text="give one; a ledger for each")


def _check_baseline(arguments: argparse.Namespace, found: Weighable) -> None:
    """What a campaign is compared with is a file, or what ran beside it: never both, never nothing."""
    if found.beside is None and arguments.keep is None and not arguments.baseline:
        words = (
            f"{found.campaign} is a campaign of pairs: give --baseline FILE (judge) or --keep FILE (make one)"
        )
        raise usage("HRM402", words, help_text="See: hormesis gate --help")
    if found.beside is not None and arguments.baseline:
        words = f"{found.campaign} is compared with what ran beside it, not with a file"
        raise usage("HRM402", words, help_text="leave out --baseline")
