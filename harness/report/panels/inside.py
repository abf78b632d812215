"""Inside one run: the share of good answers over time around one fault, each arm under the other.

The runs shown share one seed: same units, same offsets. Above the plot stand the witness's marks,
below it what the platform was seen doing; the thin grey line is the run without the fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.episodes.model import Episode, RunFacts
from harness.estimates.model import ClassEstimate
from harness.report.document import Document
from harness.report.panels.classes import grouped
from harness.report.panels.summary import main_arm
from harness.report.svg import Drawing, Label, Mark, Scale, linear, number, place, ticks
from harness.report.words import arm_rank, arm_words, fault_title
from harness.units import seconds_text

WIDTH, LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 1080.0, 64.0, 1064.0, 40.0, 122.0, 166.0
FAULTS_MAX = 2  # two stories are read; twelve are skipped, and the file stays small
COLUMNS = 500  # bins beyond this are drawn as the lowest and highest of each column


@dataclass(frozen=True, slots=True)
class Strip:
    """One arm: its name in words, what was lost, the picture."""

    arm: str
    restart_profile: str
    arm_words: str
    run_id: str
    lost: str
    sham_lost: str
    picture: Markup


@dataclass(frozen=True, slots=True)
class Story:
    """One fault, told once an arm on one time axis."""

    title: str
    service: str
    seed: str
    strips: tuple[Strip, ...]
    axis: Markup


@dataclass(frozen=True, slots=True)
class _Scene:
    run: RunFacts
    episode: Episode
    sham: Episode | None


def stories(document: Document) -> tuple[Story, ...]:
    """Tell the most hurtful faults, as far as counted runs with a drawn quality exist."""
    told: list[Story] = []
    for group in grouped(document):
        story = _story(document, group)
        if story is not None:
            told.append(story)
        if len(told) == FAULTS_MAX:
            break
    return tuple(told)


def _story(document: Document, group: tuple[ClassEstimate, ...]) -> Story | None:
    own = main_arm(document)
    mine = [s for c in group if c.arm == own for s in _scenes(document, c)]
    if not mine:
        return None
    lead = sorted(mine, key=lambda s: (s.episode.served.lost_s, s.run.run_id))[len(mine) // 2]
    chosen = [s for c in group for s in _scenes(document, c) if s.run.pair == lead.run.pair]
    scenes = sorted(_first_of_each(chosen), key=lambda s: (arm_rank(s.run.arm), s.run.restart_profile))
    start_s = min(s.episode.quality_from_s for s in scenes)
    end_s = max(_end_s(s.episode) for s in scenes)
    scale = linear(start_s, end_s, LEFT, RIGHT)
    observe_s = document.inputs.profile.observe_s
    strips = tuple(_strip(scene, scale, observe_s) for scene in scenes)
    title = fault_title(group[0].fault)
    return Story(title, group[0].service, str(lead.run.seed), strips, _axis(start_s, end_s, scale))


def _scenes(document: Document, estimate: ClassEstimate) -> Iterator[_Scene]:
    for run in document.runs:
        same = (run.arm, run.restart_profile) == (estimate.arm, estimate.restart_profile)
        if not same or run.sham or run.void:
            continue
        for episode in run.episodes:
            if not episode.void and episode.quality and _is_of(episode, estimate):
                yield _Scene(run, episode, _sham_of(document, run, episode.index))


def _is_of(episode: Episode, estimate: ClassEstimate) -> bool:
    return estimate.fault in (episode.kind, episode.name) and estimate.service == episode.service


def _sham_of(document: Document, run: RunFacts, index: int) -> Episode | None:
    for other in document.runs:
        alike = (other.arm, other.restart_profile, other.pair) == (run.arm, run.restart_profile, run.pair)
        if other.sham and alike and not other.void:
            return next((e for e in other.episodes if e.index == index), None)
    return None


def _first_of_each(scenes: Sequence[_Scene]) -> list[_Scene]:
    seen: dict[tuple[str, str], _Scene] = {}
    for scene in scenes:
        seen.setdefault((scene.run.arm, scene.run.restart_profile), scene)
    return list(seen.values())


def _end_s(episode: Episode) -> float:
    return episode.quality_from_s + len(episode.quality) * episode.quality_bin_s


def _strip(scene: _Scene, scale: Scale, observe_s: float) -> Strip:
    run, episode = scene.run, scene.episode
    drawing = Drawing(
        WIDTH, HEIGHT, f"{fault_title(episode.kind)} in run {run.run_id}: good answers over time"
    )
    _frame(drawing)
    _shade(drawing, episode, scale)
    if scene.sham is not None:
        _line(drawing, scene.sham, scale, "sham")
    _line(drawing, episode, scale, "quality")
    _marks(drawing, _seen(episode, scale, observe_s), above=True)
    acts = _acts(episode, scale)
    _marks(drawing, acts, above=False)
    if not acts:
        drawing.text((LEFT + 4, BOTTOM + 24), "no act of the platform was seen", "sm")
    return Strip(
        run.arm,
        run.restart_profile,
        arm_words(run.arm, run.restart_profile),
        run.run_id,
        seconds_text(episode.served.lost_s),
        "" if scene.sham is None else seconds_text(scene.sham.served.lost_s),
        drawing.markup(),
    )


def _height(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _frame(drawing: Drawing) -> None:
    for share, words in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
        drawing.line((LEFT, _height(share)), (RIGHT, _height(share)), "grid")
        drawing.text((LEFT - 8, _height(share) + 4), words, "sm tick", anchor="end")
    drawing.text((LEFT - 8, BOTTOM + 24), "acts", "sm", anchor="end")


def _seen(episode: Episode, scale: Scale, observe_s: float) -> list[Mark]:
    marks = [Mark(scale(0), "injected")]
    served = episode.served
    if served.impact_s is not None:
        marks.append(Mark(scale(served.impact_s), f"impact +{seconds_text(served.impact_s)}"))
    if served.recovered_s is not None:
        marks.append(Mark(scale(served.recovered_s), f"served again +{seconds_text(served.recovered_s)}"))
    elif served.impact_s is None:
        marks[0] = Mark(scale(0), "injected: absorbed, no impact")
    if episode.ended_by == "undo":
        undone_s = observe_s if episode.cleared_s is None else episode.cleared_s
        marks.append(Mark(scale(undone_s), f"undone by the harness +{seconds_text(undone_s)}"))
    return marks


def _acts(episode: Episode, scale: Scale) -> list[Mark]:
    marks = []
    if episode.acted_s is not None:
        act = episode.act or "first act"
        marks.append(Mark(scale(episode.acted_s), f"{act} +{seconds_text(episode.acted_s)}"))
    if episode.cleared_s is not None and episode.cleared_by not in ("", "harness"):
        words = f"fault gone by {episode.cleared_by} +{seconds_text(episode.cleared_s)}"
        marks.append(Mark(scale(episode.cleared_s), words))
    return marks


def _marks(drawing: Drawing, marks: list[Mark], *, above: bool) -> None:
    for label in place(marks, LEFT, WIDTH):
        base = TOP - 10 - 15 * label.row if above else BOTTOM + 24 + 15 * label.row
        end = BOTTOM if above else BOTTOM + 2
        drawing.line((label.x, base - 9 if above else base), (label.x, end), "mark" if above else "act")
        _words(drawing, label, base)
    if not above:
        for mark in marks:
            drawing.dot((mark.x, BOTTOM + 6), 3.5, "flag", mark.words)


def _words(drawing: Drawing, label: Label, base: float) -> None:
    x = label.x + (5 if label.anchor == "start" else -5)
    drawing.text((x, base), label.words, "sm b", anchor=label.anchor)


def _points(episode: Episode, scale: Scale) -> Iterator[list[tuple[float, float]]]:
    """Give the line in pieces: a bin without units is a gap, never a zero and never bridged."""
    piece: list[tuple[float, float]] = []
    for at_s, share in _columns(episode):
        if share is None:
            yield piece
            piece = []
        else:
            piece.append((scale(at_s), _height(share)))
    yield piece


def _columns(episode: Episode) -> Iterator[tuple[float, float | None]]:
    bins, start_s, width_s = episode.quality, episode.quality_from_s, episode.quality_bin_s
    step = -(-len(bins) // COLUMNS)
    for i in range(0, len(bins), step):
        known = [share for share in bins[i : i + step] if share is not None]
        if not known:
            yield start_s + i * width_s, None
        elif step == 1 or min(known) == max(known):
            yield start_s + (i + 0.5) * width_s, known[0]
        else:
            yield start_s + (i + 0.25 * step) * width_s, min(known)
            yield start_s + (i + 0.75 * step) * width_s, max(known)


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out points in the middle of a level stretch: same picture, smaller file."""
    kept = points[:1]
    for i in range(1, len(points) - 1):
        if not points[i - 1][1] == points[i][1] == points[i + 1][1]:
            kept.append(points[i])
    return kept + points[1:][-1:]


