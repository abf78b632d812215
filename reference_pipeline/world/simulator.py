"""The simulated world: vectorised transactions whose truth is known, from seed and scenario.

The same instants always give the same units. ``moved`` gives their twins: the same units, by the same dice,
in a world whose knobs move.

Units arrive as the driver's open loop offers them (evenly), so the daily and weekly cycle is in
*who* acts and how (customers have their hours, the channel mix moves), not in the rate; history is
drawn by the same law. Each quantity has its own named stream that gives one number a unit:
unit i does not depend on how many units follow it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.records import CATEGORIES, CHANNELS, DAY_S, Costs, Record
from reference_pipeline.world.frozen import frozen_declines
from reference_pipeline.world.golden import load_golden
from reference_pipeline.world.knobs import SimulatorKnobs
from reference_pipeline.world.moves import (
    FRAUD_ODDS,
    MOVABLE,
    Law,
    Move,
    MovedLaw,
    moved_law,
    own_moves,
    slices_of,
)
from reference_pipeline.world.odds import Asked, exchanged, raised
from reference_pipeline.world.offers import MovedOffers, Offers
from reference_pipeline.world.population import GROUPS, Population, load_population, stream
from reference_pipeline.world.truth import day_of, is_night, posterior

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[np.generic]]


class SimulatedWorld:
    """A world of transactions."""

    def __init__(
        self,
        population: Population,
        knobs: SimulatorKnobs,
        *,
        seed: int,
        world_s_per_run_s: float,
        template: Path,
    ) -> None:
        self.population = population
        self.knobs = knobs
        self._seed = seed
        self._factor = world_s_per_run_s
        self._template = template
        self._golden = load_golden(template)
        self._own = own_moves(knobs)

    def draw(self, due_s: Floats, /) -> Offers:
        """Draw a unit for each of ``due_s`` (run seconds after the first slot)."""
        columns, truth = self._drawn(due_s, self._own)
        return Offers(as_records(columns), truth, draw_labels(truth, Dice(self._seed, "run")))

    def movable(self) -> Mapping[str, tuple[float, float]]:
        """Knobs that can move while the world runs, with their ranges."""
        return MOVABLE

    def moved(self, due_s: Floats, moves: Sequence[Move], /) -> MovedOffers:
        """Draw the units of ``draw(due_s)`` while ``moves`` are made; one that no move reaches is the same.

        Raises:
            BadScenario: a move is none of this world.
        """
        columns, truth = self._drawn(due_s, (*self._own, *moves))
        law = moved_law(self.knobs, self._own, due_s, columns)
        before = raised(posterior(columns, self.population, law), law.fraud_odds)
        labels = draw_labels(truth, Dice(self._seed, "run"))
        return MovedOffers(as_records(columns), truth, labels, before)

    def _drawn(self, due_s: Floats, moves: Sequence[Move]) -> tuple[Columns, Floats]:
        """Draw the columns of the units, and P(y = 1 | x) of each, while ``moves`` are made."""
        dice = Dice(self._seed, "run")
        time_s = self._world_time_s(due_s)
        if not moves:
            columns = draw_columns(time_s, self.population, self.knobs, dice)
            return columns, posterior(columns, self.population, self.knobs)
        plain = draw_columns(time_s, self.population, self.knobs, dice)
        law = moved_law(self.knobs, moves, due_s, plain)
        columns = draw_columns(time_s, self.population, law, dice)
        where = np.flatnonzero(law.fraud_odds != 1)
        if where.size:
            columns = self._with_odds(columns, law, where, slices_of(moves, FRAUD_ODDS))
        law = moved_law(self.knobs, moves, due_s, columns)
        return columns, raised(posterior(columns, self.population, law), law.fraud_odds)

    def _with_odds(
        self, columns: Columns, law: MovedLaw, where: NDArray[np.int64], fields: tuple[str, ...]
    ) -> Columns:
        """Exchange some of the units ``where`` for others of their instant and their level of ``fields``."""
        asked = Asked(
            time_s=np.asarray(columns["event_time_s"], dtype=np.float64)[where],
            odds=law.fraud_odds[where],
            parts={name: columns[name][where] for name in fields},
            p=posterior(columns, self.population, self.knobs)[where],
        )
        dice = Dice(self._seed, "odds")
        places, others = exchanged(asked, self._drawn_for_odds, dice.uniform)
        out = {name: column.copy() for name, column in columns.items()}
        for name, column in others.items():
            out[name][where[places]] = column
        return out

    def _drawn_for_odds(self, time_s: Floats, name: str) -> tuple[Columns, Floats]:
        columns = draw_columns(time_s, self.population, self.knobs, Dice(self._seed, f"odds/{name}"))
        return columns, posterior(columns, self.population, self.knobs)

    def golden(self, count: int, /) -> tuple[list[dict[str, object]], list[str]]:
        """Return ``count`` records far from the threshold with their right decisions."""
        return self._golden.take(count)

    def costs(self) -> tuple[float, float]:
        """What a wrong decision costs: a fraud approved, a good transaction declined."""
        return Costs().missed_fraud, Costs().declined_good

    def reference(self, records: Sequence[Record], /) -> NDArray[np.int8]:
        """Tell 1 for each record that the champion as prepared declines, else 0."""
        return frozen_declines(records, self._template)

    def _world_time_s(self, due_s: Floats) -> Floats:
        start_s = self.population.history_days * DAY_S + self.knobs.start_hour * 3600.0
        return start_s + np.asarray(due_s, dtype=np.float64) * self._factor


@dataclass(frozen=True, slots=True)
class Dice:
    """Named streams of one drawing of one seed."""

    seed: int
    purpose: str

    def uniform(self, name: str, count: int) -> Floats:
        """Return ``count`` numbers in [0, 1) of stream ``name``."""
        return stream(self.seed, f"{self.purpose}/{name}").random(count)

    def normal(self, name: str, count: int) -> Floats:
        """Return ``count`` standard normal numbers of stream ``name``."""
        return stream(self.seed, f"{self.purpose}/{name}").standard_normal(count)


def open_simulator(
    knobs: SimulatorKnobs, *, world_s_per_run_s: float, seed: int, template: Path
) -> SimulatedWorld:
    """Open the simulated world on the population and golden rows of ``template``."""
    return SimulatedWorld(
        load_population(template, knobs),
        knobs,
        seed=seed,
        world_s_per_run_s=world_s_per_run_s,
        template=template,
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


def draw_columns(time_s: Floats, population: Population, law: Law, dice: Dice) -> Columns:
    """Draw x for each instant; numbers are rounded as the records carry them, so truth is of those."""
    count = len(time_s)
    time_s = np.round(time_s, 3)
    who = _customers(time_s, population, law.cycle_ratio, dice)
    attacked = _attacked(time_s, who, population, dice)
    far = attacked | (dice.uniform("far", count) < law.far_share)
    pick = dice.uniform("terminal", count)
    near_rank = (pick**2 * population.nearby.shape[1]).astype(np.int64)
    anywhere = (pick * len(population.terminal_x)).astype(np.int64)
    where = np.where(far, anywhere, population.nearby[who, near_rank])
    sd = population.log_sd[who]
    log_amount = np.log(population.mean_amount[who]) - sd**2 / 2 + sd * dice.normal("amount", count)
    raise_dice = dice.uniform("raise", count)
    log_amount += np.where(attacked, np.log(2.5 + 3.5 * raise_dice), 0.0)
    big = ~attacked & (dice.uniform("big-ticket", count) < law.big_ticket_share)
    log_amount += np.where(big, np.log(4.0 + 10.0 * raise_dice), 0.0)
    age_days = (time_s - population.card_issued_s[who]) / DAY_S
    return {
        "customer_id": who,
        "terminal_id": where,
        "amount": np.clip(np.round(np.exp(log_amount) * law.amount_scale, 2), 0.01, 1e6),
        "channel": _channels(time_s, attacked, law.phone_share, dice),
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


def _customers(time_s: Floats, population: Population, cycle_ratio: float, dice: Dice) -> NDArray[np.int64]:
    """Pick customers: a group by hour and weekday, then one of it by activity."""
    total = np.cumsum(population.activity)
    ends = total[np.searchsorted(population.group, np.arange(GROUPS), side="right") - 1]
    begins = np.concatenate(([0.0], ends[:-1]))
    share = _rhythms(cycle_ratio) * (ends - begins)
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


def _channels(
    time_s: Floats, attacked: NDArray[np.bool_], phone_share: float | Floats, dice: Dice
) -> NDArray[np.int64]:
    """Pick channel codes: more web in the evening, at night and by thieves; some by phone."""
    hour = time_s % DAY_S / 3600.0
    web = 0.25 + 0.15 * ((hour >= 19) | (hour < 6)) + 0.3 * attacked
    pick = dice.uniform("channel", len(time_s))
    return np.where(pick < web, 1, np.where(pick < np.minimum(web + phone_share, 1.0), 2, 0))
