"""Who lives in the simulated world: customers, terminals, and when each is compromised.

Made once from the template's seed and stored in the template, so that every run meets the people
whom the champion was trained on. The schedule of compromises repeats after ``SCHEDULE_DAYS``.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.arrays import read_arrays, write_arrays
from reference_pipeline.errors import BadTemplate
from reference_pipeline.records import CATEGORIES, DAY_S
from reference_pipeline.world.knobs import SimulatorKnobs

POPULATION_FILE = "population.npz"
SCHEDULE_DAYS = 365
GROUPS = 4  # of customers by their hours: office, evening, weekend, night
_NEARBY = 8
_TERMINAL_DAYS, _TERMINAL_SHARE = 28, 0.03  # length of a compromise, share compromised at a time
_CUSTOMER_DAYS, _CUSTOMER_SHARE = 14, 0.015
_SAFE_SHARE = 0.3  # never compromised: golden rows are made of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Arrays over C customers (sorted by group) and T terminals; positions in [0, 100] km.

    ``nearby`` is (C, 8) terminal ids, nearest first; ``*_compromised`` is (C or T, SCHEDULE_DAYS).
    ``activity`` is relative; ``group`` indexes the daily rhythms.
    """

    mean_amount: NDArray[np.float64]
    log_sd: NDArray[np.float64]
    customer_x: NDArray[np.float64]
    customer_y: NDArray[np.float64]
    activity: NDArray[np.float64]
    group: NDArray[np.int64]
    card_issued_s: NDArray[np.float64]
    nearby: NDArray[np.int64]
    customer_safe: NDArray[np.bool_]
    customer_compromised: NDArray[np.bool_]
    terminal_x: NDArray[np.float64]
    terminal_y: NDArray[np.float64]
    terminal_category: NDArray[np.int64]
    terminal_safe: NDArray[np.bool_]
    terminal_compromised: NDArray[np.bool_]
    history_days: int


def stream(seed: int, name: str) -> np.random.Generator:
    """Open the named stream of dice of ``seed``; the same name always gives the same numbers."""
    key = (zlib.crc32(name.encode()), 0)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def make_population(knobs: SimulatorKnobs, seed: int) -> Population:
    """Make the population of ``seed``."""
    dice = stream(seed, "population/customers")
    count = knobs.customers
    customer_x, customer_y = dice.uniform(0, 100, (2, count))
    mean_amount = np.exp(dice.uniform(np.log(8.0), np.log(120.0), count))
    log_sd = dice.uniform(0.3, 0.6, count)
    activity = dice.gamma(2.0, 0.5, count) + 0.05
    issued_s = -dice.uniform(0, 2000, count) * DAY_S
    place = stream(seed, "population/terminals")
    terminal_x, terminal_y = place.uniform(0, 100, (2, knobs.terminals))
    category = place.choice(len(CATEGORIES), knobs.terminals, p=[0.35, 0.15, 0.25, 0.15, 0.1])
    customer_safe, customer_on = _schedule(
        stream(seed, "population/customer-windows"), count, _CUSTOMER_DAYS, share=_CUSTOMER_SHARE
    )
    terminal_safe, terminal_on = _schedule(
        stream(seed, "population/terminal-windows"), knobs.terminals, _TERMINAL_DAYS, share=_TERMINAL_SHARE
    )
    return Population(
        mean_amount=mean_amount,
        log_sd=log_sd,
        customer_x=customer_x,
        customer_y=customer_y,
        activity=activity,
        group=np.sort(dice.choice(GROUPS, count, p=[0.4, 0.3, 0.2, 0.1])),
        card_issued_s=issued_s,
        nearby=_nearest(customer_x, customer_y, terminal_x, terminal_y),
        customer_safe=customer_safe,
        customer_compromised=customer_on,
        terminal_x=terminal_x,
        terminal_y=terminal_y,
        terminal_category=category,
        terminal_safe=terminal_safe,
        terminal_compromised=terminal_on,
        history_days=knobs.history_days,
    )


def save_population(population: Population, template: Path) -> None:
    """Write ``population.npz`` into ``template``."""
    arrays = {**asdict(population), "history_days": np.int64(population.history_days)}
    write_arrays(template / POPULATION_FILE, arrays)


def load_population(template: Path, knobs: SimulatorKnobs) -> Population:
    """Load the population of ``template`` and check that it is of ``knobs``.

    Raises:
        BadTemplate: missing, damaged, or made for other sizes.
    """
    path = template / POPULATION_FILE
    parts = read_arrays(path)
    try:
        days = int(parts.pop("history_days").item())
        population = Population(**parts, history_days=days)  # type: ignore[arg-type]  # dtypes as written
    except (KeyError, TypeError) as error:
        raise BadTemplate(f"{path} holds other arrays: {error}; prepare the template anew") from error
    found = (len(population.mean_amount), len(population.terminal_x), days)
    wanted = (knobs.customers, knobs.terminals, knobs.history_days)
    if found != wanted:
        raise BadTemplate(
            f"{path} has (customers, terminals, history_days) = {found}, the scenario says {wanted}; "
            "prepare the template anew"
        )
    return population


def _schedule(
    dice: np.random.Generator, count: int, length_days: int, *, share: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (safe, compromised by day); windows of ``length_days`` wrap round at the year's end."""
    safe = dice.random(count) < _SAFE_SHARE
    per_day = share / ((1.0 - _SAFE_SHARE) * length_days)
    begins = (dice.random((count, SCHEDULE_DAYS)) < per_day) & ~safe[:, None]
    compromised = np.zeros_like(begins)
    for day in range(length_days):
        compromised |= np.roll(begins, day, axis=1)
    return safe, compromised


def _nearest(
    customer_x: NDArray[np.float64],
    customer_y: NDArray[np.float64],
    terminal_x: NDArray[np.float64],
    terminal_y: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return the nearest terminals of each customer, in blocks that bound the memory."""
    blocks = []
    for begin in range(0, len(customer_x), 500):
        part = slice(begin, begin + 500)
        square = (customer_x[part, None] - terminal_x) ** 2 + (customer_y[part, None] - terminal_y) ** 2
        blocks.append(np.argsort(square, axis=1, kind="stable")[:, :_NEARBY])
    return np.concatenate(blocks)
