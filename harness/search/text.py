"""What a search found, in words, and as one JSON document.

Comes in: counts and failures, each with its shrunk schedule. Goes out: text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from harness.search.engine import Failure
from harness.search.schedule import Schedule
from harness.search.wording import fault_text
from harness.units import plural

WHAT: Mapping[str, str] = {
    "exactly_once": "a record was lost, doubled or changed",
    "served": "not served again soon enough after the last fault was gone",
    "worse_than_none": "more units were lost with the healer than without",
    "alias": "a model serves, or was let serve, that nobody has proven",
    "cause": "the healer acted where nothing was wrong",
    "bounded": "the healer acted too often, or twice at once",
    "alarm": "the healer diagnosed a fault and decided nothing",
}


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One failure as it is told. ``minimal``: nothing can be left out of ``smallest``; None: not shrunk.

    ``file``: where it was kept, "" = nowhere.
    """

    failure: Failure
    smallest: Schedule
    minimal: bool | None
    tries: int
    file: str = ""


class Summary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole search."""

    title: str
    arm: str
    seed: int
    uniform: bool
    counts: Mapping[str, int]
    voids: Mapping[str, int]
    failures: tuple[Kept, ...]


def summary_text(summary: Summary) -> str:
    """Say it for a terminal."""
    counts = summary.counts
    how = "drawn at random" if summary.uniform else "guided by what the healer does"
    episodes = plural(counts["episodes"], "episode")
    lines = [
        f"{summary.title}: {episodes} in arm {summary.arm}, {how}; seed {summary.seed}",
        f"  {counts['features']} pairs of transitions seen, {counts['corpus']} schedules showed a new one; "
        f"in {counts['met_nothing']} episodes nothing met a fault, {counts['void']} are void",
        *(f"  void {count} times: {why}" for why, count in summary.voids.items()),
    ]
    if not summary.failures:
        return "\n".join((*lines, "  no invariant broke; that is no proof that none can"))
    return "\n".join((*lines, *(line for one in summary.failures for line in _failure(one))))


def _failure(kept: Kept) -> Sequence[str]:
    failure, signature = kept.failure, kept.failure.signature
    detail = next(one.detail for one in failure.outcome.broken if one.signature == signature)
    ending = {
        True: f"nothing can be left out of it ({kept.tries} episodes more)",
        False: f"not the smallest: {kept.tries} episodes were spent",
        None: "as it was found",
    }[kept.minimal]
    return (
        f"FAIL {signature.invariant}: {WHAT[signature.invariant]}",
        f"  {detail}",
        f"  first in episode {failure.episode}; {ending}:",
        *(f"    {fault_text(fault)}" for fault in kept.smallest.faults),
        *((f"  kept: {kept.file}",) if kept.file else ()),
    )
