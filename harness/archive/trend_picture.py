"""One class over time as a drawing: median and p90 with their intervals, gaps, and where figures are others.

Comes in: a ``Series``. Goes out: inline SVG and the words of its breaks. Campaigns stand side by side in
their order, not by date: two of one day would lie on each other. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from harness.archive.listing import class_name, figure_text
from harness.archive.trends import Series, Stage, is_joined
from harness.estimates.model import Quantile
from harness.report.scales import Scale, root, ticks
from harness.report.svg import Box, Drawing
from harness.report.words import fault_title, inert, when

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 540.0, 210.0, 52.0, 528.0, 26.0, 168.0
STAGES_MAX = 40
"""So many campaigns a picture, the newest: closer ones could not be told apart."""
_APART = 4.0  # a p90 stands so much to the right of its median
_DATE = 76.0  # the room that a date takes


@dataclass(frozen=True, slots=True)
class Picture:
    """A trend as shown. ``notes``: the words of its breaks; ``cut``: how many older ones are not drawn."""

    title: str
    subject: str
    who: str
    drawing: Markup
    notes: tuple[str, ...]
    cut: int


def picture(one: Series) -> Picture:
    """Draw one series."""
    stages = one.stages[-STAGES_MAX:]
    drawing = Drawing(WIDTH, HEIGHT, f"{class_name(one)}: recovery by campaign")
    limit_s = max(stage.point.horizon_s for stage in stages) or 1.0
    scale = root(limit_s, BOTTOM, TOP)
    _frame(drawing, limit_s, scale)
    places = [_place(i, len(stages)) for i in range(len(stages))]
    notes = _breaks(drawing, stages, places)
    for (before, x1), (after, x2) in pairwise(zip(stages, places, strict=True)):
        if is_joined(before, after):
            line = [(x1, scale(_s(before.point.median))), (x2, scale(_s(after.point.median)))]
            drawing.path(line, "curve arm-none")
    for stage, x in zip(stages, places, strict=True):
        _stage(drawing, stage, x, scale)
    _dates(drawing, stages, places)
    return Picture(
        fault_title(one.fault),
        one.subject,
        f"{one.arm}, {one.restart_profile}",
        drawing.markup(),
        notes,
        len(one.stages) - len(stages),
    )


def _s(quantile: Quantile) -> float:
    return quantile.value_s or 0.0


def _place(number: int, count: int) -> float:
    inner = RIGHT - LEFT - 40
    return LEFT + 20 + (inner / 2 if count == 1 else inner * number / (count - 1))


def _frame(drawing: Drawing, limit_s: float, scale: Scale) -> None:
    def up(value: float) -> float:
        return BOTTOM - scale(value)

    for value in ticks(limit_s, up, 24):
        y = scale(value)
        drawing.line((LEFT, y), (RIGHT, y), "tau" if value == limit_s else "grid")
        drawing.text((LEFT - 6, y + 4), f"{value:g} s", "sm tick", anchor="end")


def _breaks(drawing: Drawing, stages: tuple[Stage, ...], places: list[float]) -> tuple[str, ...]:
    """Draw a line before each stage whose figures are others, with the number of its words."""
    notes = []
    for number, stage in enumerate(stages):
        if not stage.breaks or not number:
            continue
        notes.append("; ".join(inert(words, 120) for words in stage.breaks))
        x = (places[number - 1] + places[number]) / 2
        drawing.line((x, TOP - 8), (x, BOTTOM), "mark")
        drawing.text((x, TOP - 12), f"{len(notes)}", "sm", anchor="middle")
    return tuple(notes)


def _stage(drawing: Drawing, stage: Stage, x: float, scale: Scale) -> None:
    name = f"{stage.id}, {when(stage.started_utc)}"
    if stage.gap:
        _missing(drawing, x, "–", f"{name}: {stage.gap}")
        return
    point = stage.point
    if point.median.value_s is None and not _beyond(point.median):
        needs = figure_text(point.median, point.horizon_s)
        _missing(drawing, x, "?", f"{name}: {needs if point.back.n else 'no impact'}")
        return
    for quantile, at, cls in ((point.median, x, "median"), (point.p90, x + _APART, "p90")):
        tip = f"{name}: {figure_text(quantile, point.horizon_s)}"
        _quantile(drawing, quantile, (at, scale), cls=cls, tip=tip)


def _missing(drawing: Drawing, x: float, sign: str, tip: str) -> None:
    drawing.text((x, BOTTOM - 6), sign, "b", anchor="middle")
    drawing.rect(Box(x - 5, TOP, x + 5, BOTTOM), "touch", tip)


def _beyond(quantile: Quantile) -> bool:
    return quantile.n >= quantile.needs_n > 0 and quantile.value_s is None


def _quantile(
    drawing: Drawing, quantile: Quantile, place: tuple[float, Scale], *, cls: str, tip: str
) -> None:
    """A dot with its interval; an end beyond the horizon goes up to it and ends in an arrow head."""
    x, scale = place
    if quantile.n < quantile.needs_n:
        return
    top = TOP if quantile.high_s is None else scale(quantile.high_s)
    if quantile.low_s is not None:
        drawing.line((x, scale(quantile.low_s)), (x, top), f"bar {cls}")
    if quantile.high_s is None:
        drawing.path([(x - 4, TOP + 5), (x, TOP), (x + 4, TOP + 5)], f"bar {cls}")
    if quantile.value_s is not None:
        drawing.dot((x, scale(quantile.value_s)), 3.2, f"point {cls}", tip)
    else:
        drawing.rect(Box(x - 3, TOP, x + 3, BOTTOM), "touch", tip)


def _dates(drawing: Drawing, stages: tuple[Stage, ...], places: list[float]) -> None:
    """Write days under as many campaigns as there is room for; the newest is among them."""
    last = WIDTH + _DATE
    for stage, x in reversed(list(zip(stages, places, strict=True))):
        if last - x >= _DATE:
            day = inert(when(stage.started_utc))[:10] if stage.started_utc else "no date"
            drawing.line((x, BOTTOM), (x, BOTTOM + 4), "mark")
            middle = min(max(x, LEFT), WIDTH - _DATE / 2)
            drawing.text((middle, BOTTOM + 18), day, "sm tick", anchor="middle")
            last = middle
