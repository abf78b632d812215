"""A small drawing: elements that can only be escaped, and the extent of every text in it.

Colours and sizes live in ``style.css``; a drawing names classes only, so that light, dark and print
are one picture. Text extents are estimated from a wide typeface, so a narrower one never collides.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.report.words import inert

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
