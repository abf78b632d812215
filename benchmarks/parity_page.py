"""Rows and figures of the part ``parity`` -> one self-contained page: pure, but for the style it reads.

Each class has two lanes, processes above and the virtual clock below: one ring a run, the median as a bar.
Nothing is in it that is not in the rows or in ``parity.json``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import harness.report
from benchmarks.parity_figures import APART_RATIO_MAX, APART_S_MAX, TARGETS, Row, class_name, recovered
from harness.report.scales import root, ticks
from harness.report.svg import Box, Drawing
from harness.report.words import KINDS

_HERE = Path(__file__).parent
_STYLE = Path(harness.report.__file__).parent / "style.css"
_WIDTH, _LEFT, _RIGHT, _HEIGHT = 420.0, 8.0, 412.0, 44.0
_LANES = dict(zip(TARGETS, (14.0, 32.0), strict=True))
_TICK_GAP = 46.0


def page(rows: Sequence[Row], figures: Mapping[str, object], machine: str) -> str:
    """Render the page; the same rows give the same text, byte for byte."""
    sound = [row for row in rows if not row.void]
    limit_s = max((row.recovered_s or 0.0 for row in sound), default=0.0) or 1.0
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("parity.html").render(
        style=Markup(_STYLE.read_text(encoding="utf-8")),
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
    medians = [_seconds(one[target], "value_s") for target in TARGETS]
    apart = None if None in medians else abs((medians[0] or 0.0) - (medians[1] or 0.0))
    fault, _, rest = name.partition(" ")
    return {
        "title": KINDS.get(fault, (fault, ""))[0],
        "where": rest,
        "close": one["close"],
        "targets": [
            {
                "noticed": f"{one[target]['noticed']} of {one[target]['n']}",
                "median": _told(_seconds(one[target], "value_s")),
                "interval": _interval(one[target]),
            }
            for target in TARGETS
        ],
        "apart": _told(apart),
        "lanes": _lanes(name, rows, medians, limit_s),
    }


def _seconds(target: Mapping[str, Mapping[str, object]], key: str) -> float | None:
    value = target["recovery"][key]
    return float(value) if isinstance(value, float | int) else None


def _told(value_s: float | None) -> str:
    if value_s is None:
        return "–"
    return f"{1000 * value_s:.0f} ms" if value_s < 1.0 else f"{value_s:.2f} s"


def _interval(target: Mapping[str, Mapping[str, object]]) -> str:
    """The interval of a median in words, or why there is none."""
    if not target["noticed"]:
        return "not noticed"
    low, high = _seconds(target, "low_s"), _seconds(target, "high_s")
    return (
        f"{_told(low)} to {_told(high)}" if low is not None and high is not None else "not back, or too few"
    )


def _lanes(name: str, rows: Sequence[Row], medians: Sequence[float | None], limit_s: float) -> Markup:
    drawing, scale = Drawing(_WIDTH, _HEIGHT, f"{name}: times of recovery"), root(limit_s, _LEFT, _RIGHT)
    for (target, y), median_s in zip(_LANES.items(), medians, strict=True):
        drawing.line((_LEFT, y), (_RIGHT, y), "grid")
        for value_s in recovered(rows, target):
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
    runs: dict[tuple[str, int, str], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        runs.setdefault((row.experiment, row.repetition, row.arm), {})[row.target] = row.acts
    return [
        {"run": f"{name}, repetition {repetition}, arm {arm}", "acts": [_folded(one[t]) for t in TARGETS]}
        for (name, repetition, arm), one in sorted(runs.items())
        if set(one) == set(TARGETS) and one[TARGETS[0]] != one[TARGETS[1]]
    ]


def _folded(acts: Sequence[str]) -> list[str]:
    counted = [(act, len(list(same))) for act, same in itertools.groupby(acts)]
    return [act if n == 1 else f"{act} ({n} times)" for act, n in counted]
