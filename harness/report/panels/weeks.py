"""Campaign by campaign: the score, and the median of every class, of this question in this store.

Comes in: the document with its ``past``. Goes out: drawings. A campaign of which no figure counts is a gap
that nothing is drawn across, and where something is another than before the line ends. Seconds of two classes
are never put together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from harness.estimates.model import ClassEstimate, Mean, Quantile
from harness.estimates.points import Score
from harness.report.document import Document
from harness.report.figures import quantile_figure
from harness.report.labels import fit
from harness.report.lengths import seconds
from harness.report.panels.classes import grouped
from harness.report.panels.points import own_scores
from harness.report.panels.summary import main_arm
from harness.report.past import PastCampaign
from harness.report.scales import Scale, even_ticks, linear
from harness.report.scores import points
from harness.report.svg import Box, Drawing
from harness.report.words import fault_title, inert, when

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1080.0, 176.0, 64.0, 960.0, 30.0, 140.0
SMALL = (
    356.0,
    108.0,
    46.0,
    262.0,
    10.0,
    88.0,
)  # the same of a class: width, height, left, right, top, bottom
CLASSES_MAX = 12
DATE_ROOM = 84.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One campaign on the axis. ``low``, ``value``, ``high`` None: no such end, or no figure."""

    name: str
    day: str
    gap: str
    breaks: tuple[str, ...]
    low: float | None = None
    value: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Small:
    """One class as a small multiple."""

    title: str
    service: str
    restart_profile: str
    picture: Markup


@dataclass(frozen=True, slots=True)
class Weeks:
    """The whole panel; ``notes``: what was another, in the order of the numbers in the picture."""

    score: str
    arm: str
    picture: Markup
    notes: tuple[str, ...]
    classes: tuple[Small, ...]


def weeks(document: Document) -> Weeks | None:
    """Build the panel; None where the store held nothing of this question before."""
    if document.past is None:
        return None
    arm = main_arm(document)
    score = next(iter(own_scores(document)), None)
    moments = _of_score(document, score)
    drawing = Drawing(WIDTH, HEIGHT, f"score of arm {arm} by campaign")
    notes = _trend(drawing, moments)
    own = [c for group in grouped(document) for c in group if c.arm == arm]
    name = "" if score is None else score.name
    small = tuple(_small(document, one) for one in own[:CLASSES_MAX])
    return Weeks(name, arm, drawing.markup(), notes, small)


def _of_score(document: Document, score: Score | None) -> list[Moment]:
    found = []
    for one in _earlier(document):
        mine = [s.points for s in one.scores if score and _same(s.name, s.arm, s.restart_profile, score)]
        found.append(_mean(_moment(one), mine[0] if mine else None))
    return [*found, _mean(_now(document), None if score is None else score.points)]


def _same(name: str, arm: str, restart_profile: str, score: Score) -> bool:
    """Scores of one name count the same things for the same time."""
    return (name, arm, restart_profile) == (score.name, score.arm, score.restart_profile)


def _earlier(document: Document) -> tuple[PastCampaign, ...]:
    return () if document.past is None else document.past.campaigns


def _moment(one: PastCampaign) -> Moment:
    return Moment(one.id, _day(one.started_utc), one.gap, one.breaks)


def _now(document: Document) -> Moment:
    verdict = document.verdict
    gap = f"{verdict.word}: {verdict.why}" if verdict.word in ("VOID", "UNSAFE") else ""
    other = document.past.breaks if document.past else ()
    return Moment(document.campaign, _day(document.inputs.started_utc), gap, other)


def _day(stamp: str) -> str:
    return inert(when(stamp))[:10] if stamp else "no date"


def _mean(moment: Moment, mean: Mean | None) -> Moment:
    if mean is None:
        return moment
    return Moment(
        moment.name, moment.day, moment.gap, moment.breaks, low=mean.low, value=mean.mean, high=mean.high
    )