def _line(drawing: Drawing, episode: Episode, scale: Scale, cls: str) -> None:
    for piece in _points(episode, scale):
        if len(piece) == 1:
            drawing.dot(piece[0], 1.2, f"{cls}-dot")
        drawing.path(_thin(piece), cls)


def _shade(drawing: Drawing, episode: Episode, scale: Scale) -> None:
    if episode.served.impact_s is None:
        return
    end_s = _end_s(episode) if episode.served.recovered_s is None else episode.served.recovered_s
    left, right = scale(episode.served.impact_s), scale(end_s)
    for piece in _points(episode, scale):
        inside = [p for p in piece if left - 2 <= p[0] <= right + 2]
        if len(inside) > 1:
            area = [(inside[0][0], TOP), *_thin(inside), (inside[-1][0], TOP)]
            drawing.path(area, "lost", closed=True)


def _axis(start_s: float, end_s: float, scale: Scale) -> Markup:
    drawing = Drawing(WIDTH, 20, f"time after injection, from {number(start_s)} to {number(end_s)} seconds")
    zero = scale(0)
    for value in ticks(end_s, lambda s: scale(s) - zero, 70):
        if value != end_s:
            drawing.text((scale(value), 14), f"{value:g} s", "sm tick", anchor="middle")
    return drawing.markup()
