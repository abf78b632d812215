"""Which faults hurt, and how long: one row a class and arm, with a forest plot on a common scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.estimates.model import ClassEstimate, Quantile
from harness.estimates.points import ClassScore
from harness.report import figures
from harness.report.document import Document
from harness.report.figures import Figure
from harness.report.harm import signed_percent
from harness.report.lengths import given, seconds
from harness.report.panels.summary import SEVERITY, class_words, main_arm
from harness.report.scales import Scale, root, ticks
from harness.report.scores import lost
from harness.report.svg import Drawing
from harness.report.words import ALWAYS, KINDS, SIGNS, Sign, arm_rank, arm_words, fault_title
from harness.verdict.model import Claim, Word

WIDTH, LEFT, RIGHT, HEIGHT = 236.0, 10.0, 214.0, 34.0
GATE: dict[Word, str] = {"INCONCLUSIVE": "Unsure", "FAIL": "Fail", "PASS": "Pass", "VOID": "Void"}
DOTS_MAX = 12  # single episodes are drawn up to here; beyond, interval and median say it better


@dataclass(frozen=True, slots=True)
class Row:
    """One arm of a fault: figures as text and its strip of the forest plot."""

    arm: str
    restart_profile: str
    arm_words: str
    gate: tuple[Sign, str] | None
    count: str
    impact: Figure
    never: Figure
    median: Figure
    p90: Figure
    forest: Markup
    points: Figure
    lost: Figure
    gain: Figure
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
    """The whole panel; ``axis`` is the head of the forest column.

    ``has_gate``: whether a class has a claim, ``has_goal`` one about its recovery; ``has_before``: whether
    one has a median of the last time.
    """

    groups: tuple[Group, ...]
    axis: Markup
    has_p90: bool
    has_gate: bool
    has_goal: bool
    has_before: bool
    yardstick: str


@dataclass(frozen=True, slots=True)
class _Look:
    """What all rows share: the document, the scale, the own arm, the arm that gains are counted from."""

    document: Document
    scale: Scale
    own: str
    yardstick: str

    @property
    def claims(self) -> tuple[Claim, ...]:
        return self.document.verdict.claims


def yardstick(document: Document) -> str:
    """Name the arm with the least help that ran, "" where no other is beside it."""
    arms = {c.arm for c in document.estimates.classes}
    least = next((arm for arm in ("bare", "none") if arm in arms), "")
    return least if len(arms) > 1 else ""


def grouped(document: Document) -> tuple[tuple[ClassEstimate, ...], ...]:
    """Group classes by fault and service, that which lost most points first; the system's own arm leads.

    Where no score is published, the most service lost is first.
    """
    groups: dict[tuple[str, str], list[ClassEstimate]] = {}
    for estimate in document.estimates.classes:
        groups.setdefault((estimate.fault, estimate.service), []).append(estimate)
    own = main_arm(document)

    def hurt(group: list[ClassEstimate]) -> tuple[float, float, float, str]:
        spent = [(c.lost_s.mean or 0.0, c.arm == own) for c in group]
        points = [_points_of(document, c) for c in group if c.arm == own]
        most = max((s for s, mine in spent if mine), default=0.0)
        return (-max(points, default=0.0), -most, -max(s for s, _ in spent), group[0].fault)

    ordered = sorted(groups.values(), key=hurt)
    return tuple(tuple(sorted(g, key=lambda c: (arm_rank(c.arm), c.restart_profile))) for g in ordered)


def table(document: Document) -> Table:
    """Build the panel on one time scale: 0 to the longest horizon of any class."""
    limit_s = max((c.tau_s for c in document.estimates.classes), default=document.inputs.profile.tau_s)
    scale = root(limit_s, LEFT, RIGHT)
    look = _Look(document, scale, main_arm(document), yardstick(document))
    classes = document.estimates.classes
    return Table(
        groups=tuple(_group(group, look) for group in grouped(document)),
        axis=_axis(limit_s, scale),
        has_p90=any(c.served_p90.n >= c.served_p90.needs_n > 0 for c in classes),
        has_gate=any(_gate(c, look.claims) for c in classes),
        has_goal=any(goals(document, c) for c in classes),
        has_before=any(_before(document, c) for c in classes),
        yardstick=look.yardstick,
    )


def goals(document: Document, estimate: ClassEstimate) -> tuple[float, ...]:
    """Give the limits of recovery that the file claims of a class, seconds."""
    key = (estimate.fault, estimate.service, estimate.arm, estimate.restart_profile)
    limits = (c.limit_s for c in document.verdict.claims if c.about == key and c.asks == "recovery")
    return tuple(sorted({limit_s for limit_s in limits if limit_s is not None}))


def _before(document: Document, estimate: ClassEstimate) -> float | None:
    """Give the median of the last time, None where there is none that may be put beside."""
    since = document.past.since if document.past else None
    key = (estimate.fault, estimate.service, estimate.arm, estimate.restart_profile)
    found = (
        [c for c in since.classes if (c.fault, c.service, c.arm, c.restart_profile) == key] if since else []
    )
    return found[0].before.value_s if found else None


def _points_of(document: Document, estimate: ClassEstimate) -> float:
    scored = _scored(document, estimate)
    return 0.0 if scored is None else scored.lost_points or 0.0


def _scored(document: Document, estimate: ClassEstimate) -> ClassScore | None:
    """The class's points, None where no score of its arm is published."""
    mine = (
        s for s in document.scores if (s.arm, s.restart_profile) == (estimate.arm, estimate.restart_profile)
    )
    score = next((s for s in mine if not s.word), None)
    place = (estimate.fault, estimate.service)
    return next((c for c in score.classes if (c.fault, c.service) == place), None) if score else None


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
        gate=_gate(estimate, look.claims),
        count=f"{estimate.n}" + (f", {estimate.void} void" if estimate.void else ""),
        impact=figures.share_figure(estimate.impact, "–"),
        never=_never(estimate),
        median=_median(estimate),
        p90=figures.quantile_figure(estimate.served_p90, estimate.tau_s),
        forest=_forest(
            estimate, look.scale, goals(look.document, estimate), _before(look.document, estimate)
        ),
        points=_points(_scored(look.document, estimate)),
        lost=_lost(estimate),
        gain=_gain(estimate, look),
        own=estimate.arm == look.own,
    )


