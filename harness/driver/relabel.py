"""Faults of labels: which units they touch, and what is told of those instead. Pure.

Comes in: a span with a ``Relabel``, units with their records. Goes out: the unit with the episode that
touches its label, and, once it was decided, what is told and when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.driver.mutations import hashed_dice
from harness.driver.spec import Span
from harness.driver.workload import Unit
from harness.faults.effects import Relabel


def with_label_fault(unit: Unit, record: Mapping[str, object], spans: Sequence[Span], seed: int) -> Unit:
    """Note on ``unit`` the episode that touches its label, if one of ``spans`` does."""
    for span in spans:
        if isinstance(span.effect, Relabel) and _touches(span, span.effect, unit, record, seed=seed):
            return replace(unit, label_fault=span.episode)
    return unit


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


def _touches(span: Span, effect: Relabel, unit: Unit, record: Mapping[str, object], *, seed: int) -> bool:
    if unit.label < 0 or effect.only not in (-1, unit.label) or not span.holds(unit.due_s):
        return False
    if effect.field and str(record.get(effect.field)) != effect.level:
        return False
    return hashed_dice(seed, span.episode, unit.id, "label") < effect.share_ratio
