"""Which faults hurt, and how long: one row a class and arm, with a forest plot on a common scale."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.estimates.model import ClassEstimate, Quantile
from harness.report import figures
from harness.report.document import Document
from harness.report.figures import Figure
from harness.report.lengths import given, seconds
from harness.report.panels.summary import class_words, main_arm
from harness.report.scales import Scale, root, ticks
from harness.report.svg import Drawing
from harness.report.words import ALWAYS, KINDS, arm_rank, arm_words, fault_title

WIDTH, LEFT, RIGHT, HEIGHT = 236.0, 10.0, 214.0, 34.0
DOTS_MAX = 12  # single episodes are drawn up to here; beyond, interval and median say it better


@dataclass(frozen=True, slots=True)
class Row:
    """One arm of a fault: figures as text and its strip of the forest plot."""

    arm: str
    restart_profile: str
    arm_words: str
    count: Figure
    impact: Figure
    back: Figure
    median: Figure
    p90: Figure
    forest: Markup
    lost: Figure
    gain: Figure
    ended: str
    own: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One fault on one service, its arms beneath each other."""

    title: str
    what: str
    fault: str
    service: str
    horizon: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The whole panel; ``axis`` is the head of the forest column."""

    groups: tuple[Group, ...]
    axis: Markup
    tau: str
    has_p90: bool
    yardstick: str


@dataclass(frozen=True, slots=True)
class _Look:
    """What all rows share: the scale, the system's own arm, the arm that gains are counted from."""

    scale: Scale
    own: str
    yardstick: str


def yardstick(document: Document) -> str:
    """Name the arm with the least help that ran, "" where no other is beside it."""
    arms = {c.arm for c in document.estimates.classes}
    least = next((arm for arm in ("bare", "none") if arm in arms), "")
    return least if len(arms) > 1 else ""


def grouped(document: Document) -> tuple[tuple[ClassEstimate, ...], ...]:
    """Group classes by fault and service, the most hurtful first; the system's own arm leads."""
    groups: dict[tuple[str, str], list[ClassEstimate]] = {}
    for estimate in document.estimates.classes:
        groups.setdefault((estimate.fault, estimate.service), []).append(estimate)
    own = main_arm(document)

    def hurt(group: list[ClassEstimate]) -> tuple[float, float, str]:
        lost = [(c.lost_s.mean or 0.0, c.arm == own) for c in group]
        return (-max((s for s, mine in lost if mine), default=0.0), -max(s for s, _ in lost), group[0].fault)

    ordered = sorted(groups.values(), key=hurt)
    return tuple(tuple(sorted(g, key=lambda c: (arm_rank(c.arm), c.restart_profile))) for g in ordered)


def table(document: Document) -> Table:
    """Build the panel on one time scale: 0 to the longest horizon of any class."""
    limit_s = max((c.tau_s for c in document.estimates.classes), default=document.inputs.profile.tau_s)
    scale = root(limit_s, LEFT, RIGHT)
    look = _Look(scale, main_arm(document), yardstick(document))
    groups = tuple(_group(group, look) for group in grouped(document))
    has_p90 = any(c.served_p90.n >= c.served_p90.needs_n > 0 for c in document.estimates.classes)
    return Table(groups, _axis(limit_s, scale), given(limit_s), has_p90, look.yardstick)


def _group(group: tuple[ClassEstimate, ...], look: _Look) -> Group:
    first = group[0]
    rows = tuple(_row(estimate, look) for estimate in group)
    what = KINDS.get(first.fault, ("", ""))[1]
    horizon = given(max(c.tau_s for c in group))
    return Group(fault_title(first.fault), what, first.fault, first.service, horizon, rows)


def _row(estimate: ClassEstimate, look: _Look) -> Row:
    return Row(
        arm=estimate.arm,
        restart_profile=estimate.restart_profile,
        arm_words=arm_words(estimate.arm, estimate.restart_profile),
        count=Figure(f"{estimate.n}", f"{estimate.void} void" if estimate.void else ""),
        impact=figures.share_figure(estimate.impact, "–"),
        back=_back(estimate),
        median=_median(estimate),
        p90=figures.quantile_figure(estimate.served_p90, estimate.tau_s),
        forest=forest(estimate, look.scale),
        lost=_lost(estimate),
        gain=_gain(estimate, look.yardstick),
        ended=_ended(estimate),
        own=estimate.arm == look.own,
    )


def _back(estimate: ClassEstimate) -> Figure:
    """How many were back, and of those how many while the fault was still there."""
    back = figures.share_figure(estimate.recovered, "no impact" if estimate.n else "–")
    if estimate.lasts_s is None or estimate.mitigated.n == 0:
        return back
    held = f"fault still there: {estimate.mitigated.k} / {estimate.mitigated.n}"
    return Figure(back.value, back.small, held, quiet=back.quiet)


