"""Label shift: frauds come ``odds`` times as often, and look as before.

P(x|y) stays, so P'(x) is P(x) with weight 1 + (odds - 1) p(x), and P'(y|x) follows by Bayes' rule. Above 1,
P'(x) is P(x) mixed with P(x|y=1): a unit stays with probability 1 / (1 + (odds - 1) E[p]), else it is
exchanged for a fraud. Below 1, it stays with probability 1 - (1 - odds) p(x), else it is exchanged for a draw
of P'(x). Both draws are by rejection, hence exact; E[p] is that of units of the same hour and part, drawn for
it alone. So most units stay as they are, and none depends on which units follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[np.generic]]
Draw = Callable[[Floats, str], tuple[Columns, Floats]]
"""Instants, a name of dice -> units of these instants, and P(y = 1 | x) of each."""

Uniform = Callable[[str, int], Floats]
"""A name of dice, n -> n numbers in [0, 1)."""

_POOL = 8192  # units of an hour that tell its share of frauds to one part in twenty
_BLOCK, _BLOCKS = 64, 100  # candidates for a unit: with one fraud in a hundred none is left without
_LEVELS_MAX = 100
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Units that are to have other odds, (n,) each, with their P(y|x).

    ``parts``: fields whose level, a code, a unit keeps.
    """

    time_s: Floats
    odds: Floats
    parts: Columns
    p: Floats


def raised(p: Floats, odds: Floats | float) -> Floats:
    """P(y = 1 | x) when frauds are ``odds`` times as frequent and P(x|y) is as before (Bayes' rule).

    >>> raised(np.array([0.0, 0.5, 1.0]), np.array([3.0, 3.0, 3.0])).tolist()
    [0.0, 0.75, 1.0]
    """
    return np.where(np.equal(odds, 1), p, odds * p / (odds * p + 1.0 - p))


def exchanged(
    asked: Asked, draw: Draw, uniform: Uniform
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.generic]]]:
    """Choose the units that are exchanged, and what for: (places, columns of these places)."""
    rises = 1 / (1 + (asked.odds - 1) * _share(asked, draw))
    stays = np.where(asked.odds > 1, rises, 1 - (1 - asked.odds) * asked.p)
    pending = np.flatnonzero(uniform("stays", len(stays)) >= stays)
    places: list[NDArray[np.int64]] = []
    found: list[Columns] = []
    for block in range(_BLOCKS):
        if not pending.size:
            break
        others, chance = draw(np.repeat(asked.time_s[pending], _BLOCK), f"block {block}")
        dice = uniform(f"accepts {block}", len(chance))
        fits = _fits(asked, pending, others, wins=dice < _weight(asked.odds[pending], chance))
        has = fits.any(axis=1)
        chosen = fits.argmax(axis=1) + np.arange(len(pending)) * _BLOCK
        places.append(pending[has])
        found.append({name: column[chosen[has]] for name, column in others.items()})
        pending = pending[~has]
    if not places:
        return np.zeros(0, dtype=np.int64), {}
    return np.concatenate(places), {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def _weight(odds: Floats, chance: Floats) -> Floats:
    """With what probability a candidate is accepted: as a fraud above 1, as a draw of P'(x) below."""
    each = np.repeat(odds, _BLOCK)
    return np.where(each > 1, chance, 1 - (1 - each) * chance)


def _fits(
    asked: Asked, pending: NDArray[np.int64], others: Columns, *, wins: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which candidates win and are of their unit's part, (units, candidates)."""
    for name, levels in asked.parts.items():
        wins = wins & np.equal(others[name], np.repeat(levels[pending], _BLOCK))
    return wins.reshape(-1, _BLOCK)


def _share(asked: Asked, draw: Draw) -> Floats:
    """E[p] among units of the same hour and part, for each unit."""
    hours = (asked.time_s // _HOUR_S).astype(np.int64)
    share = np.zeros(len(hours))
    for hour in np.unique(hours).tolist():
        time_s = hour * _HOUR_S + (np.arange(_POOL) + 0.5) * (_HOUR_S / _POOL)
        pool, p = draw(time_s, f"hour {hour}")
        here = np.flatnonzero(hours == hour)
        keys = _keys(asked.parts, here)
        of_pool = _keys({name: pool[name] for name in asked.parts}, np.arange(_POOL))
        means = {key: p[of_pool == key].mean() for key in np.intersect1d(keys, of_pool).tolist()}
        share[here] = [means.get(key, 0.0) for key in keys.tolist()]
    return share


def _keys(parts: Columns, where: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for the levels of all ``parts``, which are small codes."""
    keys = np.zeros(len(where), dtype=np.int64)
    for column in parts.values():
        keys = keys * _LEVELS_MAX + np.asarray(column, dtype=np.int64)[where]
    return keys
