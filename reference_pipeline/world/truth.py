"""The truth of the simulated world: P(y = 1 | x) of every row, exactly.

x is drawn first; then p(x) = 1 - prod_k (1 - r_k(x)) (noisy-or over causes k); then
y ~ Bernoulli(p(x)). So p is the posterior by construction, whatever x was drawn from.
Causes: background, very high amount for the customer, compromised terminal, compromised customer
(raised amounts, far terminals, at night), stolen card (all three at once, for anybody), and a pattern that
history does not show unless its knob is set (orders by phone).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.records import CHANNELS, DAY_S
from reference_pipeline.world.knobs import SimulatorKnobs
from reference_pipeline.world.moves import FRAUD_ODDS, MOVABLE, Law
from reference_pipeline.world.odds import raised
from reference_pipeline.world.population import SCHEDULE_DAYS, Population

_CHANNEL_RISK = np.array([0.8, 1.4, 1.2])  # pos, web, phone
_CATEGORY_RISK = np.array([0.6, 0.8, 1.0, 1.6, 1.8])  # grocery .. travel
_BY_PHONE = CHANNELS.index("phone")
_SKIMMED_SHARE = np.array([1.0, 0.8, 0.5])  # a compromised terminal hurts cards present most


def posterior(
    columns: Mapping[str, NDArray[np.generic]], population: Population, law: Law
) -> NDArray[np.float64]:
    """Return P(y = 1 | x) of rows given as columns (see ``features.transaction_columns``), shape (n,)."""
    who = np.asarray(columns["customer_id"], dtype=np.int64)
    where = np.asarray(columns["terminal_id"], dtype=np.int64)
    channel = np.asarray(columns["channel"], dtype=np.int64)
    category = np.asarray(columns["category"], dtype=np.int64)
    time_s = np.asarray(columns["event_time_s"], dtype=np.float64)
    age_days = np.asarray(columns["card_age_days"], dtype=np.float64)
    log_ratio = np.log(np.asarray(columns["amount"], dtype=np.float64) / population.mean_amount[who])
    day = day_of(time_s)
    raised = _soft_step((log_ratio - np.log(2.0)) / 0.2)
    far = _soft_step((_distance(population, who, where) - 40.0) / 6.0)
    night = is_night(time_s).astype(np.float64)
    young = 1.0 + np.exp(-age_days / 30.0)
    causes = (
        law.base_risk * _CHANNEL_RISK[channel] * _CATEGORY_RISK[category] * young,
        law.amount_risk * _soft_step((log_ratio - np.log(5.0)) / 0.15),
        law.terminal_risk * population.terminal_compromised[where, day] * _SKIMMED_SHARE[channel],
        law.customer_risk
        * population.customer_compromised[who, day]
        * raised
        * (0.2 + 0.4 * far + 0.4 * night),
        law.stolen_risk * raised * far * night,
        law.pattern_risk * (channel == _BY_PHONE),
    )
    spared = np.ones(len(who))
    for cause in causes:
        spared *= 1.0 - cause
    return 1.0 - spared


def day_of(time_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the day of the schedule of compromises."""
    return (time_s // DAY_S).astype(np.int64) % SCHEDULE_DAYS


def is_night(time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell whether it is before six in the morning."""
    return time_s % DAY_S < 6 * 3600.0


def _distance(
    population: Population, who: NDArray[np.int64], where: NDArray[np.int64]
) -> NDArray[np.float64]:
    return np.hypot(
        population.customer_x[who] - population.terminal_x[where],
        population.customer_y[who] - population.terminal_y[where],
    )


def _soft_step(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-np.clip(value, -60.0, 60.0)))


def clear_cases(
    columns: Mapping[str, NDArray[np.generic]],
    population: Population,
    knobs: SimulatorKnobs,
    *,
    threshold: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell (clearly approve, clearly decline) of each row, under every setting of the knobs.

    The noisy-or rises with every risk knob, so the ends of their ranges bound P(y|x) of all
    settings: approve needs P <= threshold / 3 at the strongest, decline P >= 0.5 at the weakest. A shift of
    the odds of fraud, which comes upon the knobs as they are, leaves an approval below the threshold as well.
    Approvals concern customers and terminals never compromised, so that a later retrain keeps them.
    """
    who = np.asarray(columns["customer_id"], dtype=np.int64)
    where = np.asarray(columns["terminal_id"], dtype=np.int64)
    highest = posterior(columns, population, knobs.strongest())
    lowest = posterior(columns, population, knobs.weakest())
    safe = population.customer_safe[who] & population.terminal_safe[where]
    shifted = raised(posterior(columns, population, knobs), MOVABLE[FRAUD_ODDS][1])
    return safe & (highest <= threshold / 3.0) & (shifted <= threshold / 1.5), lowest >= 0.5
