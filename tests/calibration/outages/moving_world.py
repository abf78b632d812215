"""The world of the stubs on the move: amounts that grow, a limit that falls, more of those above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from outage_world import LIMIT, AmountWorld, Drawn


@dataclass(frozen=True)
class Then(Drawn):
    """What a moved world offers."""

    before: np.ndarray


class MovingWorld(AmountWorld):
    """Amounts that can grow, a limit that can fall, and more of those above it."""

    def __init__(self, seed: int, *, knows_truth: bool = True) -> None:
        super().__init__(seed)
        self._seed = seed
        self._knows_truth = knows_truth

    def movable(self) -> dict[str, tuple[float, float]]:
        return {"scale": (1.0, 3.0), "limit": (0.0, LIMIT), "odds": (1.0, 9.0), "idle": (0.0, 1.0)}

    def moved(self, due_s: np.ndarray, moves: Sequence[object], /) -> Then:
        plain = AmountWorld(self._seed).draw(due_s)
        amounts = np.array([record["amount"] for record in plain.records])
        limit, posterior = np.full(len(due_s), LIMIT), plain.posterior
        for move in moves:
            on = (due_s >= move.from_s) & (due_s < move.until_s)
            if move.knob == "limit":
                limit = np.where(on, move.value, limit)
            elif move.knob != "idle":
                amounts = np.where(on, amounts * move.value, amounts)
        before = np.where(amounts > LIMIT, 0.9, 0.01)
        posterior = np.where(amounts > limit, 0.9, 0.01)
        if any(move.knob == "odds" for move in moves):
            posterior = np.where(amounts != [r["amount"] for r in plain.records], 0.5, posterior)
        if not self._knows_truth:
            before = posterior = np.full(len(due_s), np.nan)
        records = [r | {"amount": float(a)} for r, a in zip(plain.records, amounts, strict=True)]
        return Then(records, posterior, plain.label, before)

    def reference(self, records: Sequence[dict], /) -> np.ndarray:
        return np.array([record["amount"] > LIMIT for record in records])

    def costs(self) -> tuple[float, float]:
        return 20.0, 1.0


def open_world(*, scenario, seed, template) -> MovingWorld:
    """Opened by the driver by import string; neither scenario nor template is needed."""
    del scenario, template
    return MovingWorld(seed)
