"""One episode as phases on a strip, and as a list of what was seen when.

Phases are as in ``episodes.phases``: until somebody was seen to notice, from then until the first act, after
it until service was back. Where an act could have stayed unseen there is one, "unseen".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.episodes.acts import sees_acts
from harness.episodes.model import Episode, RunFacts
from harness.estimates.points import Phase
from harness.report.lengths import after
from harness.report.scales import Scale
from harness.report.svg import Box, Drawing, text_width
from harness.report.words import ACTS, CLEARED, inert

HEALER, OUTSIDE, WITNESS, HARNESS = "healer's words", "seen from outside", "witness", "harness"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase from ``from_s`` until ``until_s``, seconds after the injection."""

    phase: Phase
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list: when, what, and who says it."""

    at: str
    what: str
    source: str


def stretches(run: RunFacts, episode: Episode) -> tuple[Stretch, ...]:
    """Split an outage into its phases, to the horizon at most; none where no window was violated."""
    impact_s, back_s = episode.served.impact_s, episode.served.recovered_s
    if impact_s is None:
        return ()
    end_s = episode.horizon_s if back_s is None else back_s
    if not sees_acts(run):
        return (Stretch("unseen", impact_s, end_s),)
    acted_s = end_s if episode.acted_s is None else min(max(episode.acted_s, impact_s), end_s)
    told_s = episode.learned.detected_s
    noticed_s = acted_s if told_s is None else min(max(told_s, impact_s), acted_s)
    split: tuple[Stretch, ...] = (
        Stretch("detect", impact_s, noticed_s),
        Stretch("act", noticed_s, acted_s),
        Stretch("settle", acted_s, end_s),
    )
    return tuple(one for one in split if one.until_s > one.from_s)


def draw(
    drawing: Drawing, run: RunFacts, episode: Episode, *, scale: Scale, box: tuple[float, float]
) -> None:
    """Draw the strip between the heights of ``box``; a name stands in it where there is room."""
    top, bottom = box
    for one in stretches(run, episode):
        left, right = scale(one.from_s), scale(one.until_s)
        tip = f"{one.phase}: {after(one.from_s)} to {after(one.until_s)}"
        drawing.rect(Box(left, top, right, bottom), f"phase-{one.phase}", tip)
        if text_width(one.phase, 11.5, bold=True) + 8 <= right - left:
            drawing.text(((left + right) / 2, bottom - 3), one.phase, "sm b pill", anchor="middle")


def lines(episode: Episode) -> tuple[Line, ...]:
    """List the marks of an episode in their order."""
    marks = sorted(_marks(episode), key=lambda one: one[0])
    return tuple(Line(after(at_s), inert(what, 120), source) for at_s, what, source in marks)


def _marks(episode: Episode) -> Iterator[tuple[float, str, str]]:
    served, learned = episode.served, episode.learned
    marks = (
        (0.0, "injected, and proven effective", HARNESS),
        (served.impact_s, "first bad unit of a violated window", WITNESS),
        (learned.detected_s, "first new alarm", HEALER),
        (episode.acted_s, ACTS.get(episode.act, episode.act) or "first act", OUTSIDE),
        (learned.promoted_s, "an alias moved", OUTSIDE),
        (episode.cleared_s, CLEARED.get(episode.cleared_by, f"fault gone, by {episode.cleared_by}"), HARNESS),
        (served.recovered_s, "first good unit of the accepting window", WITNESS),
        (served.relapsed_s, "lost again: a violated window", WITNESS),
    )
    yield from ((at_s, what, source) for at_s, what, source in marks if at_s is not None)
