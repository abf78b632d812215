"""`hormesis gate CAMPAIGN`: is this version worse than a baseline? From stored history alone."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from harness.frontends.arguments import usage
from harness.frontends.streams import say, tell
from harness.run.root import store_root
from harness.shell import wall_utc
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument(
        "campaign", metavar="CAMPAIGN", help="a campaign of pairs: its folder, or its id in the store"
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
        "--keep", type=Path, metavar="FILE", help="judge nothing: make this baseline of the campaign"
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="add it to what was seen of this version before, and judge all of it",
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON document")
    parser.add_argument("--store", type=Path, help="where campaigns lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Judge, or keep a baseline; the exit code is the verdict's."""
    from harness.campaign import gating
    from harness.report.words import inert
    from harness.verdict.baseline import seal
    from harness.verdict.gate import Scale, judge_gate

    _check(arguments)
    found = gating.weighable(arguments.store or store_root(), arguments.campaign)
    if arguments.keep is not None:
        baseline, data = seal(gating.make_baseline(found, wall_utc()))
        gating.write_file(arguments.keep, data)
        counts = ", ".join(f"{inert(label)}: {len(times)}" for label, times in baseline.times_s.items())
        say(f"baseline of {found.campaign}, arm {found.kind.arm}: {counts}\nkept in: {arguments.keep}")
        return EXIT_CODE["DONE"]
    baselines = [gating.read_baseline(path, found.question) for path in arguments.baseline]
    runs = found.runs
    if arguments.ledger is not None:
        runs = gating.in_ledger(arguments.ledger, found, baselines[0])
    scales = [Scale(found.gate, baseline, baselines=len(baselines)) for baseline in baselines]
    verdict = judge_gate(scales, runs)
    for baseline in baselines:
        tell(f"baseline: {baseline.campaign}, made {baseline.made_utc}")
    if arguments.json:
        decided = [scale.decided_after for scale in scales]
        document = {
            "campaign": found.campaign,
            "runs": len(runs),
            "decided_after": decided,
            "verdict": verdict,
        }
        say(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
        return verdict.exit_code
    claims = [f"  {claim.word}: {inert(claim.text)} ({inert(claim.evidence)})" for claim in verdict.claims]
    after = max(scale.decided_after for scale in scales)
    decided_text = f", decided after {after}" if after else ""
    say(
        "\n".join(
            [f"{verdict.word}: {inert(verdict.why)}", *claims, f"{len(runs)} runs weighed{decided_text}"]
        )
    )
    return verdict.exit_code


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.keep is None) == (not arguments.baseline):
        words = "give either --baseline FILE (judge) or --keep FILE (make one)"
        raise usage("HRM402", words, help_text="See: hormesis gate --help")
    if arguments.ledger is not None and len(arguments.baseline) != 1:
        raise usage("HRM402", "a ledger goes with one --baseline", help_text="give one; a ledger for each")
