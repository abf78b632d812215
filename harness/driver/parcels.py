"""What exactly is offered: all bodies of a run, built from seed and world before the first slot."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.driver.changes import changes_of, extra_parcel, refuse_without_effect
from harness.driver.moves import moved_by, moved_changes
from harness.driver.offered import Batch, Offered, parcel_of
from harness.driver.relabel import with_label_faults
from harness.driver.schedule import golden_numbers, label_dice, load_due, surge_due, witness_due
from harness.driver.spec import LabelFeed, Span
from harness.driver.workload import Change, Parcel, Unit
from harness.errors import Refused
from harness.experiment.model import Profile
from harness.faults.effects import Shift, Surge
from harness.history.observations import LOAD, WITNESS
from harness.ports import Offers, World

GOLDEN_DISTINCT_MAX = 256
"""Golden records are reused beyond this number under new ids; worlds may find them by rejection."""

EXTRA_MAX = 500_000
"""Records of all surges of a run: their bodies are in memory before the first slot."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """``size`` records due together; ``surge`` is the span that adds them, or None."""

    due_s: float
    stream: int
    size: int
    surge: Span | None = None


def build_parcels(
    seed: int,
    profile: Profile,
    duration_s: float,
    world: World,
    *,
    spans: Sequence[Span] = (),
    labels: LabelFeed | None = None,
    single: tuple[str, ...] | None = None,
) -> list[Parcel]:
    """All parcels of a run in order of due: the witness's single units, the load's batches, what faults add.

    The world is asked once for all instants in their order, so that it lives one history. ``labels``: where
    they are told, if they are. ``single``: where a record stands in a body of its own; None: batches are sent
    whole. Raises Refused where a span could change nothing of this run, or adds more than ``EXTRA_MAX``
    records.
    """
    drawn = _drawn(seed, profile, duration_s, world, spans=spans, labels=labels, single=single)
    plain, moved = drawn.plain, drawn.moved
    instead: dict[int, Change] = {}
    parcels = [extra_parcel(span, batch) for span, batch in drawn.surges]
    for span in spans:
        if isinstance(span.effect, Shift):
            instead |= moved_changes(span, plain, moved)
        changes, extra = changes_of(span, plain, seed)
        instead |= changes
        parcels += extra
    parcels += [
        msgspec.structs.replace(parcel_of(batch), instead=instead.get(index))
        for index, batch in enumerate(plain)
    ]
    return sorted(parcels, key=lambda parcel: parcel.due_s)


def check_spans(
    seed: int,
    profile: Profile,
    duration_s: float,
    world: World,
    *,
    spans: Sequence[Span],
    labels: LabelFeed | None = None,
    single: tuple[str, ...] | None = None,
) -> None:
    """Raise what ``build_parcels`` would raise of ``spans``, and build nothing."""
    _drawn(seed, profile, duration_s, world, spans=spans, judged=False, labels=labels, single=single)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The plain batches, the same from the world as moved (none if it does not move), and what surges add."""

    plain: list[Batch]
    moved: list[Batch]
    surges: list[tuple[Span, Batch]]


def _drawn(
    seed: int,
    profile: Profile,
    duration_s: float,
    world: World,
    *,
    spans: Sequence[Span],
    judged: bool = True,
    labels: LabelFeed | None = None,
    single: tuple[str, ...] | None = None,
) -> _Drawn:
    """Ask the world; raises Refused where a span cannot be done to what it offers.

    ``judged``: with what the system as prepared would decide of the witness's records.
    """
    slots = _slots(seed, profile if single is None else _one_by_one(profile), duration_s, spans)
    due_s = np.repeat([slot.due_s for slot in slots], [slot.size for slot in slots])
    offers = world.draw(due_s)
    moved = moved_by(spans, world, due_s, offers)
    streams = np.repeat([slot.stream for slot in slots], [slot.size for slot in slots])
    wanted = np.flatnonzero((streams == WITNESS) & judged)
    declines = _reference(world, offers, wanted)
    waits, explored = label_dice(seed, len(due_s), labels.explored_ratio if labels else 0.0)
    truth = _Truth(offers, declines, offers.posterior, declines, waits, explored, spans)
    golden = _golden_of(world, seed, slots, profile.golden_every)
    batches = _formed(_with_golden(_batches(seed, slots, truth), golden), single)
    plain = [batch for slot, batch in zip(slots, batches, strict=True) if slot.surge is None]
    refuse_without_effect(spans, plain, moved.problems, labels=labels)
    there: list[Batch] = []
    if moved.offers is not None:
        theirs = _reference(world, moved.offers, wanted)
        then = _Truth(moved.offers, theirs, offers.posterior, declines, waits, explored, spans)
        twins = _formed(_with_golden(_batches(seed, slots, then), golden), single)
        there = [batch for slot, batch in zip(slots, twins, strict=True) if slot.surge is None]
    surges = [(slot.surge, batch) for slot, batch in zip(slots, batches, strict=True) if slot.surge]
    return _Drawn(plain, there, surges)


def _one_by_one(profile: Profile) -> Profile:
    """The same load, where a body holds one record: its batches taken apart, evenly in time."""
    size = profile.load_batch
    if size <= 1:
        return profile
    return msgspec.structs.replace(profile, load_batch=1, load_every_s=profile.load_every_s / size)


def _formed(batches: list[Batch], single: tuple[str, ...] | None) -> list[Batch]:
    return (
        batches
        if single is None
        else [[msgspec.structs.replace(one, single=single) for one in batch] for batch in batches]
    )


