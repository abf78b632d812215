"""A world for stubs: one amount a record, and a rule that everybody knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LIMIT = 500.0


def decide(amount: float) -> str:
    """The one right decision of this world."""
    return "decline" if amount > LIMIT else "approve"


@dataclass(frozen=True)
class Drawn:
    """One entry a unit: records, what is known of them, what comes true."""

    records: list[dict[str, object]]
    posterior: np.ndarray
    label: np.ndarray


class AmountWorld:
    """Amounts between 0 and 1,000; fraud is likely above the limit."""

    def __init__(self, seed: int) -> None:
        self._dice = np.random.default_rng(seed)

    def draw(self, due_s: np.ndarray, /) -> Drawn:
        """Records in order of ``due_s``, which stands in them to be seen."""
        amounts = self._dice.uniform(0, 1000, len(due_s))
        records = [
            {"amount": float(amount), "due_s": float(due)} for amount, due in zip(amounts, due_s, strict=True)
        ]
        posterior = np.where(amounts > LIMIT, 0.9, 0.01)
        return Drawn(records, posterior, (self._dice.random(len(due_s)) < posterior).astype(np.int8))

    def golden(self, count: int, /) -> tuple[list[dict[str, object]], list[str]]:
        """Records far from the limit, on both sides in turn."""
        amounts = [10.0 if place % 2 else 990.0 for place in range(count)]
        return [{"amount": amount, "golden": True} for amount in amounts], [decide(a) for a in amounts]


def open_world(*, scenario, seed, template) -> AmountWorld:
    """Opened by the driver by import string; neither scenario nor template is needed."""
    del scenario, template
    return AmountWorld(seed)
