"""What a move of the world did to decisions: regret over time, of what was served and of who would not learn.

Each picture is one fault, its arms over each other, on runs of one seed. The zero line is the system as
prepared in the world had it not moved; the grey area is what the move costs if nobody learns. Time counts
from the onset. Named are the first new alarm, by the healer's own words, and the first alias that moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from harness.episodes.model import Decided, Episode, Learned
from harness.estimates.model import ClassEstimate, DecisionEstimate
from harness.report import costs, harm
from harness.report.document import Document
from harness.report.figures import Figure
from harness.report.harm import OF_THE_WORLD
from harness.report.labels import Mark, place
from harness.report.lengths import after, seconds
from harness.report.panels.classes import grouped
from harness.report.panels.curves import line_class
from harness.report.panels.inside import scenes_of
from harness.report.panels.summary import main_arm
from harness.report.scales import Scale, even_ticks, linear
from harness.report.svg import Box, Drawing
from harness.report.words import arm_rank, fault_title

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 540.0, 202.0, 52.0, 524.0, 42.0, 170.0


@dataclass(frozen=True, slots=True)
class Row:
    """One arm: the class of its line, what was left of the harm, when it was back, what that cost.

    ``heals``: false heals of the arm in the whole campaign. ``note``: what is left out.
    """

    cls: str
    arm: str
    left: Figure
    back: str
    regret: Figure
    training: Figure
    heals: Figure
    note: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One fault on one restart profile; without a picture where no run tells the harm from none."""

    title: str
    subject: str
    restart_profile: str
    jump: str
    rows: tuple[Row, ...]
    picture: Markup


Known = tuple[ClassEstimate, DecisionEstimate]
Drawn = tuple[str, Episode, Decided]


def panels(document: Document) -> tuple[Panel, ...]:
    """Give one panel for each fault that hurt decisions or was meant to, in the order of the table."""
    found = []
    for group in grouped(document):
        by_profile = sorted(group, key=lambda c: c.restart_profile)
        for _, members in groupby(by_profile, key=lambda c: c.restart_profile):
            known = [(c, c.decisions) for c in members if c.decisions is not None]
            hurt = any(one.hurt or one.told for _, one in known)
            if known and (hurt or group[0].fault.startswith(OF_THE_WORLD)):
                found.append(_panel(document, known))
    return tuple(found)


def _panel(document: Document, known: list[Known]) -> Panel:
    first = known[0][0]
    drawn = _drawn(document, known) if any(one.told or one.hurt for _, one in known) else []
    title = fault_title(first.fault)
    return Panel(
        title,
        first.service,
        first.restart_profile,
        _jump([one for _, one in known]),
        tuple(_row(*one, _heals(document, one[0])) for one in known),
        _picture(f"{title}, {first.service}", drawn) if drawn else Markup(),
    )


def _jump(known: list[DecisionEstimate]) -> str:
    """Write what the move costs a decision if nobody learns, by the arm with the most runs that can tell."""
    judged = [one for one in known if one.judged]
    if not judged:
        return f"not judged: {known[0].not_judged}"
    return harm.harm_text(max(judged, key=lambda one: (one.told, one.hurt)))


def _heals(document: Document, estimate: ClassEstimate) -> Figure:
    mine = (estimate.arm, estimate.restart_profile)
    arms = document.estimates.arms
    return costs.heals_figure(next((a.false_heals for a in arms if (a.arm, a.restart_profile) == mine), None))


def _row(estimate: ClassEstimate, found: DecisionEstimate, heals: Figure) -> Row:
    few = f"told in {found.told} of {found.n}" if 0 < found.told < found.n else ""
    notes = [few, harm.missed_text(found), found.not_judged if not found.judged else ""]
    return Row(
        line_class(estimate.arm),
        estimate.arm,
        harm.mean_ratio(found.left, "not resolvable"),
        harm.back_text(found),
        costs.regret_figure(found),
        costs.training_figure(estimate.training),
        heals,
        "; ".join(note for note in notes if note),
    )


