"""How service came back: the share of episodes still impaired over time, the arms over each other.

The steps are the recorded recoveries themselves: with one episode the line falls once, from 100 to
0 %. An episode that is not back at the horizon stays up and ends in a tick: censored, not lost. The band
around the system's own arm is the exact interval of the share at each instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from harness.estimates.model import ClassEstimate
from harness.report.document import Document
from harness.report.lengths import seconds
from harness.report.panels.classes import goals, grouped
from harness.report.scales import Scale, root, ticks
from harness.report.svg import Box, Drawing
from harness.report.words import fault_title

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 356.0, 156.0, 42.0, 340.0, 8.0, 128.0


@dataclass(frozen=True, slots=True)
class Legend:
    """One arm in a small multiple: the class of its line, its name, how many came back."""

    cls: str
    arm: str
    back: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One small multiple."""

    title: str
    service: str
    restart_profile: str
    legend: tuple[Legend, ...]
    picture: Markup


def line_class(arm: str) -> str:
    """Name the line style of an arm; ``bare`` is the grey yardstick everywhere."""
    return {"bare": "arm-bare", "none": "arm-none"}.get(arm, "arm-healer")


def curves(document: Document) -> tuple[Curve, ...]:
    """Draw one picture a fault, service and restart profile, in the order of the table."""
    found: list[Curve] = []
    for group in grouped(document):
        by_profile = sorted(group, key=lambda c: c.restart_profile)
        for _, members in groupby(by_profile, key=lambda c: c.restart_profile):
            found.append(_curve(document, list(members)))
    return tuple(found)


def _curve(document: Document, members: list[ClassEstimate]) -> Curve:
    first = members[0]
    title = fault_title(first.fault)
    tau_s = max(c.tau_s for c in members)
    drawing = Drawing(WIDTH, HEIGHT, f"{title}, {first.service}: share of episodes still impaired over time")
    scale = root(tau_s, LEFT, RIGHT)
    _frame(drawing, tau_s, scale)
    _band(drawing, members[0], scale)
    for goal_s in sorted({g for c in members for g in goals(document, c)}):
        drawing.line((scale(goal_s), TOP), (scale(goal_s), BOTTOM), "goal")
    for member in reversed(members):  # the yardstick first, so that the system's own arm lies on top
        _steps(drawing, member, scale)
    if not any(c.recovered_s for c in members):
        nothing = "no counted episode" + (" had an impact" if any(c.n for c in members) else "")
        drawing.text(((LEFT + RIGHT) / 2, 70), nothing, "sm", anchor="middle")
    legend = tuple(Legend(line_class(c.arm), c.arm, _back(c)) for c in members)
    return Curve(title, first.service, first.restart_profile, legend, drawing.markup())


def _back(estimate: ClassEstimate) -> str:
    if estimate.recovered.n == 0:
        return "no impact" if estimate.n else "no counted episode"
    never = f", {estimate.never.k} never" if estimate.never.k else ""
    return f"{estimate.recovered.k} of {estimate.recovered.n} back{never}"


def _height(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _frame(drawing: Drawing, tau_s: float, scale: Scale) -> None:
    for share, words in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
        y = _height(share)
        drawing.line((LEFT, y), (RIGHT, y), "grid")
        drawing.text((LEFT - 6, y + 4), words, "sm tick", anchor="end")
    for value in ticks(tau_s, scale, 40):
        unit = " s" if value == tau_s else ""
        drawing.text((scale(value), BOTTOM + 18), f"{value:g}{unit}", "sm tick", anchor="middle")
    drawing.line((scale(tau_s), TOP), (scale(tau_s), BOTTOM), "tau")


def _band(drawing: Drawing, estimate: ClassEstimate, scale: Scale) -> None:
    """Fill between the ends of the pointwise intervals; of fewer than the median needs it says nothing."""
    steps = estimate.impaired
    if len(estimate.recovered_s) < estimate.served_median.needs_n or not steps:
        return
    ends = [at_s for at_s, _ in steps[1:]] + [estimate.tau_s]
    both = zip(steps, ends, strict=True)
    stretches = [(scale(at_s), scale(end_s), left) for (at_s, left), end_s in both]
    upper = [(x, _height(s.high_ratio)) for left, right, s in stretches for x in (left, right)]
    lower = [(x, _height(s.low_ratio)) for left, right, s in stretches for x in (left, right)]
    drawing.path([*upper, *reversed(lower)], f"band {line_class(estimate.arm)}", closed=True)


def _steps(drawing: Drawing, estimate: ClassEstimate, scale: Scale) -> None:
    n = len(estimate.recovered_s)
    if n == 0:
        return
    cls = line_class(estimate.arm)
    back = sorted(s for s in estimate.recovered_s if s is not None)
    points = [(scale(0), _height(1))]
    for i, back_s in enumerate(back):
        points += [(scale(back_s), _height(1 - i / n)), (scale(back_s), _height(1 - (i + 1) / n))]
    y = _height(1 - len(back) / n)
    points.append((RIGHT, y))
    if len(back) < n:
        drawing.line((RIGHT, y - 5), (RIGHT, y + 5), f"curve {cls}")
    drawing.path(points, f"curve {cls}")
    _where(drawing, estimate, scale)


def _where(drawing: Drawing, estimate: ClassEstimate, scale: Scale) -> None:
    """Lay native tooltips over few single recoveries."""
    for back_s in estimate.recovered_s[:12] if len(estimate.recovered_s) <= 12 else ():
        if back_s is not None:
            x = scale(back_s)
            tip = f"arm {estimate.arm}: back after {seconds(back_s)}"
            drawing.rect(Box(x - 3, TOP, x + 3, BOTTOM), "touch", tip)
