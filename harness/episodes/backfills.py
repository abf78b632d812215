"""What a job missed around one fault, and when all of it was made good: partitions not right in time.

In: what the witness told of partitions, in order; instants of the episode. Out: ``Backfill``, and levels of
service that are only back once no more rows are overdue than before the first fault. A row is overdue when
its partition should be right and is not: what is still on its way is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from harness.episodes.dues import Backfill, Debt, LatePartition
from harness.episodes.model import Level
from harness.history.events import Partition

NAMED_MAX = 20
"""Late partitions of an episode that are kept by name; all are counted."""
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Stretch:
    """One episode: ``before_s`` is when the first fault of the run was asked for."""

    before_s: float
    inject_s: float
    end_s: float


def backfill_of(told: Sequence[Partition], stretch: Stretch) -> Backfill:
    """Find the partitions that were told late within the episode, and when the last of them was right."""
    first: dict[str, Partition] = {}
    worst: dict[str, Partition] = {}
    right_s: dict[str, float | None] = {}
    for event in _within(told, stretch):
        if event.state == "right":
            right_s[event.name] = round(event.at_s - stretch.inject_s, DIGITS)
        else:
            first.setdefault(event.name, event)
            worst[event.name], right_s[event.name] = event, None
    late = [_late(worst[name], right_s[name]) for name in first]
    ends = [right_s[name] for name in first]
    last_s = None if None in ends else max((end for end in ends if end is not None), default=0.0)
    return Backfill(
        partitions=len(late),
        rows=sum(one.rows for one in late),
        open=sum(end is None for end in ends),
        last_s=last_s,
        late=tuple(sorted(late, key=lambda one: (one.right_s is not None, one.name))[:NAMED_MAX]),
    )


def overdue_debt(told: Sequence[Partition], stretch: Stretch) -> Debt:
    """Count overdue rows: the most of them before the first fault, after this one, and since when as few.

    >>> late = {"due_s": 3.0, "rows": 9, "wrong": 0, "doubled": 0, "foreign": 0, "name": "a"}
    >>> half = Partition(at_s=4.0, state="half", right=4, **late)
    >>> made_good = Partition(at_s=6.5, state="right", right=9, **late)
    >>> overdue_debt([half, made_good], Stretch(before_s=2.0, inject_s=2.0, end_s=9.0))
    Debt(band=0, peak=9, back_s=4.5, binds=False)
    """
    band = peak = 0
    back_s: float | None = 0.0
    for at_s, rows in _overdue(told):
        if at_s < stretch.before_s:
            band = max(band, rows)
        if at_s >= stretch.end_s:
            break
        if at_s < stretch.inject_s:
            back_s = 0.0 if rows <= band else None
            continue
        peak = max(peak, rows)
        if rows > band:
            back_s = None
        elif back_s is None:
            back_s = round(at_s - stretch.inject_s, DIGITS)
    return Debt(band=band, peak=peak, back_s=back_s)


def with_backfill(
    level: Level, debt: Debt, told: Sequence[Partition], stretch: Stretch, *, horizon_s: float
) -> Level:
    """The level, back no sooner than ``debt``, what was owed: every missed partition must be right by then.

    A missed partition is an impact, too few of them as they may be for a window: nobody asks again for it.
    One that is given up is no debt of the usual size, be it as small: it is never paid.
    """
    given_up = _given_up(told, stretch)
    back_s = debt.back_s if debt.back_s is not None and debt.back_s <= horizon_s and not given_up else None
    if level.impact_s is None:
        if debt.peak <= debt.band and not given_up:
            return level
        late = (event.due_s for event in _within(told, stretch) if event.state != "right")
        due_s = min(late, default=stretch.inject_s)  # none: what was late before, of which some is right now
        impact_s = round(due_s - stretch.inject_s, DIGITS)
        return msgspec.structs.replace(level, impact_s=impact_s, recovered_s=back_s)
    if level.recovered_s is None or back_s is None:
        return msgspec.structs.replace(level, recovered_s=None)
    return msgspec.structs.replace(level, recovered_s=max(level.recovered_s, back_s))


def _given_up(told: Sequence[Partition], stretch: Stretch) -> bool:
    """Whether one that was late in the episode is so at its end, and for longer than any before a fault."""
    late_s: dict[str, float] = {}
    usual_s = 0.0
    for event in told:
        if event.at_s >= stretch.end_s:
            break
        if event.state != "right":
            late_s.setdefault(event.name, event.due_s)
        elif (due_s := late_s.pop(event.name, None)) is not None and event.at_s < stretch.before_s:
            usual_s = max(usual_s, event.at_s - due_s)
    missed = {event.name for event in _within(told, stretch) if event.state != "right"}
    return any(stretch.end_s - late_s[name] > usual_s for name in missed & late_s.keys())


def overdue_at(told: Sequence[Partition], at_s: float, before_s: float) -> int:
    """How many rows more than ever before the first fault were overdue at ``at_s``."""
    band = max((rows for told_s, rows in _overdue(told) if told_s < before_s), default=0)
    rows = [rows for told_s, rows in _overdue(told) if told_s < at_s]
    return max(0, rows[-1] - band) if rows else 0


def _within(told: Sequence[Partition], stretch: Stretch) -> Iterator[Partition]:
    return (event for event in told if stretch.inject_s <= event.at_s < stretch.end_s)


def _overdue(told: Sequence[Partition]) -> Iterator[tuple[float, int]]:
    """(instant, rows overdue from then on), one a telling."""
    owed: dict[str, int] = {}
    for event in told:
        owed[event.name] = 0 if event.state == "right" else event.rows
        yield event.at_s, sum(owed.values())


def _late(event: Partition, right_s: float | None) -> LatePartition:
    return LatePartition(
        name=event.name,
        state=event.state,
        rows=event.rows,
        right=event.right,
        wrong=event.wrong,
        doubled=event.doubled,
        foreign=event.foreign,
        right_s=right_s,
    )
