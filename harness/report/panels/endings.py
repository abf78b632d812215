"""How episodes ended: competing ways, one length for each episode in every class and arm."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.estimates.model import ClassEstimate
from harness.report.document import Document
from harness.report.figures import endings_text
from harness.report.labels import fit
from harness.report.panels.classes import grouped
from harness.report.panels.summary import class_words
from harness.report.svg import Box, Drawing, text_width
from harness.report.words import ENDINGS, fault_title

WIDTH, LEFT, ROW = 1080.0, 330.0, 26.0
EPISODE_MAX = 96.0  # one episode is a block, not a bar across the page: length shows n


@dataclass(frozen=True, slots=True)
class Endings:
    """The picture and its legend: (class, label, meaning) of the ways that occurred."""

    picture: Markup
    legend: tuple[tuple[str, str, str], ...]


def endings(document: Document) -> Endings:
    """Draw one bar a class and arm, as long as it has counted episodes."""
    classes = [c for group in grouped(document) for c in group]
    drawing = Drawing(WIDTH, ROW * max(1, len(classes)), "how the episodes of each class ended")
    most = max((sum(c.ended_by.values()) for c in classes), default=0)
    unit = min(EPISODE_MAX, (WIDTH - LEFT) / max(1, most))
    for i, estimate in enumerate(classes):
        _bar(drawing, estimate, i * ROW, unit)
    seen = {cause for c in classes for cause, count in c.ended_by.items() if count}
    known = tuple((_cls(c), label, meaning) for c, (label, meaning) in ENDINGS.items() if c in seen)
    other = tuple((_cls(c), c, "") for c in sorted(seen - set(ENDINGS)))
    return Endings(drawing.markup(), known + other)


def _cls(cause: str) -> str:
    return f"end-{cause.replace(' ', '-')}" if cause in ENDINGS else "end-other"


def _bar(drawing: Drawing, estimate: ClassEstimate, top: float, unit: float) -> None:
    name = f"{fault_title(estimate.fault)}, {estimate.service}"
    drawing.text((0, top + 17), fit(name, 200), "sm b")
    drawing.text((LEFT - 10, top + 17), f"{estimate.arm}, {estimate.restart_profile}", "sm", anchor="end")
    counts = [
        (c, estimate.ended_by.get(c, 0)) for c in [*ENDINGS, *sorted(set(estimate.ended_by) - set(ENDINGS))]
    ]
    if not any(count for _, count in counts):
        drawing.text((LEFT + 4, top + 17), "no counted episode", "sm")
        return
    left = LEFT
    for cause, count in counts:
        right = left + unit * count
        if count:
            _segment(drawing, Box(left, top + 4, right, top + ROW - 4), cause, count)
        left = right


def _segment(drawing: Drawing, box: Box, cause: str, count: int) -> None:
    label = ENDINGS.get(cause, (cause, ""))[0]
    shape = Box(box.left + 1, box.top, box.right - 1, box.bottom)
    drawing.rect(shape, _cls(cause), f"{label}: {count}")
    room = box.right - box.left - 12
    for words in (f"{label} {count}", f"{count}"):
        if text_width(words, 11.5, bold=True) <= room:
            drawing.text((box.left + 8, box.bottom - 5), words, "sm b pill")
            return


def spoken(document: Document) -> tuple[str, ...]:
    """Say the bars in words, for readers who do not see them."""
    classes = [c for group in grouped(document) for c in group]
    return tuple(f"{class_words(c)}: {endings_text(c)}" for c in classes)
