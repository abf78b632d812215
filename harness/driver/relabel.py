"""Faults of labels: which units they touch, and what is told of those instead. Pure.

Comes in: spans with a ``Relabel``, units with their records. Goes out: the unit with the episodes that touch
its label if it falls due while they are on, and what is told of it then, and when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from harness.driver.mutations import hashed_dice
from harness.driver.spec import LabelFeed, Span
from harness.driver.workload import Unit
from harness.faults.effects import Relabel


def with_label_faults(unit: Unit, record: Mapping[str, object], spans: Sequence[Span], seed: int) -> Unit:
    """Note on ``unit`` the episodes of ``spans`` that touch its label if it falls due in them."""
    found = tuple(
        span.episode
        for span in spans
        if isinstance(span.effect, Relabel) and _touches(span, span.effect, unit, record, seed=seed)
    )
    return msgspec.structs.replace(unit, label_faults=found) if found else unit


def told_instead(
    span: Span, effect: Relabel, unit: Unit, wait_s: float, *, looked_into: bool
) -> tuple[int, float] | None:
    """Give the label that is told of a touched unit, and how long after due; None: none ever.

    ``wait_s`` is what it would have taken; ``looked_into``: it was declined, or is explored anyway.

    >>> span = Span(episode=0, from_s=5.0, until_s=20.0, effect=Relabel(how="stop"))
    >>> told_instead(span, span.effect, Unit(0, "w", 0, 8.0, label=1), 2.0, looked_into=False)
    (1, 12.0)
    """
    match effect.how:
        case "delay":
            return unit.label, wait_s * effect.factor
        case "stop":
            return unit.label, max(wait_s, span.until_s - unit.due_s)
        case "flip":
            return 1 - unit.label, wait_s
        case "select":
            return (unit.label, wait_s) if looked_into else None


def why_no_effect(effect: Relabel, feed: LabelFeed | None) -> str:
    """Say why ``effect`` could touch no label that ``feed`` tells; "" where it could."""
    if feed is None:
        return "labels: the system takes none (labels: service:/route in its file)"
    if effect.how == "delay" and not feed.delay_s + feed.spread_s:
        return "labels: they are known at once, and any number of times that is at once"
    if effect.how == "select" and feed.known == "declined":
        return "labels: the scenario tells those of declined units alone already"
    return ""


def _touches(span: Span, effect: Relabel, unit: Unit, record: Mapping[str, object], *, seed: int) -> bool:
    if unit.label < 0 or effect.only not in (-1, unit.label):
        return False
    if effect.field and str(record.get(effect.field)) != effect.level:
        return False
    return hashed_dice(seed, span.episode, unit.id, "label") < effect.share_ratio
