"""Inside one run: the share of good answers over time around one fault, each arm under the other.

The runs shown share one seed: same units, same offsets. Above the plot stand the witness's marks, below it
what the platform was seen doing; the thin grey line is the run without the fault. The band below the line is
what was answered, but degraded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from markupsafe import Markup

from harness.episodes.model import Episode, RunFacts
from harness.estimates.model import ClassEstimate
from harness.report.document import Document
from harness.report.labels import Label, Mark, place
from harness.report.lengths import after, seconds
from harness.report.missed import missed_text
from harness.report.panels import phases
from harness.report.panels.classes import grouped
from harness.report.panels.summary import main_arm
from harness.report.scales import Scale, even_ticks, linear
from harness.report.svg import Drawing, number
from harness.report.words import ACTS, ARMS, CLEARED, arm_rank, fault_title, inert

WIDTH, LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 1080.0, 64.0, 1064.0, 40.0, 122.0, 188.0
STRIP = (BOTTOM + 8, BOTTOM + 22)
ACTS_AT = BOTTOM + 29
FAULTS_MAX = 2  # two stories are read; twelve are skipped, and the file stays small
COLUMNS = 320  # beyond this, bins share a column: its mean as the line, its extremes as a band


@dataclass(frozen=True, slots=True)
class Strip:
    """One arm: its name in words, what was lost, the picture; ``axis`` is empty where the next one has it."""

    arm: str
    restart_profile: str
    arm_words: str
    run_id: str
    lost: str
    sham_lost: str
    owed: str
    picture: Markup
    axis: Markup
    events: tuple[phases.Line, ...]
    closer: bool


@dataclass(frozen=True, slots=True)
class Story:
    """One fault, told once an arm on one time axis."""

    title: str
    service: str
    seed: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """One counted episode of a class, its run, and the same episode of the sham run."""

    run: RunFacts
    episode: Episode
    sham: Episode | None


def stories(document: Document) -> tuple[Story, ...]:
    """Tell the most hurtful fault of each kind, as far as counted runs with a drawn quality exist."""
    told: dict[str, Story] = {}
    for group in grouped(document):
        kind = group[0].fault
        story = None if kind in told else _story(document, group)
        if story is not None:
            told[kind] = story
    return tuple(told.values())[:FAULTS_MAX]


def _story(document: Document, group: tuple[ClassEstimate, ...]) -> Story | None:
    own = main_arm(document)
    mine = [s for c in group if c.arm == own for s in scenes_of(document, c)]
    if not mine:
        return None
    # the pair with the middle loss: neither the best nor the worst story is the usual one
    lead = sorted(mine, key=lambda s: (s.episode.served.lost_s, s.run.run_id))[len(mine) // 2]
    chosen = [s for c in group for s in scenes_of(document, c) if s.run.pair == lead.run.pair]
    scenes = sorted(
        _first_of_each(chosen, lead.run), key=lambda s: (arm_rank(s.run.arm), s.run.restart_profile)
    )
    whole = (min(s.episode.quality_from_s for s in scenes), max(_end_s(s.episode) for s in scenes))
    observe_s = document.inputs.profile.observe_s
    strips = [_strip(scene, whole, observe_s, axis=scene is scenes[-1]) for scene in scenes]
    near = _near(scenes[0].episode, whole)
    if near is not None:
        strips.append(_strip(scenes[0], near, observe_s, axis=True, closer=True))
    return Story(fault_title(group[0].fault), group[0].service, str(lead.run.seed), tuple(strips))


def _near(episode: Episode, whole: tuple[float, float]) -> tuple[float, float] | None:
    """Give the stretch to look at more closely, where the outage is a sliver of the whole axis."""
    recovered_s, bin_s = episode.served.recovered_s, episode.quality_bin_s
    if recovered_s is None or recovered_s > (whole[1] - whole[0]) / 15:
        return None
    end_s = max(2 * recovered_s, recovered_s + 5 * bin_s)
    return (max(whole[0], -end_s / 4), min(whole[1], end_s))


def scenes_of(document: Document, estimate: ClassEstimate) -> Iterator[Scene]:
    """Give the counted episodes of a class whose quality is drawn."""
    for run in document.runs:
        same = (run.arm, run.restart_profile) == (estimate.arm, estimate.restart_profile)
        if not same or run.sham or run.void:
            continue
        for episode in run.episodes:
            if not episode.void and episode.quality and _is_of(episode, estimate):
                yield Scene(run, episode, _sham_of(document, run, episode.index))


def _is_of(episode: Episode, estimate: ClassEstimate) -> bool:
    return estimate.fault in (episode.kind, episode.name) and estimate.service == episode.service


def _sham_of(document: Document, run: RunFacts, index: int) -> Episode | None:
    for other in document.runs:
        alike = (other.arm, other.restart_profile, other.pair) == (run.arm, run.restart_profile, run.pair)
        if other.sham and alike and not other.void:
            return next((e for e in other.episodes if e.index == index), None)
    return None


def _first_of_each(scenes: Sequence[Scene], lead: RunFacts) -> list[Scene]:
    """Keep one scene an arm and restart profile; ``bare`` never restarts, so one profile of it will do."""
    seen: dict[tuple[str, str], Scene] = {}
    for scene in scenes:
        arm, profile = scene.run.arm, scene.run.restart_profile
        if arm != "bare" or profile == lead.restart_profile:
            seen.setdefault((arm, profile), scene)
    return list(seen.values())


def _end_s(episode: Episode) -> float:
    return episode.quality_from_s + len(episode.quality) * episode.quality_bin_s


def _strip(
    scene: Scene, part: tuple[float, float], observe_s: float, *, axis: bool, closer: bool = False
) -> Strip:
    run, episode = scene.run, scene.episode
    scale = linear(*part, LEFT, RIGHT)
    drawing = Drawing(
        WIDTH, HEIGHT, f"{fault_title(episode.kind)} in run {run.run_id}: good answers over time"
    )
    _frame(drawing)
    _shade(drawing, _within(episode, part), scale)
    _degraded(drawing, _within(episode, part), scale)
    if scene.sham is not None:
        _line(drawing, _within(scene.sham, part), scale, "sham")
    _line(drawing, _within(episode, part), scale, "quality")
    phases.draw(drawing, run, episode, scale=scale, box=STRIP)
    _marks(drawing, _seen(episode, scale, observe_s), above=True)
    acts = _acts(episode, scale)
    _marks(drawing, acts, above=False)
    if not acts:
        drawing.text((LEFT + 4, ACTS_AT + 18), "no act of the platform was seen", "sm")
    return Strip(
        run.arm,
        run.restart_profile,
        ARMS.get(run.arm, ""),
        run.run_id,
        _lost(episode),
        "" if scene.sham is None else seconds(scene.sham.served.lost_s),
        _owed(episode),
        drawing.markup(),
        _axis(*part, scale) if axis else Markup(),
        () if closer else phases.lines(episode),
        closer,
    )


def _lost(episode: Episode) -> str:
    """Write what was lost within the horizon: more than that, where service was not back by then."""
    served = episode.served
    censored = served.impact_s is not None and served.recovered_s is None
    return ("> " if censored else "") + seconds(served.lost_s)


def _owed(episode: Episode) -> str:
    """Write what was accepted and not delivered meanwhile, where it was ever more than before the fault."""
    if episode.backfill is not None:
        return missed_text(episode)
    debt = episode.debt
    if debt is None or debt.peak <= debt.band:
        return ""
    back = "not as few as before" if debt.back_s is None else f"as few as before after {seconds(debt.back_s)}"
    if not debt.binds:
        return f"up to {debt.peak} accepted and not delivered, {back}"
    answered_s = episode.served.answered_s
    answered = "not in time again" if answered_s is None else f"in time again after {seconds(answered_s)}"
    return f"decisions {answered}; up to {debt.peak} accepted and not decided, {back}"


def _within(episode: Episode, part: tuple[float, float]) -> Episode:
    """Keep the bins that touch ``part``, so that a closer look draws them one by one."""
    start_s, width_s = episode.quality_from_s, episode.quality_bin_s
    first = max(0, math.floor((part[0] - start_s) / width_s + 1e-9))
    last = max(first, math.ceil((part[1] - start_s) / width_s - 1e-9))
    return msgspec.structs.replace(
        episode,
        quality=episode.quality[first:last],
        full_quality=episode.full_quality[first:last],
        quality_from_s=start_s + first * width_s,
    )


def _height(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _frame(drawing: Drawing) -> None:
    for share, words in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
        drawing.line((LEFT, _height(share)), (RIGHT, _height(share)), "grid")
        drawing.text((LEFT - 8, _height(share) + 4), words, "sm tick", anchor="end")
    drawing.text((LEFT - 8, STRIP[1] - 3), "phase", "sm", anchor="end")
    drawing.text((LEFT - 8, ACTS_AT + 18), "acts", "sm", anchor="end")


def _seen(episode: Episode, scale: Scale, observe_s: float) -> list[Mark]:
    marks = [Mark(scale(0), "injected")]
    served = episode.served
    if served.impact_s is not None:
        marks.append(Mark(scale(served.impact_s), f"impact {after(served.impact_s)}"))
    detected_s = episode.learned.detected_s
    if detected_s is not None:
        marks.append(Mark(scale(detected_s), f"detected {after(detected_s)}"))
    if served.recovered_s is not None:
        marks.append(Mark(scale(served.recovered_s), f"served again {after(served.recovered_s)}"))
    elif served.impact_s is None:
        marks[0] = Mark(scale(0), "injected: absorbed, no impact")
    if episode.ended_by == "undo":
        undone_s = observe_s if episode.cleared_s is None else episode.cleared_s
        marks.append(Mark(scale(undone_s), f"undone by the harness {after(undone_s)}"))
    return marks


def _acts(episode: Episode, scale: Scale) -> list[Mark]:
    marks = []
    if episode.acted_s is not None:
        act = ACTS.get(episode.act, inert(episode.act, 60)) or "first act"
        marks.append(Mark(scale(episode.acted_s), f"{act} {after(episode.acted_s)}"))
    if episode.cleared_s is not None and episode.cleared_by not in ("", "harness"):
        gone = CLEARED.get(episode.cleared_by, f"fault gone by {inert(episode.cleared_by, 30)}")
        words = f"{gone} {after(episode.cleared_s)}"
        marks.append(Mark(scale(episode.cleared_s), words))
    return marks


def _marks(drawing: Drawing, marks: list[Mark], *, above: bool) -> None:
    for label in place(marks, LEFT, WIDTH):
        base = TOP - 10 - 15 * label.row if above else ACTS_AT + 18 + 15 * label.row
        end = BOTTOM if above else ACTS_AT - 4
        drawing.line((label.x, base - 9 if above else base), (label.x, end), "mark" if above else "act")
        _words(drawing, label, base)
    if not above:
        for mark in marks:
            drawing.dot((mark.x, ACTS_AT), 3.5, "flag", mark.words)


def _words(drawing: Drawing, label: Label, base: float) -> None:
    x = label.x + (5 if label.anchor == "start" else -5)
    drawing.text((x, base), label.words, "sm b", anchor=label.anchor)


@dataclass(frozen=True, slots=True)
class _Column:
    """One drawn column: from ``left_s`` to ``right_s``, its mean, lowest and highest bin."""

    left_s: float
    right_s: float
    middle: float
    low: float
    high: float


def _pieces(episode: Episode) -> Iterator[list[_Column]]:
    """Give the line in pieces: a bin without units is a gap, never a zero and never bridged."""
    bins, start_s, width_s = episode.quality, episode.quality_from_s, episode.quality_bin_s
    step = -(-len(bins) // COLUMNS)
    piece: list[_Column] = []
    for i in range(0, len(bins), step or 1):
        known = [share for share in bins[i : i + step] if share is not None]
        if known:
            edges = (start_s + i * width_s, start_s + min(i + step, len(bins)) * width_s)
            piece.append(_Column(*edges, sum(known) / len(known), min(known), max(known)))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _steps(piece: Sequence[_Column], heights: Sequence[float], scale: Scale) -> list[tuple[float, float]]:
    """Draw each column as a level step; points in the middle of a level stretch are left out."""
    points: list[tuple[float, float]] = []
    for column, share in zip(piece, heights, strict=True):
        y = _height(share)
        if points and points[-1][1] == y:
            points[-1] = (scale(column.right_s), y)
        else:
            points += [(scale(column.left_s), y), (scale(column.right_s), y)]
    return points


def _line(drawing: Drawing, episode: Episode, scale: Scale, cls: str) -> None:
    for piece in _pieces(episode):
        if cls == "quality" and any(c.low < c.high for c in piece):
            upper = _steps(piece, [c.high for c in piece], scale)
            lower = _steps(piece, [c.low for c in piece], scale)
            drawing.path([*upper, *reversed(lower)], "range", closed=True)
        drawing.path(_steps(piece, [c.middle for c in piece], scale), cls)


def _shade(drawing: Drawing, episode: Episode, scale: Scale) -> None:
    """Fill what is missing from full service between impact and recovery, or the end if there is none."""
    impact_s, recovered_s = episode.served.impact_s, episode.served.recovered_s
    if impact_s is None:
        return
    end_s = _end_s(episode) if recovered_s is None else recovered_s
    for piece in _pieces(episode):
        inside = [c for c in piece if c.right_s > impact_s and c.left_s < end_s]
        if inside:
            points = _steps(inside, [c.middle for c in inside], scale)
            drawing.path([(points[0][0], TOP), *points, (points[-1][0], TOP)], "lost", closed=True)


def _degraded(drawing: Drawing, episode: Episode, scale: Scale) -> None:
    """Fill what lies between good answers and those of them that were not degraded."""
    full = msgspec.structs.replace(episode, quality=episode.full_quality)
    for good, undegraded in zip(_pieces(episode), _pieces(full), strict=False):
        upper = _steps(good, [c.middle for c in good], scale)
        lower = _steps(undegraded, [c.middle for c in undegraded], scale)
        drawing.path([*upper, *reversed(lower)], "degraded", closed=True)


def _axis(start_s: float, end_s: float, scale: Scale) -> Markup:
    drawing = Drawing(WIDTH, 20, f"time after injection, from {number(start_s)} to {number(end_s)} seconds")
    for value in even_ticks(start_s, end_s, 10):
        drawing.text((scale(value), 14), f"{value:g} s".replace("-", "−"), "sm tick", anchor="middle")
    return drawing.markup()
