"""What exactly is offered: all bodies of a run, built from seed and world before the first slot."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan

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
    drawn = world.draw(due[order])
    records: list[Mapping[str, object]] = [{}] * len(due)
    posterior = [nan] * len(due)
    for place, index in enumerate(order.tolist()):
        records[index] = drawn.records[place]
        posterior[index] = float(drawn.posterior[place])
    streams = [WITNESS] * len(witness) + [LOAD] * (len(due) - len(witness))
    numbers = [*range(len(witness)), *range(len(due) - len(witness))]
    units = [
        Unit(number, f"{'w' if stream == WITNESS else 'l'}{seed}-{number}", stream, due_s, posterior=known)
        for number, stream, due_s, known in zip(numbers, streams, due.tolist(), posterior, strict=True)
    ]
    golden = _with_golden(records, world, golden_numbers(seed, profile.golden_every, len(witness)).tolist())
    for number, decision in golden.items():
        units[number] = replace(units[number], golden=decision, posterior=nan)
    bounds = [*range(len(witness)), *range(len(witness), len(due) + 1, profile.load_batch or 1)]
    parcels = [
        _parcel(tuple(units[start:stop]), records[start:stop]) for start, stop in itertools.pairwise(bounds)
    ]
    return sorted(parcels, key=lambda parcel: parcel.due_s)


def _with_golden(records: list[Mapping[str, object]], world: World, numbers: list[int]) -> dict[int, str]:
    """Put golden records in the place of the drawn ones; gives the right decision by number."""
    if not numbers:
        return {}
    chosen, decisions = world.golden(min(len(numbers), GOLDEN_DISTINCT_MAX))
    for place, number in enumerate(numbers):
        records[number] = chosen[place % len(chosen)]
    return {number: decisions[place % len(chosen)] for place, number in enumerate(numbers)}


def _parcel(units: tuple[Unit, ...], rows: Sequence[Mapping[str, object]]) -> Parcel:
    first = units[0]
    fresh = first.stream == WITNESS and first.number % FRESH_EVERY == FRESH_EVERY - 1
    return Parcel(first.due_s, units, build_body([unit.id for unit in units], rows), fresh)