def _trend(drawing: Drawing, moments: Sequence[Moment]) -> tuple[str, ...]:
    """Draw the score on an axis as long as its intervals; gives the words of the breaks."""
    ends = [end for m in moments for end in (m.low, m.value, m.high) if end is not None and not m.gap]
    low, high = (min(ends), max(ends)) if ends else (0.0, 100.0)
    low, high = max(0.0, low - 2.0), min(100.0, high + 2.0)
    scale = linear(low, high, BOTTOM, TOP)
    for value in even_ticks(low, high, 4):
        drawing.line((LEFT, scale(value)), (RIGHT, scale(value)), "grid")
        drawing.text((LEFT - 8, scale(value) + 4), f"{value:g}", "sm tick", anchor="end")
    places = [_place(i, len(moments), LEFT, RIGHT) for i in range(len(moments))]
    notes = _breaks(drawing, moments, places)
    _gaps(drawing, moments, places, (TOP, BOTTOM))
    for piece in _pieces(moments, places):
        drawing.path([(x, scale(m.value or 0.0)) for m, x in piece], "curve arm-none")
    for m, x in zip(moments, places, strict=True):
        _dot(drawing, m, x, scale, tip=f"{m.name}: {points(m.value)}")
    last = moments[-1]
    if last.value is not None and not last.gap:
        drawing.text((places[-1] + 12, scale(last.value) + 4), points(last.value), "b")
    if not ends:
        drawing.text(
            ((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2), "no score was published", "sm", anchor="middle"
        )
    _days(drawing, moments, places)
    return notes


def _place(number: int, count: int, left: float, right: float) -> float:
    inner = right - left - 40
    return left + 20 + (inner / 2 if count == 1 else inner * number / (count - 1))


def _breaks(drawing: Drawing, moments: Sequence[Moment], places: Sequence[float]) -> tuple[str, ...]:
    notes = []
    for i, moment in enumerate(moments):
        if i and moment.breaks:
            notes.append("; ".join(inert(words, 120) for words in moment.breaks))
            x = (places[i - 1] + places[i]) / 2
            drawing.line((x, TOP - 8), (x, BOTTOM), "tau")
            drawing.text((x, TOP - 12), f"{len(notes)}", "sm tick", anchor="middle")
    return tuple(notes)


def _gaps(
    drawing: Drawing, moments: Sequence[Moment], places: Sequence[float], ends: tuple[float, float]
) -> None:
    for moment, x in zip(moments, places, strict=True):
        if moment.gap:
            drawing.rect(Box(x - 9, ends[0], x + 9, ends[1]), "gap", f"{moment.name}: {moment.gap}")


def _pieces(moments: Sequence[Moment], places: Sequence[float]) -> Iterator[list[tuple[Moment, float]]]:
    """Give the stretches over which a line may be drawn."""
    piece: list[tuple[Moment, float]] = []
    for moment, x in zip(moments, places, strict=True):
        if moment.breaks and piece:
            yield piece
            piece = []
        if moment.gap or moment.value is None:
            if piece:
                yield piece
            piece = []
        else:
            piece.append((moment, x))
    if piece:
        yield piece


def _dot(drawing: Drawing, moment: Moment, x: float, scale: Scale, *, tip: str) -> None:
    if moment.value is None or moment.gap:
        return
    if moment.low is not None and moment.high is not None:
        drawing.line((x, scale(moment.low)), (x, scale(moment.high)), "bar median")
    drawing.dot((x, scale(moment.value)), 3.6, "point median", tip)


def _days(drawing: Drawing, moments: Sequence[Moment], places: Sequence[float]) -> None:
    """Write days under as many campaigns as there is room for; this one is among them."""
    last = WIDTH + DATE_ROOM
    for moment, x in reversed(list(zip(moments, places, strict=True))):
        if last - x >= DATE_ROOM:
            drawing.text((x, BOTTOM + 20), moment.day, "sm tick", anchor="middle")
            last = x


def _small(document: Document, estimate: ClassEstimate) -> Small:
    """One class: its medians with their intervals; what lies beyond the horizon stands at the top."""
    key = (estimate.fault, estimate.service, estimate.arm, estimate.restart_profile)
    moments = []
    for one in _earlier(document):
        mine = [c.median for c in one.classes if (c.fault, c.service, c.arm, c.restart_profile) == key]
        moments.append(_median(_moment(one), mine[0] if mine else None, estimate.tau_s))
    moments.append(_median(_now(document), estimate.served_median, estimate.tau_s))
    title = fault_title(estimate.fault)
    width, height, left, right, top, bottom = SMALL
    drawing = Drawing(width, height, f"{title}, {estimate.service}: median recovery by campaign")
    ends = [end for m in moments for end in (m.value, m.high) if end is not None and not m.gap]
    scale = linear(0.0, max(ends, default=estimate.tau_s) or 1.0, bottom, top)
    for value in even_ticks(0.0, max(ends, default=estimate.tau_s) or 1.0, 2):
        drawing.line((left, scale(value)), (right, scale(value)), "grid")
        drawing.text((left - 6, scale(value) + 4), f"{value:g} s", "sm tick", anchor="end")
    places = [_place(i, len(moments), left - 10, right + 10) for i in range(len(moments))]
    _gaps(drawing, moments, places, (top, bottom))
    for moment, (left_of, right_of) in zip(moments[1:], pairwise(places), strict=True):
        if moment.breaks:
            middle = (left_of + right_of) / 2
            drawing.line((middle, top), (middle, bottom), "tau")
    for piece in _pieces(moments, places):
        drawing.path([(x, scale(m.value or 0.0)) for m, x in piece], "curve arm-none")
    for m, x in zip(moments, places, strict=True):
        _dot(drawing, m, x, scale, tip=f"{m.name}: {seconds(m.value)}")
    _last(drawing, moments[-1], estimate, scale)
    return Small(title, estimate.service, estimate.restart_profile, drawing.markup())


def _median(moment: Moment, quantile: Quantile | None, horizon_s: float) -> Moment:
    if quantile is None or quantile.value_s is None:
        return moment
    high_s = horizon_s if quantile.high_s is None else quantile.high_s
    return Moment(
        moment.name,
        moment.day,
        moment.gap,
        moment.breaks,
        low=quantile.low_s,
        value=quantile.value_s,
        high=high_s,
    )


def _last(drawing: Drawing, moment: Moment, estimate: ClassEstimate, scale: Scale) -> None:
    """Write this campaign's median beside its dot, or why it has none."""
    _, _, _, right, top, bottom = SMALL
    y = (top + bottom) / 2 if moment.value is None or moment.gap else scale(moment.value)
    words = (
        "no figure counts" if moment.gap else quantile_figure(estimate.served_median, estimate.tau_s).value
    )
    drawing.text((right + 4, y + 4), fit(words, SMALL[0] - right - 4), "sm b")
