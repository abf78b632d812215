"""Which model served, in one run of the own arm: a row a version, a bar a stretch, aliases, and why.

Bars and changes were seen from outside; the reasons are the healer's own words. One line says what a monitor
of confidence would have made of the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.episodes.confidence import FALL_RATIO, WINDOW
from harness.episodes.monitors import Confidence
from harness.episodes.timeline import ModelTimeline, ServedVersion
from harness.report.document import Document
from harness.report.lengths import after
from harness.report.panels.classes import grouped
from harness.report.panels.inside import Scene, scenes_of
from harness.report.panels.summary import main_arm
from harness.report.scales import even_ticks, linear
from harness.report.svg import Box, Drawing
from harness.report.words import fault_title

WIDTH, LEFT, RIGHT, ROW, TOP = 540.0, 150.0, 524.0, 22.0, 14.0
BAR = 9.0
PANELS_MAX, LINES_MAX, VERSIONS_MAX = 6, 14, 8
NAME_MAX = 22
BY = {"healer": "whoever heals", "harness": "this experiment"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, what, and who says so."""

    at: str
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One fault in one run; ``more``: versions and lines that are left out."""

    title: str
    subject: str
    arm: str
    seed: str
    picture: Markup
    lines: tuple[Line, ...]
    more: int
    confidence: str


def timelines(document: Document) -> tuple[Panel, ...]:
    """Give one panel for each fault around which another model came to serve, in the order of the table."""
    own, found = main_arm(document), []
    for group in grouped(document):
        told = [one for c in group if c.arm == own for one in _told(scenes_of(document, c))]
        if told:
            found.append(_panel(*sorted(told, key=lambda one: _middle(one[0]))[len(told) // 2]))
    return tuple(found[:PANELS_MAX])


def _told(scenes: Iterator[Scene]) -> list[tuple[Scene, ModelTimeline]]:
    return [(scene, scene.episode.models) for scene in scenes if scene.episode.models is not None]


def _middle(scene: Scene) -> tuple[float, str]:
    """By what is to be the middle one: how long the first act took, then the name of the run."""
    acted_s = scene.episode.acted_s
    return float("inf") if acted_s is None else acted_s, scene.run.run_id


def _panel(scene: Scene, models: ModelTimeline) -> Panel:
    title = fault_title(scene.episode.kind)
    seen = [(one.at_s, one.what, f"seen; by {BY[one.by]}") for one in models.changes]
    said = [(one.at_s, f"{one.what}: {one.reason}", "the healer says") for one in models.told]
    lines = sorted(said + seen, key=lambda line: line[0])  # of one instant in the order in which they came
    return Panel(
        title=title,
        subject=scene.episode.service,
        arm=scene.run.arm,
        seed=str(scene.run.seed),
        picture=_picture(f"{title}, {scene.episode.service}", models),
        lines=tuple(Line(after(at_s), what, source) for at_s, what, source in lines[:LINES_MAX]),
        more=max(0, len(lines) - LINES_MAX) + max(0, len(_by_version(models)) - VERSIONS_MAX),
        confidence=_confidence(scene.episode.confidence),
    )


def _confidence(found: Confidence | None) -> str:
    """Say what a monitor of confidence would have done; without data it is not said to be quiet."""
    watches = f"mean of max(p, 1 − p) over {WINDOW} answers, fires {100 * FALL_RATIO:g} % below what it was"
    if found is None:
        return f"A monitor of confidence ({watches}) would have had no data."
    says = "fired" if found.fires else "stayed quiet"
    return (
        f"A monitor of confidence ({watches}) would have {says}: "
        f"{found.reference:.3f} before the first fault, {found.lowest:.3f} at the lowest{_there(found)}."
    )


def _there(found: Confidence) -> str:
    """Of a model that the fault set too few answers are told; else nothing is said where none came."""
    if found.there is None:
        few = f", too few answers ({found.answers}) of the model that the fault set"
        return few if found.version else ""
    answers = f"in the {found.answers} answers of the model that the fault set"
    return f", {found.there:.3f} {answers if found.version else 'while the fault was there'}"


def _by_version(models: ModelTimeline) -> list[tuple[str, list[ServedVersion]]]:
    """Each version with its stretches, in the order of the first answers."""
    found: dict[str, list[ServedVersion]] = {}
    for one in models.served:
        found.setdefault(one.version, []).append(one)
    return list(found.items())


def _picture(name: str, models: ModelTimeline) -> Markup:
    versions = _by_version(models)[:VERSIONS_MAX]
    ends = [end for _, served in versions for one in served for end in (one.from_s, one.until_s)] or [0.0]
    ends += [one.at_s for one in models.changes]
    start_s, end_s = min(0.0, *ends), max(1.0, *ends)
    across = linear(start_s, end_s, LEFT, RIGHT)
    bottom = TOP + ROW * len(versions)
    drawing = Drawing(WIDTH, bottom + 26, f"{name}: which version answered, over time since the fault")
    for value in even_ticks(start_s, end_s, 6):
        drawing.line((across(value), TOP), (across(value), bottom), "grid")
        unit = " s" if value == 0 else ""
        words = f"{value:g}{unit}".replace("-", "−")
        drawing.text((across(value), bottom + 18), words, "sm tick", anchor="middle")
    for number, (version, served) in enumerate(versions):
        middle = TOP + ROW * (number + 0.5)
        short = version if len(version) <= NAME_MAX else f"{version[: NAME_MAX - 1]}…"
        drawing.text((LEFT - 8, middle + 4), short, "sm tick", anchor="end")
        for one in served:
            box = Box(across(one.from_s), middle - BAR / 2, across(one.until_s), middle + BAR / 2)
            tip = f"{version}: {one.units} answers from {after(one.from_s)} to {after(one.until_s)}"
            drawing.rect(box, "version", tip)
    for change in models.changes:
        tip = f"{after(change.at_s)}: {change.what}, by {BY[change.by]}"
        drawing.dot((across(change.at_s), bottom), 3.5, "flag", tip)
    return drawing.markup()
