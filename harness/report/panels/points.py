"""Where the points went: tiles of the score, a waterfall class by phase that adds up exactly, and gains."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.estimates.points import PHASE_NAMES, ClassScore, Gain, Part, Phase, Score
from harness.report.document import Document
from harness.report.figures import Figure, mean_seconds
from harness.report.harm import signed_percent
from harness.report.labels import fit
from harness.report.panels.summary import Tile, main_arm
from harness.report.scales import Scale, even_ticks, linear
from harness.report.scores import implied_text, lost, needs, points, points_span
from harness.report.svg import Box, Drawing
from harness.report.words import fault_title

WIDTH, LEFT, RIGHT, TOP, ROW = 1080.0, 300.0, 1010.0, 24.0, 26.0
PHASE_WORDS: dict[Phase, str] = {
    "detect": "until somebody was seen to notice",
    "act": "from then until the first act",
    "settle": "after the first act",
    "unseen": "where an act could have stayed unseen",
}
CONCLUDES = {"helps": "healing helps", "harms": "healing harms", "undecided": "undecided"}


@dataclass(frozen=True, slots=True)
class Line:
    """One class under the picture."""

    title: str
    service: str
    points: Figure
    worths: str
    gain: Figure
    prevented: Figure


@dataclass(frozen=True, slots=True)
class Points:
    """One arm and restart profile: its score, the picture, a line a class; ``why`` says why there is none."""

    name: str
    arm: str
    restart_profile: str
    why: str
    picture: Markup
    legend: tuple[tuple[str, str, str], ...]
    lines: tuple[Line, ...]
    against: str
    implied: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a class's bar begins: in points, and in the drawing."""

    start: float
    top: float
    scale: Scale


def own_scores(document: Document) -> tuple[Score, ...]:
    """Give the scores of the system's own arm, the lowest first; those that are not published lead."""
    arm = main_arm(document)
    mine = [score for score in document.scores if score.arm == arm]
    return tuple(sorted(mine, key=lambda s: -1.0 if s.points.mean is None else s.points.mean))


def score_tiles(document: Document) -> tuple[Tile, Tile]:
    """Give two key figures: the score, and the floor under it."""
    found = own_scores(document)
    if not found:
        label = "Score"
        return Tile(label, "not measured", ("no run with faults",), quiet=True), Tile(
            "Worst class", "not measured", ("no run with faults",), quiet=True
        )
    score = found[0]
    of = f"arm {score.arm}, {score.restart_profile}"
    label, floor = f"Score {score.name}, arm {score.arm}", f"Worst class, arm {score.arm}"
    if score.word or score.worst is None:
        value = needs(score) or "void"
        notes = ("runs of each class",) if needs(score) else (score.why,)
        return Tile(label, value, (of, *notes), quiet=True), Tile(floor, value, (of, *notes), quiet=True)
    worst = score.classes[score.worst]
    flips = ("another one where degraded answers are worth nothing",) if score.flips else ()
    first = Tile(label, points(score.points.mean), (f"{of} · 95 %: {points_span(score)}", _worths(score)))
    named = f"{fault_title(worst.fault)}, {worst.service}"
    return first, Tile(floor, points(worst.points.mean), (named, f"95 %: {points_span(worst)}", *flips))


def _worths(scored: Score | ClassScore) -> str:
    return f"degraded answers worth 0: {points(scored.worth_0)}; worth 1: {points(scored.worth_1)}"


def waterfalls(document: Document) -> tuple[Points, ...]:
    """Draw one picture a score of the system's own arm; one that is not published says why."""
    return tuple(_waterfall(score) for score in own_scores(document))


def _waterfall(score: Score) -> Points:
    ordered = sorted(score.classes, key=lambda c: (-(c.lost_points or 0.0), c.fault, c.service))
    against = next((c.gain.against for c in ordered if c.gain is not None), "")
    seen = {part.phase for part in score.parts if part.points}
    return Points(
        name=score.name,
        arm=score.arm,
        restart_profile=score.restart_profile,
        why=score.why if score.word else "",
        picture=Markup() if score.word else _picture(score, ordered),
        legend=tuple((f"phase-{p}", p, PHASE_WORDS[p]) for p in PHASE_NAMES if p in seen),
        lines=tuple(_line(one) for one in ordered if one.points.mean is not None),
        against=against,
        implied=implied_text(score),
    )


def _picture(score: Score, ordered: list[ClassScore]) -> Markup:
    drawing = Drawing(
        WIDTH,
        TOP + ROW * (len(ordered) + 1),
        f"points lost by class and phase, from 100 to {points(score.points.mean)}",
    )
    # One point at least, so that nothing lost is drawn as nothing and not blown up.
    scale = linear(0.0, max(1.0, score.lost_points or 0.0), LEFT, RIGHT)
    for value in even_ticks(0.0, max(1.0, score.lost_points or 0.0), 8):
        drawing.line((scale(value), TOP - 4), (scale(value), drawing.height), "grid")
        words = f"−{value:g}" if value else "0"
        drawing.text((scale(value), TOP - 10), words, "sm tick", anchor="middle")
    done = 0.0
    for i, one in enumerate(ordered):
        parts = [p for p in score.parts if (p.fault, p.service) == (one.fault, one.service) and p.points]
        _bar(drawing, one, parts, _Place(done, TOP + ROW * i, scale))
        done += one.lost_points or 0.0
    base = TOP + ROW * len(ordered)
    whole = Box(LEFT, base + 5, scale(score.lost_points or 0.0), base + ROW - 5)
    drawing.rect(whole, "phase-all", f"100 − {points(score.lost_points)} = {points(score.points.mean)}")
    drawing.text((LEFT - 10, base + 17), f"score {points(score.points.mean)}", "sm b", anchor="end")
    drawing.text((whole.right + 8, base + 17), lost(score.lost_points), "sm b")
    return drawing.markup()


def _bar(drawing: Drawing, one: ClassScore, parts: list[Part], place: _Place) -> None:
    """Draw a class's phases one after the other, from where the class above ended."""
    left, top, scale = place.start, place.top, place.scale
    name = f"{fault_title(one.fault)}, {one.service}"
    drawing.text((LEFT - 10, top + 17), fit(name, LEFT - 20), "sm b", anchor="end")
    for part in parts:
        shape = Box(scale(left), top + 5, scale(left + part.points), top + ROW - 5)
        drawing.rect(shape, f"phase-{part.phase}", f"{name}: {part.phase} {lost(part.points)}")
        left += part.points
    drawing.text((scale(left) + 8, top + 17), lost(one.lost_points), "sm b")


def _line(one: ClassScore) -> Line:
    return Line(
        title=fault_title(one.fault),
        service=one.service,
        points=Figure(points(one.points.mean), points_span(one)),
        worths=f"{points(one.worth_0)} / {points(one.worth_1)}",
        gain=_gain(one.gain),
        prevented=_prevented(one.gain),
    )


def _gain(gain: Gain | None) -> Figure:
    if gain is None:
        return Figure("–", quiet=True)
    figure = mean_seconds(gain.gain_s, "no pair")
    flips = ", not where degraded answers are worth nothing" if gain.flips else ""
    return Figure(figure.value, figure.small, f"{CONCLUDES[gain.concludes]}{flips}", quiet=figure.quiet)


def _prevented(gain: Gain | None) -> Figure:
    if gain is None:
        return Figure("–", quiet=True)
    if gain.absorbed:
        return Figure("natively absorbed", quiet=True)
    return Figure("–", quiet=True) if gain.ratio is None else Figure(signed_percent(gain.ratio))
