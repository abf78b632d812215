"""The audit of a campaign: some of its runs done again, here and now, compared, and kept whole.

Comes in: what was asked, the runs with which something is wrong, how many pairs were counted. Goes out: a
normal campaign folder, and the names of runs that were another this time. A process that has done other
things, with another order of hashes, must give the same worlds: else no figure of the campaign can be
trusted.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.campaign.model import Question, RunRow
from harness.campaign.worker import Chunk, material_of, row_or_why
from harness.history.store import new_campaign
from harness.plan.model import Plan
from harness.run.campaign import abilities, campaign_file
from harness.run.code import versions
from harness.run.keeping import keep_run
from harness.run.machine import fingerprint
from harness.run.simulated import SimulatedRun

KEPT = "kept"
SAMPLED = 1000
"""One pair in so many is done again, and at least one."""


@dataclass(frozen=True, slots=True)
class Again:
    """A run that is done again: its plan, and the digest that its world must have."""

    plan: Plan
    row: RunRow


def sampled_pairs(question: Question, pairs: int) -> list[int]:
    """Which of the pairs are done again, by the seed alone.

    >>> ask = Question(title="t", experiment_file="f", experiment_sha256="", code_sha256="", profile="p",
    ...     system="s", arms=("none",), seed=1, pairs_max=25, pairs_a_chunk=10, harness_version="0")
    >>> len(sampled_pairs(ask, 25)), len(sampled_pairs(ask, 2000)), sampled_pairs(ask, 0)
    (1, 2, [])
    """

    def drawn(pair: int) -> bytes:
        return hashlib.blake2b(f"{question.seed} kept {pair}".encode(), digest_size=8).digest()

    count = max(1, pairs // SAMPLED) if pairs else 0
    return sorted(sorted(range(pairs), key=drawn)[:count])


def runs_again(
    work: Chunk, doubts: Iterable[RunRow], pairs: int, read: Callable[[int], Iterable[RunRow]]
) -> list[Again]:
    """The runs to do again, in order: those in doubt that have a world, and all of the sampled pairs.

    ``read`` gives the rows of a chunk. What killed its worker or raised has no digest to be compared with.
    """
    question = work.question
    wanted = {_key(row) for row in doubts if row.digest}
    sample = set(sampled_pairs(question, pairs))
    chunks = sorted({pair // question.pairs_a_chunk for pair in sample | {key[0] for key in wanted}})
    return [
        Again(plan, row)
        for chunk in chunks
        for plan, row in zip(work.plans(chunk), read(chunk), strict=True)
        if row.digest and (row.pair in sample or _key(row) in wanted)
    ]


def keep(work: Chunk, again: list[Again], folder: Path, progress: Callable[[str], None]) -> list[str]:
    """Do the runs again and keep them as the campaign ``folder/kept``; gives the names of unequal ones."""
    place = folder / f".{KEPT}"  # whoever writes here holds the campaign
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(folder / KEPT, ignore_errors=True)
    unequal: list[str] = []
    if not again:
        return unequal
    try:
        place.mkdir()
        material = material_of(work.question, work.place)
        file = campaign_file([one.plan for one in again], material.experiment, work.question.seed)
        campaign = new_campaign(place, msgspec.structs.replace(file, id=KEPT))
        for number, one in enumerate(again, start=1):
            progress(f"audit: run {number} of {len(again)} done again")
            row, run = row_or_why(material, one.plan)
            if row != one.row:
                unequal.append(f"{one.row.name()} ({_difference(row, one.row)})")
            if run is not None:
                _keep(campaign, run)
        campaign.rename(folder / KEPT)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return unequal


def _difference(row: RunRow, before: RunRow) -> str:
    if row.digest != before.digest:
        return f"digest {row.digest or row.why}, not {before.digest}"
    return "its world is the same, and its figures are not"


def _keep(campaign: Path, run: SimulatedRun) -> None:
    keep_run(campaign, run, versions=versions(), machine=fingerprint(), abilities=abilities())


def _key(row: RunRow) -> tuple[int, str, str, bool]:
    return row.pair, row.arm, row.restart_profile, row.sham
