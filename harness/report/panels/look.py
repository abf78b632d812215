"""Runs to look at first: unsafe, void, not exactly once, never back, healed needlessly, slow.

Comes in: the document. Goes out: a few lines, each with the command that shows the run again.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from harness.episodes.model import Episode, RunFacts
from harness.plan.safety import SIMULATION
from harness.report.document import Document
from harness.report.lengths import after, given, seconds
from harness.report.panels.summary import main_arm
from harness.report.words import ACTS, ENDINGS, fault_title, inert

LOOK_MAX = 8  # more are not looked at first


@dataclass(frozen=True, slots=True)
class Line:
    """One run: how long it took, or a word; what happened in it; the command to see it again."""

    run_id: str
    recovery: str
    what: str
    command: str


def first_runs(document: Document) -> tuple[Line, ...]:
    """Give each run once, for the worst thing in it; the slowest stands last, where nothing worse is left."""
    found: dict[str, Line] = {}
    for run, recovery, what in _found(document):
        if run.run_id not in found:
            found[run.run_id] = Line(run.run_id, recovery, inert(what, 200), replay(document, run.run_id))
    return tuple(found.values())[:LOOK_MAX]


def replay(document: Document, run_id: str) -> str:
    """Write the command that shows a run: on a virtual clock once more, else as it was recorded.

    Its paths are those inside of a store.
    """
    path = shlex.quote(inert(f"{document.campaign}/runs/{run_id}"))
    return f"hormesis replay {path}" + ("" if document.inputs.target == SIMULATION else " --trace")


def _found(document: Document) -> Iterator[tuple[RunFacts, str, str]]:
    runs, arm = document.runs, main_arm(document)
    yield from ((run, "unsafe", run.unsafe) for run in runs if run.unsafe)
    yield from ((run, "void", run.void) for run in runs if run.void)
    yield from ((run, "not once", run.audit_text) for run in runs if run.exactly_once is False)
    mine = [run for run in runs if run.arm == arm and not run.void]
    hurt = [
        (run, episode)
        for run in mine
        if not run.sham
        for episode in run.episodes
        if not episode.void and episode.served.impact_s is not None
    ]
    yield from ((run, "never", _never(e)) for run, e in hurt if e.served.recovered_s is None)
    yield from ((r, "outage", "one in a run without faults") for r in mine if r.sham and _is_hurt(r))
    yield from ((run, "needless", _needless(run)) for run in mine if run.false_heals)
    yield from ((r, seconds(e.served.recovered_s), _flaps(e)) for r, e in hurt if e.served.flaps)
    slow = sorted(hurt, key=lambda one: -(one[1].served.recovered_s or 0.0))[:1]
    yield from ((run, seconds(e.served.recovered_s), _slow(e)) for run, e in slow)


def _is_hurt(run: RunFacts) -> bool:
    return any(e.served.impact_s is not None for e in run.episodes)


def _name(episode: Episode) -> str:
    return f"{fault_title(episode.kind)}, {episode.service}"


def _act(episode: Episode) -> str:
    if episode.acted_s is None:
        return "no act was seen"
    return f"{ACTS.get(episode.act, episode.act) or 'first act'} {after(episode.acted_s)}"


def _never(episode: Episode) -> str:
    return f"{_name(episode)}: {_act(episode)}; not back within {given(episode.horizon_s)}"


def _needless(run: RunFacts) -> str:
    heal = run.false_heals[0]
    return f"{ACTS.get(heal.act, heal.act)}, {heal.service}, by {heal.by}, while nothing was broken"


def _flaps(episode: Episode) -> str:
    return f"{_name(episode)}: seemed back and was lost again, {episode.served.flaps} more times"


def _slow(episode: Episode) -> str:
    ended = ENDINGS.get(episode.ended_by, (episode.ended_by, ""))[0]
    return f"{_name(episode)}: the slowest that came back; {_act(episode)}; ended by: {ended}"
