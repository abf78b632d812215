"""What exactly is offered: all bodies of a run, built from seed and world before the first slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from harness.driver.request import build_body
from harness.driver.schedule import golden_numbers, load_due, witness_due
from harness.driver.workload import Parcel, Unit
from harness.experiment.model import Profile
from harness.history.observations import LOAD, WITNESS
from harness.ports import World

FRESH_EVERY = 4
"""Every fourth witness unit opens a connection: a pooled one can hide a listener that is dead."""

GOLDEN_DISTINCT_MAX = 256
"""Golden records are reused beyond this number under new ids; worlds may find them by rejection."""


def build_parcels(seed: int, profile: Profile, duration_s: float, world: World) -> list[Parcel]:
    """All parcels of a run in order of due: the witness's single units and the load's batches.

    The world is asked once for all instants in their order, so that it lives one history.
    """
    witness = witness_due(seed, profile.rate_hz, duration_s)
    batches = load_due(seed, profile.load_every_s, duration_s) if profile.load_batch else np.empty(0)
    due = np.concatenate([witness, np.repeat(batches, profile.load_batch)])
    order = np.argsort(due, kind="stable")
    drawn = world.draw(due[order]).records
    records: list[Mapping[str, object]] = [{}] * len(due)
    for place, index in enumerate(order.tolist()):
        records[index] = drawn[place]
    golden = _with_golden(records, world, golden_numbers(seed, profile.golden_every, len(witness)).tolist())
    parcels = [
        _parcel(
            _units(seed, WITNESS, [number], due_s=due_s, golden=golden.get(number, "")), [records[number]]
        )
        for number, due_s in enumerate(witness.tolist())
    ]
    size = profile.load_batch
    for batch, due_s in enumerate(batches.tolist()):
        numbers = range(batch * size, (batch + 1) * size)
        rows = records[len(witness) + numbers.start : len(witness) + numbers.stop]
        parcels.append(_parcel(_units(seed, LOAD, numbers, due_s=due_s), rows))
    return sorted(parcels, key=lambda parcel: parcel.due_s)


def _with_golden(records: list[Mapping[str, object]], world: World, numbers: list[int]) -> dict[int, str]:
    """Put golden records in the place of the drawn ones; gives the right decision by number."""
    if not numbers:
        return {}
    chosen, decisions = world.golden(min(len(numbers), GOLDEN_DISTINCT_MAX))
    for place, number in enumerate(numbers):
        records[number] = chosen[place % len(chosen)]
    return {number: decisions[place % len(chosen)] for place, number in enumerate(numbers)}


def _units(
    seed: int, stream: int, numbers: Iterable[int], *, due_s: float, golden: str = ""
) -> tuple[Unit, ...]:
    letter = "w" if stream == WITNESS else "l"
    return tuple(Unit(n, f"{letter}{seed}-{n}", stream, due_s, 1.0, golden) for n in numbers)


def _parcel(units: tuple[Unit, ...], rows: Sequence[Mapping[str, object]]) -> Parcel:
    first = units[0]
    fresh = first.stream == WITNESS and first.number % FRESH_EVERY == FRESH_EVERY - 1
    return Parcel(first.due_s, units, build_body([unit.id for unit in units], rows), fresh)