def _gate(estimate: ClassEstimate, claims: Sequence[Claim]) -> tuple[Sign, str] | None:
    """The worst word of what is claimed of a class, None where nothing is."""
    key = (estimate.fault, estimate.service, estimate.arm, estimate.restart_profile)
    words = [c.word for c in claims if c.about == key]
    if not words:
        return None
    worst = min(words, key=SEVERITY.index)
    return SIGNS[worst], GATE[worst]


def _never(estimate: ClassEstimate) -> Figure:
    """How many were not back in the horizon; of those that were, how many while the fault was still there."""
    never = figures.share_figure(estimate.never, "–")
    if estimate.lasts_s is None or estimate.mitigated.n == 0:
        return never
    held = f"back, fault still there: {estimate.mitigated.k} / {estimate.mitigated.n}"
    return Figure(never.value, never.small, held, quiet=never.quiet)


def _points(scored: ClassScore | None) -> Figure:
    return Figure("–", quiet=True) if scored is None else Figure(lost(scored.lost_points))


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
    figure = figures.lost_figure(estimate.lost_s, estimate.recovered)
    sham = figures.mean_seconds(estimate.sham_lost_s, "not run")
    span = figure.small if estimate.lost_s.low is not None else ""
    return Figure(figure.value, span, f"sham {sham.value}", quiet=figure.quiet)


def _gain(estimate: ClassEstimate, look: _Look) -> Figure:
    if estimate.arm == look.yardstick:
        return Figure("–", "the yardstick", quiet=True)
    gain = figures.mean_seconds(estimate.gain_s, "not measured")
    small = "one pair" if estimate.gain_s.n == 1 else gain.small
    return Figure(gain.value, small, _prevented(_scored(look.document, estimate)), quiet=gain.quiet)


def _prevented(scored: ClassScore | None) -> str:
    """How much of the damage was prevented, where an arm with less help was beside it."""
    gain = None if scored is None else scored.gain
    if gain is None or gain.ratio is None:
        return ""
    return f"{signed_percent(gain.ratio)} prevented" if gain.ratio > 0 else "nothing prevented"


def _axis(limit_s: float, scale: Scale) -> Markup:
    drawing = Drawing(WIDTH, 16, "time axis in seconds, square-root scale")
    for value in ticks(limit_s, scale, 34):
        unit = " s" if value == limit_s else ""
        drawing.text((scale(value), 12), f"{value:g}{unit}", "sm tick", anchor="middle")
    return drawing.markup()


def _forest(
    estimate: ClassEstimate, scale: Scale, goals_s: Sequence[float] = (), before_s: float | None = None
) -> Markup:
    """Draw one strip: median and p90 with intervals where allowed, single episodes where few.

    An end beyond the horizon is an open arrow. Lines: the horizon tau, objectives, the last time's median.
    """
    drawing = Drawing(WIDTH, HEIGHT, _spoken(estimate))
    for value in ticks(estimate.tau_s, scale, 34):
        cls = "tau" if value == estimate.tau_s else "grid"
        drawing.line((scale(value), 2), (scale(value), HEIGHT - 2), cls)
    for goal_s in goals_s:
        drawing.line((scale(goal_s), 1), (scale(goal_s), HEIGHT - 1), "goal")
    if before_s is not None:
        drawing.line((scale(before_s), 5), (scale(before_s), HEIGHT - 5), "before")
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
