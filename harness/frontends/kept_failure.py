"""`hormesis replay FILE.json`: a failure that a search kept, played once more, and what broke this time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.errors import Refused
from harness.frontends.arguments import usage
from harness.frontends.streams import say, tell
from harness.report.words import inert
from harness.search.again import play_again
from harness.search.outcome import Outcome
from harness.search.regressions import Regression, read
from harness.search.text import WHAT
from harness.search.wording import fault_text
from harness.verdict.codes import EXIT_CODE


def replay_failure(file: Path, store: Path, *, as_json: bool) -> int:
    """Play it and tell it; FAIL where an invariant broke, DONE where none did."""
    try:
        kept = read(file)
    except Refused as refused:
        help_text = "name a run's folder, or a file of a store's regressions"
        raise usage("HRM403", f"{refused}; nor is a file a run", help_text=help_text) from refused
    outcome, why = play_again(kept, file, store, tell)
    code = EXIT_CODE["FAIL" if outcome.broken else "DONE"]
    if as_json:
        document = {"file": str(file), "exit_code": code, "differs": why, "outcome": outcome}
        say(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    else:
        say("\n".join(_text(kept, outcome, why)))
    return code


def _text(kept: Regression, outcome: Outcome, why: str) -> Iterator[str]:
    for one in outcome.broken:
        yield f"FAIL {one.signature.invariant}: {WHAT[one.signature.invariant]}"
        yield f"  {inert(one.detail)}"
    if not outcome.broken:
        yield "no invariant broke"
    yield f"in arm {kept.arm}, seed {kept.seed}, under:"
    yield from (f"  {inert(fault_text(fault))}" for fault in kept.schedule.faults)
    same = f"it was mended: {kept.mended}" if kept.mended else "it fails as it did when it was kept"
    yield inert(f"not as it was kept: {why}" if why else same)
