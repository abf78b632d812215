"""When units are due: pure functions of seed and profile, the same for every run of a pair.

Slots are jittered, ``(i + U_i) / rate`` with U_i uniform in [0, 1): an exact grid would alias with
outages whose length is a multiple of its step and show an accuracy that is not there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# One stream of dice each: a knob moves no other's draws.
_WITNESS_DICE, _LOAD_DICE, _GOLDEN_DICE, _SURGE_DICE, _LABEL_DICE, _EXPLORING_DICE = 1, 2, 3, 4, 5, 6


def witness_due(seed: int, rate_hz: float, duration_s: float) -> NDArray[np.float64]:
    """Due offsets of the witness's units in seconds, increasing, one in each slot of 1 / rate.

    A longer run starts with the very offsets of a shorter one.
    """
    return _jittered(seed, _WITNESS_DICE, 1 / rate_hz, duration_s)


def load_due(seed: int, every_s: float, duration_s: float) -> NDArray[np.float64]:
    """Due offsets of the load batches in seconds, one in each slot of ``every_s``."""
    return _jittered(seed, _LOAD_DICE, every_s, duration_s)


def surge_due(seed: int, episode: int, step_s: float, length_s: float) -> NDArray[np.float64]:
    """Offsets from a surge's begin of the batches that it adds, one in each slot of ``step_s``."""
    count = int(length_s / step_s + 1e-9)
    return (np.arange(count) + np.random.default_rng([seed, _SURGE_DICE, episode]).random(count)) * step_s


def golden_numbers(seed: int, every: int, count: int) -> NDArray[np.int64]:
    """Numbers of the golden units: one at random in each block of ``every``; none for 0.

    A fixed place in the block would let a system learn which units are checked.
    """
    if every <= 0:
        return np.empty(0, dtype=np.int64)
    blocks = -(-count // every)
    dice = np.random.default_rng([seed, _GOLDEN_DICE])
    numbers = np.arange(blocks) * every + dice.integers(0, every, blocks)
    return numbers[numbers < count]


def label_dice(seed: int, count: int, explored_ratio: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of each unit: how long its label takes (exponential, mean 1), and whether it is looked into anyway."""
    waits = np.random.default_rng([seed, _LABEL_DICE]).exponential(size=count)
    return waits, np.random.default_rng([seed, _EXPLORING_DICE]).random(count) < explored_ratio


def _jittered(seed: int, dice: int, step_s: float, duration_s: float) -> NDArray[np.float64]:
    count = int(duration_s / step_s + 1e-9)
    return (np.arange(count) + np.random.default_rng([seed, dice]).random(count)) * step_s
