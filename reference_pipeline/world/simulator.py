"""The simulated world: vectorised transactions whose truth is known, from seed and scenario.

Units arrive as the driver's open loop offers them (evenly), so the daily and weekly cycle is in
*who* acts and how (customers have their hours, the channel mix moves), not in the rate; history is
drawn by the same law. Each quantity has its own named stream that gives one number a unit:
unit i does not depend on how many units follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.records import CATEGORIES, CHANNELS, DAY_S
from reference_pipeline.world.golden import Golden, load_golden
from reference_pipeline.world.knobs import SimulatorKnobs
from reference_pipeline.world.population import GROUPS, Population, load_population, stream
from reference_pipeline.world.truth import day_of, is_night, posterior

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Offers:
    """Records with their posterior P(y = 1 | x) and label, one entry a unit."""

    records: list[dict[str, object]]
    posterior: Floats
    label: NDArray[np.int8]


class SimulatedWorld:
    """A world of transactions; ``draw`` twice gives two different sets of units."""

    def __init__(
        self,
        population: Population,
        knobs: SimulatorKnobs,
        *,
        seed: int,
        world_s_per_run_s: float,
        golden: Golden,
    ) -> None:
        self.population = population
        self.knobs = knobs
        self._seed = seed
        self._factor = world_s_per_run_s
        self._golden = golden
        self._calls = 0

    def draw(self, due_s: Floats, /) -> Offers:
        """Draw a unit for each of ``due_s`` (run seconds after the first slot)."""
        start_s = self.population.history_days * DAY_S + self.knobs.start_hour * 3600.0
        time_s = start_s + np.asarray(due_s, dtype=np.float64) * self._factor
        dice = Dice(self._seed, "run", self._calls)
        self._calls += 1
        columns = draw_columns(time_s, self.population, self.knobs, dice)
        truth = posterior(columns, self.population, self.knobs)
        return Offers(as_records(columns), truth, draw_labels(truth, dice))

    def golden(self, count: int, /) -> tuple[list[dict[str, object]], list[str]]:
        """Return ``count`` records far from the threshold with their right decisions."""
        return self._golden.take(count)


@dataclass(frozen=True, slots=True)
class Dice:
    """Named streams of one drawing of one seed."""

    seed: int
    purpose: str
    call: int = 0

    def uniform(self, name: str, count: int) -> Floats:
        """Return ``count`` numbers in [0, 1) of stream ``name``."""
        return stream(self.seed, f"{self.purpose}/{name}", self.call).random(count)

    def normal(self, name: str, count: int) -> Floats:
        """Return ``count`` standard normal numbers of stream ``name``."""
        return stream(self.seed, f"{self.purpose}/{name}", self.call).standard_normal(count)


def open_simulator(
    knobs: SimulatorKnobs, *, world_s_per_run_s: float, seed: int, template: Path
) -> SimulatedWorld:
    """Open the simulated world on the population and golden rows of ``template``."""
    return SimulatedWorld(
        load_population(template, knobs),
        knobs,
        seed=seed,
        world_s_per_run_s=world_s_per_run_s,
        golden=load_golden(template),
    )


def draw_history(
    population: Population, knobs: SimulatorKnobs, seed: int
) -> tuple[Columns, NDArray[np.int8]]:
    """Draw the history before the run: ``history_rows`` over ``history_days``, with final labels."""
    dice = Dice(seed, "history")
    count = knobs.history_rows
    slots = (np.arange(count) + dice.uniform("time", count)) / count
    columns = draw_columns(slots * knobs.history_days * DAY_S, population, knobs, dice)
    return columns, draw_labels(posterior(columns, population, knobs), dice)


def draw_columns(time_s: Floats, population: Population, knobs: SimulatorKnobs, dice: Dice) -> Columns:
    """Draw x for each instant; numbers are rounded as the records carry them, so truth is of those."""
    count = len(time_s)
    time_s = np.round(time_s, 3)
    who = _customers(time_s, population, knobs, dice)
    attacked = _attacked(time_s, who, population, dice)
    far = attacked | (dice.uniform("far", count) < knobs.far_share)
    pick = dice.uniform("terminal", count)
    near_rank = (pick**2 * population.nearby.shape[1]).astype(np.int64)
    anywhere = (pick * len(population.terminal_x)).astype(np.int64)
    where = np.where(far, anywhere, population.nearby[who, near_rank])
    sd = population.log_sd[who]
    log_amount = np.log(population.mean_amount[who]) - sd**2 / 2 + sd * dice.normal("amount", count)
    raise_dice = dice.uniform("raise", count)
    log_amount += np.where(attacked, np.log(2.5 + 3.5 * raise_dice), 0.0)
    big = ~attacked & (dice.uniform("big-ticket", count) < knobs.big_ticket_share)
    log_amount += np.where(big, np.log(4.0 + 10.0 * raise_dice), 0.0)
    age_days = (time_s - population.card_issued_s[who]) / DAY_S
    return {
        "customer_id": who,
        "terminal_id": where,
        "amount": np.clip(np.round(np.exp(log_amount) * knobs.amount_scale, 2), 0.01, 1e6),
        "channel": _channels(time_s, attacked, dice),
        "category": population.terminal_category[where],
        "card_age_days": np.round(np.clip(age_days, 0.0, 36_525.0), 2),
        "event_time_s": time_s,
    }


def draw_labels(truth: Floats, dice: Dice) -> NDArray[np.int8]:
    """Draw y ~ Bernoulli(p)."""
    return (dice.uniform("label", len(truth)) < truth).astype(np.int8)


def as_records(columns: Mapping[str, NDArray[np.generic]]) -> list[dict[str, object]]:
    """Turn columns into JSON objects; codes become names."""
    names = tuple(columns)
    lists = {name: column.tolist() for name, column in columns.items()}
    lists["channel"] = [CHANNELS[code] for code in lists["channel"]]
    lists["category"] = [CATEGORIES[code] for code in lists["category"]]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _customers(
    time_s: Floats, population: Population, knobs: SimulatorKnobs, dice: Dice
) -> NDArray[np.int64]:
    """Pick customers: a group by hour and weekday, then one of it by activity."""
    total = np.cumsum(population.activity)
    ends = total[np.searchsorted(population.group, np.arange(GROUPS), side="right") - 1]
    begins = np.concatenate(([0.0], ends[:-1]))
    share = _rhythms(knobs.cycle_ratio) * (ends - begins)
    upto = np.cumsum(share, axis=1) / share.sum(axis=1, keepdims=True)
    hour = (time_s // 3600.0).astype(np.int64) % 168
    group = (dice.uniform("group", len(time_s))[:, None] >= upto[hour, :-1]).sum(axis=1)
    point = begins[group] + dice.uniform("customer", len(time_s)) * (ends - begins)[group]
    found: NDArray[np.int64] = np.searchsorted(total, point, side="right")
    return np.minimum(found, len(total) - 1)


def _rhythms(cycle_ratio: float) -> Floats:
    """Return the activity of each group by hour of the week, shape (168, GROUPS), Monday first."""
    hour = np.arange(168) % 24
    weekend = np.arange(168) // 24 >= 5
    office = np.where(weekend, 0.2, 1.0) * ((hour >= 7) & (hour < 19))
    evening = 1.0 * ((hour >= 17) & (hour < 24))
    leisure = np.where(weekend, 1.5, 0.2) * ((hour >= 9) & (hour < 21))
    night = 1.0 * ((hour >= 21) | (hour < 5))
    shape = np.stack([office, evening, leisure, night], axis=1)
    return 1.0 - cycle_ratio + cycle_ratio * (0.1 + shape)


def _attacked(
    time_s: Floats, who: NDArray[np.int64], population: Population, dice: Dice
) -> NDArray[np.bool_]:
    """Pick the transactions that the thief of a compromised customer makes: mostly at night."""
    chance = np.where(is_night(time_s), 0.6, 0.25)
    compromised = population.customer_compromised[who, day_of(time_s)]
    return compromised & (dice.uniform("attack", len(time_s)) < chance)


def _channels(time_s: Floats, attacked: NDArray[np.bool_], dice: Dice) -> NDArray[np.int64]:
    """Pick channel codes: more web in the evening, at night and by thieves; a tenth by phone."""
    hour = time_s % DAY_S / 3600.0
    web = 0.25 + 0.15 * ((hour >= 19) | (hour < 6)) + 0.3 * attacked
    pick = dice.uniform("channel", len(time_s))
    return np.where(pick < web, 1, np.where(pick < web + 0.1, 2, 0))
