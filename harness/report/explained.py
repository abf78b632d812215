"""Why a campaign ended as it did, in plain words: claims, worst run, slowest phase, what would settle it.

In: the ``Document``, and where it lies. Out: text for a terminal. Nothing is computed here that is not in the
document; every name of others is made inert.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.episodes.model import Episode, RunFacts
from harness.report.document import Document
from harness.report.lengths import given, seconds
from harness.report.panels.points import PHASE_WORDS, own_scores
from harness.report.panels.summary import SEVERITY, main_arm
from harness.report.scores import lost, needs
from harness.report.words import SIGNS, inert
from harness.verdict.model import Claim


def explained(document: Document, folder: Path) -> str:
    """Explain the campaign that lies in ``folder``."""
    verdict = document.verdict
    lines = [f"{verdict.word}  {SIGNS[verdict.word].means}", f"why: {inert(verdict.why)}"]
    lines += [line for claim in _by_severity(document) for line in _claim(claim)]
    lines += [*_worst(document, folder), *_slowest(document), *_undecided(document)]
    return "\n".join(lines)


def _by_severity(document: Document) -> list[Claim]:
    return sorted(document.verdict.claims, key=lambda claim: SEVERITY.index(claim.word))


def _claim(claim: Claim) -> Iterator[str]:
    yield f"  {SIGNS[claim.word].mark} {inert(claim.text)}: {inert(claim.evidence)}"


def _worst(document: Document, folder: Path) -> Iterator[str]:
    """Name the episode of the system's own arm that lost most; what was not back goes first."""
    arm = main_arm(document)
    seen = [
        (run, episode)
        for run in document.runs
        if run.arm == arm and not run.sham and not run.void
        for episode in run.episodes
        if not episode.void
    ]
    if not seen:
        yield "worst run: no run counted"
        for run in [run for run in document.runs if run.void][:1]:
            yield f"  {run.run_id} is void: {inert(run.void)}"
            yield f"  see it: {_replay(folder, run)}"
        return
    run, episode = max(seen, key=lambda one: (_not_back(one[1]), one[1].served.lost_s, one[0].run_id))
    yield f"worst run: {run.run_id}, {episode.kind} {inert(episode.service)}: {_cost(episode)}"
    yield f"  see it: {_replay(folder, run)}"


def _replay(folder: Path, run: RunFacts) -> str:
    return f"hormesis replay {shlex.quote(str(folder / 'runs' / run.run_id))} --trace"


def _not_back(episode: Episode) -> bool:
    return episode.served.impact_s is not None and episode.served.recovered_s is None


def _cost(episode: Episode) -> str:
    served = episode.served
    if served.impact_s is None:
        return f"no window of service was violated, {seconds(served.lost_s)} lost"
    if served.recovered_s is None:
        return (
            f"not back within {given(episode.horizon_s)}, more than {seconds(served.lost_s)} of service lost"
        )
    return f"back after {seconds(served.recovered_s)}, {seconds(served.lost_s)} of service lost"


def _slowest(document: Document) -> Iterator[str]:
    """Name the phase of a class in which most points were lost."""
    for score in own_scores(document):
        where = f"arm {inert(score.arm)}, {inert(score.restart_profile)}"
        if score.word:
            lacks = needs(score) or inert(score.why)
            yield f"slowest phase: not told, score {score.name} is not published ({lacks}), {where}"
            continue
        part = max(score.parts, key=lambda p: p.points)
        if not part.points:
            yield f"slowest phase: none, no service was lost, {where}"
            continue
        named = f"{part.fault} {inert(part.service)}"
        yield f"slowest phase: {part.phase}, {lost(part.points)} points of {named}, {where}"
        yield f"  {part.phase}: service lost {PHASE_WORDS[part.phase]}"


def _undecided(document: Document) -> Iterator[str]:
    """Say for each undecided claim how many more episodes or runs would settle it."""
    open_claims = [claim for claim in document.verdict.claims if claim.word == "INCONCLUSIVE"]
    if not document.verdict.claims:
        yield "undecided: nothing, for nothing was judged"
    elif not open_claims:
        yield "undecided: nothing"
    for claim in open_claims:
        if claim.more is None:
            yield f"undecided: {inert(claim.text)}: no number of runs is known that would settle it"
        else:
            went = "that go as those seen so far would settle it"
            yield f"undecided: {inert(claim.text)}: {claim.more} more {went}"
