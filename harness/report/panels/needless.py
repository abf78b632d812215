"""Does it heal what is not broken? Each placebo, and all the time in which nothing was broken, in one arm.

Comes in: the document. Goes out: a row each with its interval as a drawing, and the acts that were one too
many. Where an act could have stayed unseen there is no zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.estimates.counts import Rate
from harness.estimates.model import ClassEstimate, Share
from harness.faults.catalog import is_placebo
from harness.report import costs, figures
from harness.report.document import Document
from harness.report.figures import Figure
from harness.report.lengths import after, amount
from harness.report.panels.summary import SEVERITY, main_arm
from harness.report.scales import Scale, linear
from harness.report.svg import Drawing
from harness.report.words import ACTS, SIGNS, Sign, fault_title

WIDTH, LEFT, RIGHT, HEIGHT = 180.0, 8.0, 172.0, 24.0
TOLD_MAX = 3  # false heals told one by one; report.json has all of them


@dataclass(frozen=True, slots=True)
class Row:
    """One benign thing: its name, the figure, its interval drawn, and the word on it, if one is claimed."""

    name: str
    restart_profile: str
    figure: Figure
    picture: Markup
    sign: Sign | None
    word: str


@dataclass(frozen=True, slots=True)
class Needless:
    """The whole panel of the system's own arm; ``told``: single false heals in words."""

    arm: str
    rows: tuple[Row, ...]
    told: tuple[str, ...]
    more: int


def needless(document: Document) -> Needless:
    """Build the panel; without a counted run of the arm it has no row."""
    arm = main_arm(document)
    rows = [
        _unbroken(document, one.restart_profile, one.false_heals)
        for one in document.estimates.arms
        if one.arm == arm and one.false_heals is not None
    ]
    benign = [c for c in document.estimates.classes if c.arm == arm and is_placebo(c.fault)]
    told = list(_told(document, arm))
    return Needless(
        arm,
        (*rows, *(_placebo(document, c) for c in benign)),
        tuple(told[:TOLD_MAX]),
        max(0, len(told) - TOLD_MAX),
    )


def _unbroken(document: Document, restart_profile: str, rate: Rate) -> Row:
    drawing = Drawing(WIDTH, HEIGHT, "false heals an hour, with the upper 95 % bound")
    figure = costs.heals_figure(rate)
    if rate.per_h is not None:
        high = rate.per_h if rate.upper_per_h is None else rate.upper_per_h
        scale = linear(0.0, high or 1.0, LEFT, RIGHT - 14)
        _interval(drawing, (0.0, rate.per_h, rate.upper_per_h), scale, tip=f"{amount(rate.per_h)} an hour")
    return Row("Nothing broken", restart_profile, figure, drawing.markup(), *_word(document))


def _placebo(document: Document, estimate: ClassEstimate) -> Row:
    share: Share = estimate.acted
    drawing = Drawing(WIDTH, HEIGHT, "share of episodes with an act, with its 95 % interval")
    if share.n:
        scale = linear(0.0, 1.0, LEFT, RIGHT - 14)
        middle = share.k / share.n
        _interval(
            drawing,
            (share.low_ratio, middle, share.high_ratio),
            scale,
            tip=f"{share.k} of {share.n} episodes",
        )
    nothing = "not observable" if estimate.n else "not measured"
    figure = figures.share_figure(share, nothing)
    title = fault_title(estimate.fault).removeprefix("Placebo: ").capitalize()
    return Row(
        f"{title}, {estimate.service}", estimate.restart_profile, figure, drawing.markup(), *_word(document)
    )


def _interval(drawing: Drawing, ends: tuple[float, float, float | None], scale: Scale, *, tip: str) -> None:
    """A dot with its interval; one without an upper end goes on as an arrow."""
    low, value, high = ends
    y = HEIGHT / 2
    drawing.line((scale(0.0), 3), (scale(0.0), HEIGHT - 3), "grid")
    right = RIGHT if high is None else scale(high)
    drawing.path([(scale(low), y), (right, y)], "bar median")
    if high is None:
        drawing.arrow((RIGHT, y), "bar median")
    drawing.dot((scale(value), y), 4, "point median", tip)


def _word(document: Document) -> tuple[Sign | None, str]:
    """The worst word on "no acts" that is claimed of the arm, or of all."""
    asked = [c.word for c in document.verdict.claims if c.asks == "acts where nothing is broken"]
    if not asked:
        return None, "nothing claimed"
    worst = min(asked, key=SEVERITY.index)
    return SIGNS[worst], worst


def _told(document: Document, arm: str) -> Iterator[str]:
    for run in document.runs:
        for heal in run.false_heals if run.arm == arm and not run.void else ():
            what = ACTS.get(heal.act, heal.act)
            at = f"{after(heal.at_s)} after its first unit"
            yield f"{run.run_id}, {at}: {what}, {heal.service}, by {heal.by}"
