"""`hormesis doctor [FILE]`: what can be measured here and of a system, what is lost, how to mend it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from harness.frontends.streams import say
from harness.frontends.systems import named_system, system_file
from harness.report.words import inert
from harness.run.root import store_root
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="a hormesis.yaml (the bundled system)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--store", type=Path, help="where campaigns would lie (HORMESIS_STORE, reports/runs)")


def execute(arguments: argparse.Namespace, /) -> int:
    """Print a line a check; 5 where something is missing without which no run may begin."""
    from harness.frontends.checkup import machine_checks, observer_checks, refusal_checks, system_checks

    system, file = named_system(arguments.file), system_file(arguments.file)
    needs = {"nats"} if system.workload.archetype == "stream" else {"pipeline"} if not arguments.file else ()
    checks = [
        *machine_checks(arguments.store or store_root(), "local", needs),
        *system_checks(system),
        *refusal_checks(system, file),
        *observer_checks(system, file.parent),
    ]
    if arguments.json:
        say(json.dumps([dataclasses.asdict(check) for check in checks], indent=1))
    else:
        lines = [f"{system.name} on this machine"]
        for check in checks:
            lines.append(f"  {check.state:<8} {inert(check.what)}")
            if check.state != "ok":
                lines += [f"           lost: {inert(check.lost)}", f"           mend: {inert(check.mend)}"]
        say("\n".join(lines))
    return EXIT_CODE["REFUSED" if any(check.state == "missing" for check in checks) else "DONE"]