def _median(estimate: ClassEstimate) -> Figure:
    served = figures.quantile_figure(estimate.served_median, estimate.tau_s, estimate.recovered_s)
    full = figures.quantile_figure(estimate.full_median, estimate.tau_s, estimate.full_recovered_s)
    if estimate.full_impact.n and not estimate.full_impact.k:
        return Figure(served.value, served.small, f"full: {ALWAYS}", quiet=served.quiet)
    if not estimate.full_recovered_s or estimate.full_recovered_s == estimate.recovered_s:
        return served
    words = full.small if full.quiet else full.value
    return Figure(served.value, served.small, f"full: {words}", quiet=served.quiet)


def _lost(estimate: ClassEstimate) -> Figure:
    lost = figures.lost_figure(estimate.lost_s, estimate.recovered)
    sham = figures.mean_seconds(estimate.sham_lost_s, "not run")
    span = lost.small if estimate.lost_s.low is not None else ""
    return Figure(lost.value, span, f"sham {sham.value}", quiet=lost.quiet)


def _gain(estimate: ClassEstimate, yardstick: str) -> Figure:
    if estimate.arm == yardstick:
        return Figure("–", "the yardstick", quiet=True)
    gain = figures.mean_seconds(estimate.gain_s, "not measured")
    return Figure(gain.value, "one pair" if estimate.gain_s.n == 1 else gain.small, quiet=gain.quiet)


def _ended(estimate: ClassEstimate) -> str:
    if not estimate.n:
        return "–"
    flaps = f", flaps {estimate.flaps}" if estimate.flaps else ""
    return figures.endings_text(estimate) + flaps


def _axis(limit_s: float, scale: Scale) -> Markup:
    drawing = Drawing(WIDTH, 16, "time axis in seconds, square-root scale")
    for value in ticks(limit_s, scale, 34):
        unit = " s" if value == limit_s else ""
        drawing.text((scale(value), 12), f"{value:g}{unit}", "sm tick", anchor="middle")
    return drawing.markup()


def forest(estimate: ClassEstimate, scale: Scale) -> Markup:
    """Draw one strip: median and p90 with intervals where allowed, single episodes where few.

    An end beyond the horizon is an open arrow; the dashed line is the horizon tau.
    """
    drawing = Drawing(WIDTH, HEIGHT, _spoken(estimate))
    for value in ticks(estimate.tau_s, scale, 34):
        cls = "tau" if value == estimate.tau_s else "grid"
        drawing.line((scale(value), 2), (scale(value), HEIGHT - 2), cls)
    if len(estimate.recovered_s) <= DOTS_MAX:
        _episodes(drawing, estimate, scale)
    _bar(drawing, estimate.served_median, scale, (11.0, "median"))
    _bar(drawing, estimate.served_p90, scale, (23.0, "p90"))
    if estimate.recovered.n == 0:
        drawing.text((scale(0) + 6, 21), "no impact" if estimate.n else "no counted episode", "sm")
    return drawing.markup()


def _spoken(estimate: ClassEstimate) -> str:
    median = figures.quantile_figure(estimate.served_median, estimate.tau_s, estimate.recovered_s)
    return f"{class_words(estimate)}: median {median.value}, {median.small}"


def _episodes(drawing: Drawing, estimate: ClassEstimate, scale: Scale) -> None:
    few = estimate.served_median.n < estimate.served_median.needs_n
    y = 17.0 if few else 23.0
    for back_s in estimate.recovered_s:
        if back_s is None:
            drawing.path([(RIGHT - 14, y), (WIDTH - 4, y)], "single")
            drawing.arrow((WIDTH - 4, y), "single")
        else:
            drawing.dot((scale(back_s), y), 3.5, "single", f"one episode: {seconds(back_s)}")


def _bar(drawing: Drawing, quantile: Quantile, scale: Scale, look: tuple[float, str]) -> None:
    y, cls = look
    if quantile.n < quantile.needs_n or quantile.n == 0:
        return
    low = RIGHT if quantile.low_s is None else scale(quantile.low_s)
    high = WIDTH - 4 if quantile.high_s is None else scale(quantile.high_s)
    drawing.path([(low, y), (high, y)], f"bar {cls}")
    if quantile.high_s is None:
        drawing.arrow((WIDTH - 4, y), f"bar {cls}")
    if quantile.value_s is not None:
        drawing.dot((scale(quantile.value_s), y), 4, f"point {cls}", f"{cls} {seconds(quantile.value_s)}")
