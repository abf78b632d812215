"""A small drawing: elements that can only be escaped, scales, ticks and labels that never collide.

Colours and sizes live in ``style.css``; a drawing names classes only, so that light, dark and print
are one picture. Text extents are estimated from a wide typeface, so a narrower one never collides.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.report.words import inert

Scale = Callable[[float], float]
"""Seconds (or any quantity) -> horizontal position in the drawing."""

_NARROW, _BROAD = set("ijl.,:;'|!·()[]/ fIrt1"), set("mwMW@%—…✓✕√")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate the width of a line of text in DejaVu Sans, the broadest common interface face."""
    em = 0.0
    for char in text:
        if unicodedata.east_asian_width(char) in "WF":
            em += 1.05
        elif char in _NARROW:
            em += 0.64 if char == "1" else 0.42
        elif char in _BROAD or char.isupper():
            em += 1.0 if char in _BROAD else 0.74
        else:
            em += 0.64
    return em * size * (1.12 if bold else 1.0)


@dataclass(frozen=True, slots=True)
class Box:
    """The estimated extent of one text in a drawing."""

    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def touches(self, other: Box) -> bool:
        """Say whether two boxes share area."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def number(value: float) -> str:
    """Write a coordinate with one decimal and no trailing zero.

    >>> number(3.0), number(2.25), number(-0.01)
    ('3', '2.2', '0')
    """
    short = f"{value:.1f}"
    short = short.removesuffix(".0")
    return "0" if short == "-0" else short


class Drawing:
    """Collects SVG elements; ``boxes`` holds the extent of every text for the collision tests."""

    def __init__(self, width: float, height: float, label: str) -> None:
        """Start an empty drawing of ``width`` x ``height`` units, named ``label`` for screen readers."""
        self.width, self.height, self.label = width, height, label
        self.boxes: list[Box] = []
        self._parts: list[Markup] = []

    def line(self, start: tuple[float, float], end: tuple[float, float], cls: str) -> None:
        """Draw a straight line."""
        (x1, y1), (x2, y2) = start, end
        mark = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>')
        self._parts.append(mark.format(number(x1), number(y1), number(x2), number(y2), cls))

    def path(self, points: Iterable[tuple[float, float]], cls: str, *, closed: bool = False) -> None:
        """Draw a polyline, or a filled area if ``closed``; fewer than two points draw nothing."""
        places = [f"{number(x)} {number(y)}" for x, y in points]
        if len(places) < 2:
            return
        data = "M" + "L".join(places) + ("Z" if closed else "")
        self._parts.append(Markup('<path d="{}" class="{}"/>').format(data, cls))

    def rect(self, box: Box, cls: str, tip: str = "") -> None:
        """Draw a rectangle; ``tip`` is its native tooltip."""
        mark = Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}">{}</rect>')
        size = (number(box.right - box.left), number(box.bottom - box.top))
        self._parts.append(mark.format(number(box.left), number(box.top), *size, cls, _tip(tip)))

    def dot(self, centre: tuple[float, float], radius: float, cls: str, tip: str = "") -> None:
        """Draw a circle; ``tip`` is its native tooltip."""
        mark = Markup('<circle cx="{}" cy="{}" r="{}" class="{}">{}</circle>')
        self._parts.append(mark.format(number(centre[0]), number(centre[1]), number(radius), cls, _tip(tip)))

    def arrow(self, tip: tuple[float, float], cls: str) -> None:
        """Draw an open arrow head that points to the right: "goes on beyond the axis"."""
        x, y = tip
        self.path([(x - 5, y - 4), (x, y), (x - 5, y + 4)], cls)

    def text(self, at: tuple[float, float], words: str, cls: str = "", *, anchor: str = "start") -> None:
        """Write one line with its baseline at ``at``; ``anchor`` is start, middle or end."""
        safe = inert(words, 120)
        x, y = at
        size, bold = (11.5 if "sm" in cls.split() else 13), "b" in cls.split()
        self.boxes.append(_box(at, safe, size, bold=bold, anchor=anchor))
        place = Markup(' text-anchor="{}"').format(anchor) if anchor != "start" else Markup()
        name = Markup(' class="{}"').format(cls) if cls else Markup()
        mark = Markup('<text x="{}" y="{}"{}{}>{}</text>')
        self._parts.append(mark.format(number(x), number(y), place, name, escape(safe)))

    def markup(self) -> Markup:
        """Give the whole ``<svg>`` element."""
        head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            number(self.width), number(self.height), inert(self.label)
        )
        return head + Markup("").join(self._parts) + Markup("</svg>")


def _tip(words: str) -> Markup:
    return Markup("<title>{}</title>").format(inert(words)) if words else Markup()


def _box(at: tuple[float, float], words: str, size: float, *, bold: bool, anchor: str) -> Box:
    wide = text_width(words, size, bold=bold)
    left = at[0] - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    return Box(left, at[1] - size * 0.85, left + wide, at[1] + size * 0.25, words)


def linear(start: float, end: float, left: float, right: float) -> Scale:
    """Map [start, end] to [left, right] evenly, clamped."""
    length = (end - start) or 1.0
    return lambda value: left + (right - left) * min(1.0, max(0.0, (value - start) / length))


def root(limit: float, left: float, right: float) -> Scale:
    """Map [0, limit] to [left, right] by square root, clamped: short outages stay apart, long ones fit."""
    return lambda value: left + (right - left) * math.sqrt(min(1.0, max(0.0, value / limit)))


def ticks(limit: float, scale: Scale, gap: float) -> tuple[float, ...]:
    """Choose round tick values in [0, limit], the limit itself among them, at least ``gap`` apart.

    >>> ticks(10.0, root(10.0, 0, 300), 40)
    (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
    """
    low = math.floor(math.log10(limit)) - 2
    nice = [m * 10.0**k for k in range(low, low + 4) for m in (1, 2, 5)]
    chosen = [limit]
    for value in sorted((v for v in nice if v < limit), reverse=True):
        if scale(chosen[-1]) - scale(value) >= gap and scale(value) - scale(0) >= gap:
            chosen.append(value)
    return (0.0, *sorted(chosen))


def even_ticks(start: float, end: float, most: int) -> tuple[float, ...]:
    """Choose at most ``most`` evenly spaced round values in [start, end]; 0 is one of them if inside.

    >>> even_ticks(-2.0, 13.5, 10)
    (-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
    """
    rough = (end - start) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first, last = math.ceil(start / step), math.floor(end / step)
    return tuple(i * step for i in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical mark at ``x`` with its words."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Label:
    """Where a mark's words stand: row 0 is the nearest to the plot."""

    x: float
    words: str
    row: int
    anchor: str


def place(marks: Sequence[Mark], left: float, right: float, size: float = 11.5) -> tuple[Label, ...]:
    """Place the words of marks in two rows so that no words meet and no mark's line crosses words.

    Marks closer than 6 units share one label. Where no placing is free of collisions the two
    nearest marks are merged and it is tried again, so it always ends: one label fits.
    """
    groups = _merge_close(sorted(marks, key=lambda m: m.x))
    while len(groups) > 1:
        for choice in itertools.product(_CHOICES, repeat=len(groups)):
            labels = tuple(
                Label(m.x, m.words, row, anchor) for m, (row, anchor) in zip(groups, choice, strict=True)
            )
            if _free(labels, left, right, size):
                return labels
        groups = _merge_nearest(groups)
    return tuple(Label(m.x, m.words, 0, "start" if m.x < (left + right) / 2 else "end") for m in groups)


_CHOICES = ((0, "start"), (1, "start"), (0, "end"), (1, "end"))


def _merge_close(marks: list[Mark]) -> list[Mark]:
    groups: list[Mark] = []
    for mark in marks:
        if groups and mark.x - groups[-1].x < 6:
            groups[-1] = Mark(groups[-1].x, f"{groups[-1].words} · {mark.words}")
        else:
            groups.append(mark)
    return groups


def _merge_nearest(groups: list[Mark]) -> list[Mark]:
    gaps = [b.x - a.x for a, b in itertools.pairwise(groups)]
    i = gaps.index(min(gaps))
    return [*groups[:i], Mark(groups[i].x, f"{groups[i].words} · {groups[i + 1].words}"), *groups[i + 2 :]]


def _extent(label: Label, size: float) -> tuple[float, float]:
    wide = text_width(label.words, size, bold=True) + 10
    return (label.x, label.x + wide) if label.anchor == "start" else (label.x - wide, label.x)


def _free(labels: tuple[Label, ...], left: float, right: float, size: float) -> bool:
    extents = [_extent(label, size) for label in labels]
    if any(low < left or high > right for low, high in extents):
        return False
    for (one, (a, b)), (two, (c, d)) in itertools.combinations(zip(labels, extents, strict=True), 2):
        if one.row == two.row and a < d and c < b:
            return False
        upper, (low, high) = (one, (c, d)) if one.row > two.row else (two, (a, b))
        if one.row != two.row and low < upper.x < high:
            return False  # the upper label's line would run through the lower label's words
    return True
