"""Rows and figures of the part ``parity`` -> one self-contained page: pure, but for the style it reads.

Each class has two lanes, processes above and the virtual clock below: one ring a run, the median as a bar.
Nothing is in it that is not in the rows or in ``parity.json``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from benchmarks.parity_figures import (
    APART_RATIO_MAX,
    APART_S_MAX,
    TARGETS,
    Row,
    acts_on_both,
    class_name,
    seconds_of,
)
from harness.report.html import environment, style
from harness.report.scales import root, ticks
from harness.report.svg import Box, Drawing
from harness.report.words import KINDS

_HERE = Path(__file__).parent
_WIDTH, _LEFT, _RIGHT, _HEIGHT = 420.0, 8.0, 412.0, 44.0
_LANES = dict(zip(TARGETS, (14.0, 32.0), strict=True))
_TICK_GAP = 46.0


def page(rows: Sequence[Row], figures: Mapping[str, object], machine: str) -> str:
    """Render the page; the same rows give the same text, byte for byte."""
    sound = [row for row in rows if not row.void]
    limit_s = max((row.recovered_s or 0.0 for row in sound), default=0.0) or 1.0
    template = environment(_HERE).get_template("parity.html")
    return template.render(
        style=style(),
        machine=machine,
        commits=sorted({row.commit for row in rows}),
        figures=figures,
        met=all(_mapping(figures, "bars").values()),
        classes=[
            _line(name, one, [row for row in sound if class_name(row) == name], limit_s)
            for name, one in _mapping(figures, "classes").items()
        ],
        axis=_axis(limit_s),
        excused=_mapping(figures, "excused"),
        agreement=_mapping(figures, "agreement"),
        bars=_mapping(figures, "bars"),
        differing=_differing(rows),
        apart_ms=round(1000 * APART_S_MAX),
        apart_percent=round(100 * APART_RATIO_MAX),
    )


def _mapping(figures: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = figures[key]
    if not isinstance(found, Mapping):
        raise TypeError(f"{key} of the figures is no mapping")
    return found


def _line(name: str, one: object, rows: Sequence[Row], limit_s: float) -> Mapping[str, object]:
    if not isinstance(one, Mapping):
        raise TypeError(f"class {name} of the figures is no mapping")
    medians = [seconds_of(one[target], "value_s") for target in TARGETS]
    apart = None if None in medians else abs((medians[0] or 0.0) - (medians[1] or 0.0))
    fault, _, rest = name.partition(" ")
    return {
        "title": KINDS.get(fault, (fault, ""))[0],
        "where": rest,
        "close": one["close"],
        "targets": [
            {
                "noticed": f"{one[target]['noticed']} of {one[target]['n']}",
                "median": _told(median_s),
                "interval": _interval(one[target]),
            }
            for target, median_s in zip(TARGETS, medians, strict=True)
        ],
        "apart": _told(apart),
        "lanes": _lanes(name, rows, medians, limit_s),
    }


def _told(value_s: float | None) -> str:
    if value_s is None:
        return "–"
    return f"{1000 * value_s:.0f} ms" if value_s < 1.0 else f"{value_s:.2f} s"


def _interval(target: Mapping[str, object]) -> str:
    """The interval of a median in words, or why there is none."""
    if not target["noticed"]:
        return "not noticed"
    low, high = seconds_of(target, "low_s"), seconds_of(target, "high_s")
    return (
        f"{_told(low)} to {_told(high)}" if low is not None and high is not None else "not back, or too few"
    )


def _lanes(name: str, rows: Sequence[Row], medians: Sequence[float | None], limit_s: float) -> Markup:
    drawing, scale = Drawing(_WIDTH, _HEIGHT, f"{name}: times of recovery"), root(limit_s, _LEFT, _RIGHT)
    for (target, y), median_s in zip(_LANES.items(), medians, strict=True):
        drawing.line((_LEFT, y), (_RIGHT, y), "grid")
        for value_s in (row.recovered_s for row in rows if row.target == target):
            if value_s is not None:
                drawing.dot((scale(value_s), y), 3.5, "ring own", f"{target}: {_told(value_s)}")
        if median_s is not None:
            x = scale(median_s)
            drawing.rect(Box(x - 1.5, y - 8, x + 1.5, y + 8), "median-bar", f"{target}: {_told(median_s)}")
    return drawing.markup()


def _axis(limit_s: float) -> Markup:
    drawing, scale = Drawing(_WIDTH, 18.0, "seconds"), root(limit_s, _LEFT, _RIGHT)
    for value_s in ticks(limit_s, scale, _TICK_GAP):
        anchor = "start" if value_s == 0.0 else "end" if value_s == limit_s else "middle"
        drawing.text((scale(value_s), 13.0), f"{value_s:.2g} s", "mut sm", anchor=anchor)
    return drawing.markup()


def _differing(rows: Sequence[Row]) -> list[Mapping[str, object]]:
    """Runs whose acts are not the same on both targets, with both lists."""
    return [
        {"run": f"{name}, repetition {repetition}, arm {arm}", "acts": [_folded(acts) for acts in both]}
        for (name, repetition, arm), both in sorted(acts_on_both(rows).items())
        if both[0] != both[1]
    ]


def _folded(acts: Sequence[str]) -> list[str]:
    counted = [(act, len(list(same))) for act, same in itertools.groupby(acts)]
    return [act if n == 1 else f"{act} ({n} times)" for act, n in counted]