def _drawn(document: Document, known: list[Known]) -> list[Drawn]:
    """One episode an arm, all of one pair: that of the own arm whose sum of excess is the middle one."""
    own = main_arm(document)
    seen = [(c.arm, scene) for c, _ in known for scene in scenes_of(document, c)]
    mine = [
        (scene.episode.decided.excess_sum, scene.run.run_id, scene.run.pair)
        for arm, scene in seen
        if arm == own and scene.episode.decided is not None and scene.episode.decided.windows
    ]
    if not mine:
        return []
    pair = sorted(mine)[len(mine) // 2][2]
    chosen: dict[str, Drawn] = {}
    for arm, scene in seen:
        decided = scene.episode.decided
        if scene.run.pair == pair and decided is not None and decided.windows:
            chosen.setdefault(arm, (arm, scene.episode, decided))
    return list(chosen.values())


def _picture(name: str, drawn: list[Drawn]) -> Markup:
    drawing = Drawing(
        WIDTH, HEIGHT, f"{name}: mean regret above the system as prepared, over time since the onset"
    )
    _, _, longest = max(drawn, key=lambda one: one[2].windows[-1].until_s)
    across = linear(0.0, longest.windows[-1].until_s, LEFT, RIGHT)
    values = [0.0, *(v for _, _, d in drawn for w in d.windows for v in (w.jump, w.excess))]
    up = linear(min(values), max(values) or 1.0, BOTTOM, TOP)
    _frame(drawing, across, up, (longest.windows[-1].until_s, min(values), max(values) or 1.0))
    _area(drawing, longest, across, up)
    for arm, episode, decided in reversed(drawn):
        points = [
            (across(at_s), up(window.excess))
            for window in decided.windows
            for at_s in (window.from_s, window.until_s)
        ]
        drawing.path(points, f"curve {line_class(arm)}")
        _where(drawing, (arm, episode, decided), across)
    _name(drawing, min(drawn, key=lambda one: arm_rank(one[0])), across)
    return drawing.markup()


def _frame(drawing: Drawing, across: Scale, up: Scale, ends: tuple[float, float, float]) -> None:
    until_s, low, high = ends
    for value in even_ticks(low, high, 4):
        drawing.line((LEFT, up(value)), (RIGHT, up(value)), "grid")
        drawing.text((LEFT - 6, up(value) + 4), f"{value:g}".replace("-", "−"), "sm tick", anchor="end")
    for value in even_ticks(0.0, until_s, 6):
        unit = " s" if value == 0 else ""
        drawing.text((across(value), BOTTOM + 20), f"{value:g}{unit}", "sm tick", anchor="middle")


def _area(drawing: Drawing, decided: Decided, across: Scale, up: Scale) -> None:
    """Fill what the move costs if nobody learns."""
    steps = [(across(at_s), up(w.jump)) for w in decided.windows for at_s in (w.from_s, w.until_s)]
    drawing.path([(steps[0][0], up(0.0)), *steps, (steps[-1][0], up(0.0))], "jump", closed=True)


def _where(drawing: Drawing, one: Drawn, across: Scale) -> None:
    """Lay native tooltips over the windows, and flags at what was noticed, promoted and first done."""
    arm, episode, decided = one
    for window in decided.windows:
        left = "" if window.left_ratio is None else f", {harm.signed_percent(window.left_ratio)} of the harm"
        tip = f"arm {arm}, from {seconds(window.from_s)}: {window.excess:.3g} a decision{left}"
        drawing.rect(Box(across(window.from_s), TOP, across(window.until_s), BOTTOM), "touch", tip)
    for words, at_s in ((episode.act, episode.acted_s), *_noticed(episode.learned)):
        if at_s is not None and 0 <= at_s <= decided.windows[-1].until_s:
            drawing.dot((across(at_s), BOTTOM), 3.5, "flag", f"arm {arm}: {words} {after(at_s)}")


def _noticed(learned: Learned) -> tuple[tuple[str, float | None], ...]:
    return ("detected", learned.detected_s), ("promoted", learned.promoted_s)


def _name(drawing: Drawing, one: Drawn, across: Scale) -> None:
    """Name the onset, and when this arm noticed it and let another version serve."""
    _, episode, decided = one
    marks = [Mark(across(0.0), "onset")]
    for words, at_s in _noticed(episode.learned):
        if at_s is not None and 0 <= at_s <= decided.windows[-1].until_s:
            marks.append(Mark(across(at_s), f"{words} {after(at_s)}"))
    for label in place(marks, LEFT, WIDTH):
        base = TOP - 8 - 15 * label.row
        drawing.line((label.x, base - 9), (label.x, BOTTOM), "mark")
        x = label.x + (5 if label.anchor == "start" else -5)
        drawing.text((x, base), label.words, "sm b", anchor=label.anchor)
