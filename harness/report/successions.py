"""Kills in quick succession, in words: each outage of the episode with the interval of its length.

Comes in: a document. Goes out: one ``Succession`` an episode, as it ran. What hit nothing, and what is more
than fits, is told, never left out in silence.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.episodes.model import Episode
from harness.episodes.outage import Outage
from harness.report.document import Document
from harness.report.lengths import after, seconds, span
from harness.units import plural

EPISODES_MAX = 20  # report.json has all of them
OUTAGES_MAX = 20


@dataclass(frozen=True, slots=True)
class Succession:
    """One episode: what was hit in which run, and its outages in one line."""

    head: str
    outages: str


def successions(document: Document) -> tuple[Succession, ...]:
    """List the episodes of kills in succession that are counted, at most ``EPISODES_MAX``."""
    found = [
        Succession(
            f"{one.kind} {one.service}, {run.arm}, {run.restart_profile}, run {run.run_id}", _listed(one)
        )
        for run in document.runs
        for one in run.episodes
        if one.hits_s and not run.void and not one.void
    ]
    return tuple(found[:EPISODES_MAX])


def _listed(episode: Episode) -> str:
    missed = f", {episode.missed_hits} met no process" if episode.missed_hits else ""
    count = len(episode.outages)
    told = ", ".join(map(outage_text, episode.outages[:OUTAGES_MAX]))
    more = f" and {count - OUTAGES_MAX} more in report.json" if count > OUTAGES_MAX else ""
    kills = f"{plural(len(episode.hits_s), 'kill')}{missed}"
    return f"{kills}; {plural(count, 'outage')}{': ' * bool(count)}{told}{more}"


def outage_text(outage: Outage) -> str:
    """Write one outage: the interval of its length, and when it began.

    >>> outage_text(Outage(from_s=0.8, units=60, low_s=0.295, high_s=0.312))
    '295–312 ms at +800 ms'
    >>> outage_text(Outage(from_s=0.8, units=60, low_s=0.295, high_s=None))
    'at least 295 ms, to the end, at +800 ms'
    """
    if outage.high_s is None:
        return f"at least {seconds(outage.low_s)}, to the end, at {after(outage.from_s)}"
    return f"{span(outage.low_s, outage.high_s)} at {after(outage.from_s)}"
