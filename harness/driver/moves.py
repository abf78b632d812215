"""Faults of the world: every unit of a span is drawn a second time, from the world as moved.

Comes in: the spans of a run, its world, what was drawn unmoved. Goes out: what is offered while a span is on,
or why a move is none that the experiment names. Pure but for what the world does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.driver.changes import Untouchable
from harness.driver.offered import Batch, Offered, parcel_of
from harness.driver.spec import Span
from harness.driver.taint import Taint, taint_bytes
from harness.driver.workload import Change
from harness.faults.effects import Shift
from harness.ports import Move, MovedOffers, Offers, World

REACH_MIN_RATIO = 0.01
"""A move that reaches fewer units is not seen to begin within the time that a run waits for it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The world as moved by all spans of a run, or the spans that it cannot be moved by."""

    offers: MovedOffers | None
    problems: tuple[Untouchable, ...] = ()


def moved_by(spans: Sequence[Span], world: World, due_s: NDArray[np.float64], plain: Offers) -> Moved:
    """Move ``world`` by every ``Shift`` of ``spans``; ``plain`` is what it offers unmoved for ``due_s``."""
    shifts = [(span, span.effect) for span in spans if isinstance(span.effect, Shift)]
    if not shifts:
        return Moved(None)
    if not hasattr(world, "movable") or not hasattr(world, "moved"):
        why = "this world cannot move: it has no movable() and moved() (harness.ports.Movable)"
        return Moved(None, tuple(Untouchable(episode=span.episode, why=why) for span, _ in shifts))
    known: Mapping[str, tuple[float, float]] = world.movable()
    problems = [problem for span, effect in shifts if (problem := _no_such_knob(span, effect, known))]
    if problems:
        return Moved(None, tuple(problems))
    try:
        offers: MovedOffers = world.moved(due_s, [_moving(span, effect) for span, effect in shifts])
    except ValueError as error:
        return Moved(None, tuple(Untouchable(episode=span.episode, why=str(error)) for span, _ in shifts))
    problems = []
    for span, effect in shifts:
        within = np.flatnonzero((due_s >= span.from_s) & (due_s < span.until_s))
        if why := _not_as_named(effect, within, plain, offers):
            problems.append(Untouchable(episode=span.episode, why=why))
    return Moved(offers, tuple(problems))


def moved_changes(span: Span, plain: Sequence[Batch], moved: Sequence[Batch]) -> Iterator[tuple[int, Change]]:
    """Give, by index, the parcels of ``moved`` that differ from ``plain`` in ``span``."""
    for index, (batch, there) in enumerate(zip(plain, moved, strict=True)):
        if not span.holds(batch[0].unit.due_s):
            continue
        differ = [new for old, new in zip(batch, there, strict=True) if _differs(old, new)]
        if differ:
            ids = tuple(one.unit.id for one in differ)
            yield index, Change(span.episode, parcel_of(there), ids, _taint(span, ids))


def _moving(span: Span, effect: Shift) -> Move:
    return Move(
        knob=effect.knob,
        value=effect.value,
        from_s=span.from_s,
        until_s=span.until_s,
        ramp_s=effect.ramp_s,
        period_s=effect.period_s,
        field=effect.field,
        level=effect.level,
    )


def _no_such_knob(span: Span, effect: Shift, known: Mapping[str, tuple[float, float]]) -> Untouchable | None:
    if effect.knob not in known:
        why = f"this world has no knob {effect.knob!r} that moves"
        return Untouchable(episode=span.episode, why=why, field=effect.knob, known=tuple(known))
    low, high = known[effect.knob]
    lasts_s = span.until_s - span.from_s
    if not low <= effect.value <= high:
        why = f"{effect.knob} goes from {low:g} to {high:g}, not to {effect.value:g}"
    elif effect.ramp_s > lasts_s:
        why = f"ramp_s {effect.ramp_s:g} is longer than the {lasts_s:g} s for which the move is there"
    elif effect.period_s > lasts_s:
        why = f"period_s {effect.period_s:g} is longer than the {lasts_s:g} s for which the move is there"
    else:
        return None
    return Untouchable(episode=span.episode, why=why)


def _not_as_named(effect: Shift, within: NDArray[np.int64], plain: Offers, moved: MovedOffers) -> str:
    """Say why the move, of units ``within``, is not what it is called, or reaches too few; "" = it is."""
    others = np.array([plain.records[i] != moved.records[i] for i in within.tolist()], dtype=np.bool_)
    known = bool(np.isfinite(moved.posterior[within]).all())
    if not known and effect.moves != "both":
        return (
            "this world does not know what is true of its records, so that nothing can be said of this move"
        )
    differs = moved.posterior[within] != moved.before[within] if known else np.zeros(len(within), np.bool_)
    reached = int((others | differs).sum())
    if reached < REACH_MIN_RATIO * len(within) or not reached:
        return (
            f"{effect.knob} {effect.value:g} reaches {reached} of {len(within)} units; "
            f"a move of less than {REACH_MIN_RATIO:.0%} cannot be told to be there"
        )
    records, truth = bool(others.any()), bool(differs.any()) or not known
    found = {(True, False): "records", (False, True): "truth", (True, True): "both"}[records, truth]
    if effect.moves == "both" and not records:
        few = f"exchanges no record of this seed's {len(within)} units; ask for more"
        return f"{effect.knob} {effect.value:g} {few}"
    return "" if found == effect.moves else f"{effect.knob} is no such knob: {_FOUND[found]}"


_FOUND = {
    "records": "it changes which records come, and not what is true of each; that is world.covariate_shift",
    "truth": "it changes what is true of the records, and not which come; that is world.concept_change",
    "both": "it changes which records come and what is true of each; that is world.label_shift",
}


def _differs(old: Offered, new: Offered) -> bool:
    # repr: a truth that is unknown (NaN) is no difference.
    return old.record != new.record or repr(old.unit.posterior) != repr(new.unit.posterior)


def _taint(span: Span, ids: Sequence[str]) -> bytes:
    assert isinstance(span.effect, Shift)
    detail = f"moved to {span.effect.value:g}"
    knob = span.effect.knob
    return taint_bytes(
        Taint(id=name, episode=span.episode, mutation="shift", field=knob, detail=detail) for name in ids
    )
