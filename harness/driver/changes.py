"""What is offered instead while a fault in the records is on: built beforehand, for the units of its span.

Comes in: the batches of a run, the spans of its faults. Goes out: ``Change``s of parcels, and extra
parcels that exist only while their episode is on. Pure. Refused is what could change nothing at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from harness.driver.mutations import in_slice, is_number, is_touched, known_values, mutated
from harness.driver.offered import Batch, Offered, body_of, parcel_of
from harness.driver.relabel import why_no_effect
from harness.driver.spec import LabelFeed, Span
from harness.driver.taint import Taint, taint_bytes
from harness.driver.workload import Change, Parcel
from harness.errors import Refused
from harness.faults.effects import Mutate, Relabel, Shift, Surge
from harness.history.observations import LOAD

LEVELS_TOLD = 8


class Untouchable(msgspec.Struct, frozen=True, kw_only=True):
    """Why the fault of ``episode`` could touch nothing; ``known``: the fields there are, if its is none."""

    episode: int
    why: str
    field: str = ""
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        there = f"; there are: {', '.join(self.known)}" if self.known else ""
        return f"episode {self.episode}: {self.why}{there}"


class CannotTouch(Refused):
    """Faults in the records that could change nothing of this run: all of them."""

    def __init__(self, faults: Sequence[Untouchable]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


_WITHOUT_FIELD = ("add", "duplicate", "late", "truncate")
_WITH_LAG = ("duplicate", "late")


def refuse_without_effect(
    spans: Sequence[Span],
    batches: Sequence[Batch],
    others: Sequence[Untouchable] = (),
    *,
    labels: LabelFeed | None = None,
) -> None:
    """Raise Refused where spans meet, CannotTouch where some could never touch a record of this run.

    ``others``: problems of spans that are known already, those of moves of the world. ``labels``: where they
    are told, if they are.
    """
    ordered = sorted(spans, key=lambda span: span.from_s)
    if len({span.episode for span in spans}) < len(spans):
        raise Refused("two faults in the records have one episode number")
    for span, following in itertools.pairwise(ordered):
        if following.from_s < span.until_s:
            raise Refused(f"faults in the records meet: episodes {span.episode} and {following.episode}")
    found = [fault for span in ordered if (fault := _untouchable(span, batches, labels)) is not None]
    if untouchable := sorted([*found, *others], key=lambda fault: fault.episode):
        raise CannotTouch(untouchable)


def _untouchable(span: Span, batches: Sequence[Batch], labels: LabelFeed | None) -> Untouchable | None:
    why, field = _why_untouchable(span, batches, labels)
    if not why:
        return None
    names = {name for batch in batches for one in batch for name in one.record}
    known = tuple(sorted(names)) if field and field not in names else ()
    return Untouchable(episode=span.episode, why=why, field=field, known=known)


def _why_untouchable(span: Span, batches: Sequence[Batch], labels: LabelFeed | None) -> tuple[str, str]:
    """Say why the span could touch nothing ("": it could), and the field that it names."""
    match span.effect:
        case Shift():
            return "", ""  # told apart, where the world is moved
        case Surge():
            return _surge_problem(batches), ""
        case Relabel():
            return _label_problem(span, span.effect, batches, labels), span.effect.field
        case Mutate():
            return _mutation_problem(span, span.effect, batches), span.effect.field


def _label_problem(span: Span, effect: Relabel, batches: Sequence[Batch], labels: LabelFeed | None) -> str:
    if why := why_no_effect(effect, labels):
        return why
    if any(span.episode in one.unit.label_faults for batch in batches for one in batch):
        return ""
    offered = list(itertools.chain.from_iterable(batches))
    if effect.field and effect.level not in _levels(effect.field, offered):
        return f"labels: {_no_level(effect.field, effect.level, offered)}"
    return "labels: no unit has such a label"


def _levels(field: str, offered: Sequence[Offered]) -> list[str]:
    return sorted({str(value) for value in known_values(offered, field)})


def _no_level(field: str, level: str | None, offered: Sequence[Offered]) -> str:
    """Say that no record is of that level, and of which some are."""
    levels = _levels(field, offered)
    more = f" and {len(levels) - LEVELS_TOLD} more" if len(levels) > LEVELS_TOLD else ""
    listed = f"there are {', '.join(levels[:LEVELS_TOLD])}{more}" if levels else "no record has that field"
    return f"no record's {field!r} is {level!r}; {listed}"


def _surge_problem(batches: Sequence[Batch]) -> str:
    return "" if _has_load(batches) else "surge: the profile offers no load batches"


def _mutation_problem(span: Span, effect: Mutate, batches: Sequence[Batch]) -> str:
    lasts_s = span.until_s - span.from_s
    if effect.ramp_s > lasts_s:
        return f"ramp_s {effect.ramp_s:g} is longer than the {lasts_s:g} s for which the fault is there"
    return _problem(effect, batches)


def _problem(effect: Mutate, batches: Sequence[Batch]) -> str:
    """Say why ``effect`` can touch nothing, or ""."""
    what, field = effect.mutation, effect.field
    if what in _WITH_LAG and not effect.lag_s > 0:
        return f"{what}: lag_s {effect.lag_s:g} is not above 0"
    if what == "truncate" and not _has_load(batches):
        return "truncate: the profile offers no load batches"
    if what == "truncate" and all(len(batch) == 1 for batch in batches):
        return "truncate: there is no batch to cut, each record is sent by itself"
    if what not in _WITHOUT_FIELD or (what == "add" and field):
        return _field_problem(effect, list(itertools.chain.from_iterable(batches)))
    return ""


def _field_problem(effect: Mutate, offered: Sequence[Offered]) -> str:
    what, field = effect.mutation, effect.field
    values = known_values(offered, field)
    if field == "id":
        return f"{what}: 'id' is the driver's own"
    if what == "add":
        return f"add: the records have a field {field!r} already" if values else ""
    if not values:
        return f"{what}: no record has a field {field!r}"
    if effect.slice_field and not any(in_slice(effect, one) for one in offered):
        return f"{what}: {_no_level(effect.slice_field, effect.slice_level, offered)}"
    if what == "unit" and not any(map(is_number, values)):
        return f"unit: {field!r} holds no numbers"
    if what == "new_category" and not any(isinstance(value, str) for value in values):
        return f"new_category: {field!r} holds no strings"
    if what == "null_by_label" and not any(one.unit.label == 1 for one in offered):
        return "null_by_label: the world tells no label that is 1"
    if what == "decoy" and len(values) < 2:
        return f"decoy: no other record has a field {field!r}"
    return ""


def _has_load(batches: Sequence[Batch]) -> bool:
    return any(batch[0].unit.stream == LOAD for batch in batches)


def changes_of(span: Span, batches: Sequence[Batch], seed: int) -> tuple[dict[int, Change], list[Parcel]]:
    """Build what ``span`` does to ``batches`` (in order of due): changes by index, and extra parcels."""
    effect = span.effect
    if isinstance(effect, Surge | Shift | Relabel):
        return {}, []
    due = {index: batch for index, batch in enumerate(batches) if span.holds(batch[0].unit.due_s)}
    if effect.mutation == "duplicate":
        return {}, list(_duplicates(span, effect, due, seed))
    if effect.mutation == "truncate":
        return dict(_truncated(span, effect, due)), []
    return dict(_mutated(span, effect, due, seed)), []


def extra_parcel(span: Span, batch: Batch) -> Parcel:
    """Build a parcel of a surge: nothing, unless its episode is on."""
    ids = tuple(one.unit.id for one in batch)
    taint = _taint(span, ids, "surge", detail="extra record")
    return _only_while(Change(span.episode, parcel_of(batch), ids, taint))


def _mutated(span: Span, effect: Mutate, due: Mapping[int, Batch], seed: int) -> Iterator[tuple[int, Change]]:
    flat = list(itertools.chain.from_iterable(due.values()))
    changed, detail = mutated(flat, effect, seed=seed, episode=span.episode, from_s=span.from_s)
    left = iter(changed)
    for index, batch in due.items():
        own = list(itertools.islice(left, len(batch)))
        ids = tuple(one.unit.id for one in own if one is not None)
        if ids:
            parcel = parcel_of([new or old for new, old in zip(own, batch, strict=True)])
            taint = _taint(span, ids, effect.mutation, field=effect.field, detail=detail)
            yield index, Change(span.episode, parcel, ids, taint)


def _duplicates(span: Span, effect: Mutate, due: Mapping[int, Batch], seed: int) -> Iterator[Parcel]:
    """The same records once more, ``lag_s`` later, as parcels without units: they are in no row."""
    detail = f"again {effect.lag_s:g} s later"
    for batch in due.values():
        again = [one for one in batch if is_touched(effect, seed, span.episode, one)]
        due_s = batch[0].unit.due_s + effect.lag_s
        if again and span.holds(due_s):
            ids = tuple(one.unit.id for one in again)
            taint = _taint(span, ids, effect.mutation, detail=detail)
            yield _only_while(Change(span.episode, Parcel(due_s, (), body_of(again), keys=ids), ids, taint))


def _truncated(span: Span, effect: Mutate, due: Mapping[int, Batch]) -> Iterator[tuple[int, Change]]:
    """The first share of each load batch, at least one record; the rest was never sent and has no row."""
    for index, batch in due.items():
        kept = max(1, math.floor(len(batch) * effect.share_ratio))
        if batch[0].unit.stream == LOAD and kept < len(batch):
            ids = tuple(one.unit.id for one in batch[kept:])
            taint = _taint(span, ids, effect.mutation, detail="not sent")
            yield index, Change(span.episode, parcel_of(batch[:kept]), ids, taint)


def _only_while(change: Change) -> Parcel:
    return msgspec.structs.replace(change.parcel, units=(), body=b"", instead=change)


def _taint(span: Span, ids: Sequence[str], mutation: str, *, field: str = "", detail: str) -> bytes:
    return taint_bytes(
        Taint(id=name, episode=span.episode, mutation=mutation, field=field, detail=detail) for name in ids
    )
