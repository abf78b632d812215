"""Stored campaigns for tests: of runs through the real store, of pairs through the real parts and table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.campaign.judging import judge_campaign
from harness.campaign.model import Question, RunRow
from harness.campaign.parts import campaign_name, held
from harness.campaign.table import Ending, encode, table_of
from harness.campaign.tally import Tally
from harness.history.model import CampaignFile
from harness.history.store import new_campaign, new_run
from harness.report.compose import compose
from harness.report.compose import encode as encode_report
from harness.report.html import render
from tests.harness.campaign.rows_kit import episode, question, row
from tests.traps.histories import (
    CLOCK_ZERO_S,
    Outage,
    Story,
    campaign_file,
    events_of,
    killed,
    plan_of,
    rows_of,
)

BASE_S = (0.8, 1.1, 0.9, 1.4, 1.2, 1.0, 0.7, 1.3)


def stories(factor: float = 1.0, *, lost: Sequence[int] = (), pairs: int = 8) -> list[Story]:
    """A kill and its sham a pair: down for its own time, the same in every campaign, times ``factor``."""
    found = []
    for pair in range(pairs):
        alike = {"pair": pair, "seed": 7 + pair}
        down_s = round(BASE_S[pair % len(BASE_S)] * factor, 3)
        hurt = Story(outages=(Outage(0.0, 1e9),), **alike) if pair in lost else killed(down_s, **alike)
        found += [hurt, Story(sham=True, **alike)]
    return found


def stored(store: Path, told: Sequence[Story], *, report: bool = True, **changed: object) -> Path:
    """A campaign of runs in ``store``, its id and inputs as ``changed``; gives its folder."""
    file = msgspec.structs.replace(campaign_file(len(told)), **changed)
    store.mkdir(parents=True, exist_ok=True)
    folder = new_campaign(store, msgspec.convert(msgspec.to_builtins(file), CampaignFile))
    for story in told:
        plan = msgspec.structs.replace(plan_of(story), target=file.target, seed=story.seed)
        run = new_run(
            folder,
            plan,
            clock=lambda: (CLOCK_ZERO_S, "2026-01-01T00:00:00Z"),
            versions={"hormesis": file.harness_version},
            machine="m",
        )
        run.observations.write_bytes(rows_of(story).tobytes())
        for event in events_of(story)[1:]:
            run.writer.append(event)
        run.finish(story.state)
    if report:
        document = compose(folder)
        (folder / "report.json").write_bytes(encode_report(document))
        (folder / "report.html").write_text(render(document), "utf-8")
    return folder


def pair_rows(factor: float = 1.0, *, pairs: int = 12, why: str = "") -> list[list[RunRow]]:
    """Rows of pairs of arm none, fault and sham; times as in ``stories``."""
    found = []
    for pair in range(pairs):
        ms = round(1000 * BASE_S[pair % len(BASE_S)] * factor * (1 + pair / 100))
        hurt = episode(ms, ms)
        found.append([row(pair, "none", hurt, why=why), row(pair, "none", sham=True, false_heals=1)])
    return found


def stored_pairs(store: Path, rows: Sequence[Sequence[RunRow]], **asked: object) -> Path:
    """A campaign of pairs in ``store`` that has ended; gives its folder."""
    changed = {"arms": ("none",), "pairs_max": len(rows), "pairs_a_chunk": 5, "experiment_sha256": "e"}
    wanted: Question = question(**(changed | asked))
    store.mkdir(parents=True, exist_ok=True)
    folder = store / campaign_name(wanted)
    with held(folder, wanted) as parts:
        tally, digest, doubts = Tally(), "", []
        for chunk in range(wanted.chunks()):
            of_chunk = [one for pair in wanted.pairs_of(chunk) for one in rows[pair]]
            parts.write(chunk, of_chunk)
            digest = chained(digest, of_chunk)
            doubts += [one for one in of_chunk if one.doubt()]
        for runs in rows:
            tally.add_pair(runs)
        table = table_of(
            wanted, tally, Ending(stopped="all", digest=digest, doubtful=len(doubts), doubts=doubts)
        )
        parts.write_file("table.json", encode(table))
        verdict = judge_campaign(tally, (), doubts=doubts, unequal=())
        parts.write_file("verdict.json", msgspec.json.encode(verdict))
    return folder


def chained(digest: str, rows: Sequence[RunRow]) -> str:
    """The digest over worlds, as the engine of campaigns chains it."""
    from hashlib import blake2b

    for one in rows:
        digest = blake2b(f"{digest} {one.digest}".encode(), digest_size=16).hexdigest()
    return digest