@dataclass(frozen=True, slots=True)
class _Truth:
    """What is offered, what the system as prepared would decide of it, and both had the world not moved."""

    offers: Offers
    declines: NDArray[np.int8]
    posterior_before: NDArray[np.float64]
    declines_before: NDArray[np.int8]
    waits: NDArray[np.float64]
    explored: NDArray[np.bool_]
    spans: Sequence[Span]


def _reference(world: World, offers: Offers, wanted: NDArray[np.int64]) -> NDArray[np.int8]:
    """What the system as prepared would decide of the records at ``wanted``; -1 elsewhere, and if unknown."""
    declines = np.full(len(offers.records), -1, dtype=np.int8)
    if hasattr(world, "reference") and wanted.size:
        told = np.asarray(world.reference([offers.records[i] for i in wanted.tolist()]))
        if told.shape != wanted.shape or not np.isin(told, (0, 1)).all():
            raise Refused(f"reference() of the world gave no 0 or 1 for each of {len(wanted)} records")
        declines[wanted] = told
    return declines


def _slots(seed: int, profile: Profile, duration_s: float, spans: Sequence[Span]) -> list[_Slot]:
    """All slots in order of due; of two at one instant the witness's comes first."""
    slots = [_Slot(due_s, WITNESS, 1) for due_s in witness_due(seed, profile.rate_hz, duration_s).tolist()]
    size = profile.load_batch
    if not size:
        return slots
    slots += [_Slot(due_s, LOAD, size) for due_s in load_due(seed, profile.load_every_s, duration_s).tolist()]
    for span in spans:
        if isinstance(span.effect, Surge):
            slots += [_Slot(due_s, LOAD, size, span) for due_s in _surge(seed, profile, span, span.effect)]
    return sorted(slots, key=lambda slot: slot.due_s)


def _surge(seed: int, profile: Profile, span: Span, surge: Surge) -> list[float]:
    if surge.factor <= 1:
        return []
    step_s = profile.load_every_s / (surge.factor - 1)
    if (span.until_s - span.from_s) / step_s * profile.load_batch > EXTRA_MAX:
        raise Refused(f"episode {span.episode}: a surge of more than {EXTRA_MAX:,} records")
    offsets: list[float] = surge_due(seed, span.episode, step_s, span.until_s - span.from_s).tolist()
    return [span.from_s + offset_s for offset_s in offsets]


def _batches(seed: int, slots: Sequence[_Slot], truth: _Truth) -> list[Batch]:
    """The records of every slot. What a surge adds is numbered behind all other load."""
    plain = sum(slot.size for slot in slots if slot.stream == LOAD and slot.surge is None)
    numbers = {(WITNESS, False): 0, (LOAD, False): 0, (LOAD, True): plain}
    batches: list[Batch] = []
    place = 0
    for slot in slots:
        first = numbers[slot.stream, slot.surge is not None]
        numbers[slot.stream, slot.surge is not None] += slot.size
        span = range(place, place + slot.size)
        place += slot.size
        batches.append([_offered(seed, _unit(seed, slot, first + i), truth, at) for i, at in enumerate(span)])
    return batches


def _offered(seed: int, unit: Unit, truth: _Truth, at: int) -> Offered:
    record = truth.offers.records[at]
    return Offered(with_label_faults(_informed(unit, truth, at), record, truth.spans, seed), record)


def _unit(seed: int, slot: _Slot, number: int) -> Unit:
    letter = "w" if slot.stream == WITNESS else "l"
    return Unit(number, f"{letter}{seed}-{number}", slot.stream, slot.due_s)


def _informed(unit: Unit, truth: _Truth, at: int) -> Unit:
    """Add what is known of the record at place ``at``."""
    return msgspec.structs.replace(
        unit,
        posterior=float(truth.offers.posterior[at]),
        reference=int(truth.declines[at]),
        posterior_before=float(truth.posterior_before[at]),
        reference_before=int(truth.declines_before[at]),
        label=int(truth.offers.label[at]),
        label_wait=float(truth.waits[at]),
        explored=bool(truth.explored[at]),
    )


_Golden = Mapping[int, tuple[Mapping[str, object], str]]
"""Number of a unit of the witness -> the record in its place, and the one right decision about it."""


def _golden_of(world: World, seed: int, slots: Sequence[_Slot], every: int) -> _Golden:
    """Ask for golden records, once; which units of the witness they stand for is a matter of the seed."""
    numbers = golden_numbers(seed, every, sum(slot.stream == WITNESS for slot in slots)).tolist()
    if not numbers:
        return {}
    chosen, decisions = world.golden(min(len(numbers), GOLDEN_DISTINCT_MAX))
    pairs = itertools.cycle(zip(chosen, decisions, strict=True))
    return dict(zip(numbers, pairs, strict=False))


def _with_golden(batches: list[Batch], golden: _Golden) -> list[Batch]:
    """Put golden records, whose right decision is known, in the place of drawn ones of the witness."""
    of_witness = [index for index, batch in enumerate(batches) if batch[0].unit.stream == WITNESS]
    for number, (record, decision) in golden.items():
        unit = batches[of_witness[number]][0].unit
        batches[of_witness[number]] = [_golden(unit, record, decision)]
    return batches


def _golden(unit: Unit, record: Mapping[str, object], decision: str) -> Offered:
    plain = Unit(unit.number, unit.id, unit.stream, unit.due_s, golden=decision)
    return Offered(plain, record)
