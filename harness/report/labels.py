"""Short labels: words at vertical marks, in two rows so that they never meet; names cut to fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.svg import text_width
from harness.report.words import inert


def profile_label(name: str) -> str:
    """Shorten the name of an adjusted profile, which lists every knob that differs.

    >>> profile_label("demo+hold_s+tau_s"), profile_label("default")
    ('demo, 2 changed', 'default')
    """
    base, *changed = name.split("+")
    return f"{base}, {len(changed)} changed" if changed else base


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


def count_text(n: int, void: int, unmet: int) -> str:
    """Write a number of episodes, with those that count for nothing.

    >>> count_text(30, 0, 0), count_text(30, 1, 2)
    ('30', '30 (1 void) (2 not met)')
    """
    apart = {"void": void, "not met": unmet}
    return f"{n}" + "".join(f" ({k} {what})" for what, k in apart.items() if k)


def fit(words: str, room: float) -> str:
    """Shorten a name to the room before the bars; the table above has it in full."""
    short = inert(words, 60)
    if text_width(short, 11.5, bold=True) <= room:
        return short
    while short and text_width(short + "…", 11.5, bold=True) > room:
        short = short[:-1]
    return short + "…"
