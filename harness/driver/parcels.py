"""What exactly is offered: all bodies of a run, built from seed and world before the first slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from harness.driver.changes import changes_of, extra_parcel, refuse_without_effect
from harness.driver.offered import Batch, Offered, parcel_of
from harness.driver.schedule import golden_numbers, load_due, surge_due, witness_due
from harness.driver.spec import Span
from harness.driver.workload import Change, Parcel, Unit
from harness.errors import Refused
from harness.experiment.model import Profile
from harness.faults.effects import Surge
from harness.history.observations import LOAD, WITNESS
from harness.ports import World

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
    seed: int, profile: Profile, duration_s: float, world: World, *, spans: Sequence[Span] = ()
) -> list[Parcel]:
    """All parcels of a run in order of due: the witness's single units, the load's batches, what faults add.

    The world is asked once for all instants in their order, so that it lives one history. Raises
    Refused where a span could change nothing of this run, or adds more than ``EXTRA_MAX`` records.
    """
    plain, surges = _drawn(seed, profile, duration_s, world, spans=spans)
    instead: dict[int, Change] = {}
    parcels = [extra_parcel(span, batch) for span, batch in surges]
    for span in spans:
        changes, extra = changes_of(span, plain, seed)
        instead |= changes
        parcels += extra
    parcels += [replace(parcel_of(batch), instead=instead.get(index)) for index, batch in enumerate(plain)]
    return sorted(parcels, key=lambda parcel: parcel.due_s)


def check_spans(
    seed: int, profile: Profile, duration_s: float, world: World, *, spans: Sequence[Span]
) -> None:
    """Raise what ``build_parcels`` would raise of ``spans``, and build nothing."""
    _drawn(seed, profile, duration_s, world, spans=spans)


def _drawn(
    seed: int, profile: Profile, duration_s: float, world: World, *, spans: Sequence[Span]
) -> tuple[list[Batch], list[tuple[Span, Batch]]]:
    """The plain batches, and those that surges add; raises Refused where a span cannot be done to them."""
    slots = _slots(seed, profile, duration_s, spans)
    batches = _batches(seed, profile, slots, world)
    plain = [batch for slot, batch in zip(slots, batches, strict=True) if slot.surge is None]
    refuse_without_effect(spans, plain)
    return plain, [(slot.surge, batch) for slot, batch in zip(slots, batches, strict=True) if slot.surge]


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


def _batches(seed: int, profile: Profile, slots: Sequence[_Slot], world: World) -> list[Batch]:
    """The records of every slot. What a surge adds is numbered behind all other load."""
    drawn = world.draw(np.repeat([slot.due_s for slot in slots], [slot.size for slot in slots]))
    plain = sum(slot.size for slot in slots if slot.stream == LOAD and slot.surge is None)
    numbers = {(WITNESS, False): 0, (LOAD, False): 0, (LOAD, True): plain}
    batches: list[Batch] = []
    place = 0
    for slot in slots:
        first = numbers[slot.stream, slot.surge is not None]
        numbers[slot.stream, slot.surge is not None] += slot.size
        span = range(place, place + slot.size)
        place += slot.size
        batches.append(
            [
                Offered(
                    _unit(seed, slot, first + i, float(drawn.posterior[at])),
                    drawn.records[at],
                    int(drawn.label[at]),
                )
                for i, at in enumerate(span)
            ]
        )
    return _with_golden(batches, world, seed, profile.golden_every)


def _unit(seed: int, slot: _Slot, number: int, posterior: float) -> Unit:
    letter = "w" if slot.stream == WITNESS else "l"
    return Unit(number, f"{letter}{seed}-{number}", slot.stream, slot.due_s, posterior=posterior)


def _with_golden(batches: list[Batch], world: World, seed: int, every: int) -> list[Batch]:
    """Put golden records, whose right decision is known, in the place of drawn ones of the witness."""
    of_witness = [index for index, batch in enumerate(batches) if batch[0].unit.stream == WITNESS]
    numbers = golden_numbers(seed, every, len(of_witness)).tolist()
    if not numbers:
        return batches
    chosen, decisions = world.golden(min(len(numbers), GOLDEN_DISTINCT_MAX))
    for place, number in enumerate(numbers):
        record, decision = chosen[place % len(chosen)], decisions[place % len(chosen)]
        batches[of_witness[number]] = [_golden(batches[of_witness[number]][0].unit, record, decision)]
    return batches


def _golden(unit: Unit, record: Mapping[str, object], decision: str) -> Offered:
    return Offered(replace(unit, golden=decision, posterior=nan), record)
