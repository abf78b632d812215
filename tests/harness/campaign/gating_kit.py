"""Stored campaigns of made-up times: what `hormesis gate` reads, without a world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from harness.campaign.engine import Merge
from harness.campaign.judging import judge_campaign
from harness.campaign.model import RunRow
from harness.campaign.parts import TABLE_FILE, VERDICT_FILE, campaign_name, held
from harness.campaign.table import encode
from harness.plan.model import Plan
from tests.harness.campaign.campaign_kit import Toy
from tests.harness.campaign.rows_kit import episode, question, row

TRUTHS = ("never_ratio", "void", "unsafe", "sham_outages")


@dataclass(frozen=True)
class Timed(Toy):
    """Kills that are served again after some 4 s, ``slower`` times that in arm reference.

    ``void``: pairs of which its run raised; ``unsafe``: pairs that arm none left unclean.
    """

    slower: float = 1.0
    never_ratio: float = 0.0
    void: frozenset[int] = frozenset()
    unsafe: frozenset[int] = frozenset()
    sham_outages: bool = False

    def _row(self, plan: Plan) -> RunRow:
        arm = "none" if plan.arm == "none" else "reference"
        rng = np.random.default_rng((self.question.seed, plan.pair))
        ms = round(4000 * np.exp(0.3 * rng.standard_normal()))
        ms = round(ms * self.slower) if arm == "reference" else 2 * ms
        never = arm == "reference" and rng.random() < self.never_ratio
        if arm == "reference" and plan.pair in self.void and not plan.sham:
            return row(plan.pair, arm, why="it raised", digest="")
        hurt = () if plan.sham and not self.sham_outages else (episode(None if never else ms, ms // 4),)
        unsafe = arm == "none" and plan.pair in self.unsafe
        digest = f"{self.question.seed} {plan.pair} {ms}"
        return row(plan.pair, arm, *hurt, sham=plan.sham, digest=digest, unsafe=unsafe)


def stored(store: Path, seed: int, slower: float = 1.0, *, pairs: int = 40, **more: object) -> Path:
    """Keep a campaign as `hormesis campaign` keeps it; gives its folder."""
    times = {name: more.pop(name) for name in TRUTHS if name in more}
    asked = question(
        seed=seed, pairs_max=pairs, pairs_a_chunk=4, arms=("reference", "none"), pack_sha256="one pack"
    )
    work = Timed(msgspec.structs.replace(asked, **more), slower=slower, **times)
    folder = store / campaign_name(work.question)
    with held(folder, work.question) as parts:
        for chunk in range(work.question.chunks()):
            parts.write(chunk, work(chunk))
        merge = Merge(work, parts)
        merge.go_on(parts.present())
        parts.write_file(TABLE_FILE, encode(merge.table()))
        verdict = judge_campaign(merge.tally, (), doubts=merge.doubts, unequal=())
        parts.write_file(VERDICT_FILE, msgspec.json.encode(verdict))
    return folder
