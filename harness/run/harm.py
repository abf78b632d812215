"""The budget of harm: what an experiment may cost beside what it breaks, looked at while it breaks it.

Comes in: the budget of the experiment, what was injected, the platform's ledger and the witness's rows so
far. Goes out: why the run must end, or "". A hook is a program of the system's own: what it touches is not
known, so nobody is a bystander of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.episodes.platform import platform_harms
from harness.episodes.service import service_of
from harness.experiment.model import Experiment, Profile, System
from harness.experiment.rules import HarmBudget
from harness.faults.effects import Effect, Hook, Kill, Pause, WorldEffect
from harness.history.events import Injected, Platform
from harness.history.observations import Rows

WRITTEN_S = 0.1
"""An answer is in the driver's file so long after it came, a few times over."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one experiment may cost: its budget, the system that is broken, and how that is measured."""

    budget: HarmBudget
    system: System
    profile: Profile

    def touched(self, effect: Effect) -> frozenset[str]:
        """The services that an effect touches: what is hit, or both ends of what is hit."""
        if isinstance(effect, Hook):
            return frozenset(self.system.services)
        if isinstance(effect, WorldEffect):
            return frozenset()
        if isinstance(effect, Kill | Pause):
            return frozenset({effect.service})
        edge = self.system.all_edges[effect.edge]
        return frozenset({edge.source, edge.to})


def allowance_of(experiment: Experiment) -> Allowance | None:
    """What an experiment may cost; None where it does not say."""
    if experiment.harm == HarmBudget():
        return None
    return Allowance(experiment.harm, experiment.system, experiment.profile)


class HarmWatch:
    """Watches one episode; ask it again and again."""

    def __init__(self, allowance: Allowance, injected: Injected) -> None:
        self._allowance, self._injected = allowance, injected
        self._touched = allowance.touched(injected.effect)
        self._next_s = 0.0

    def exceeded(self, ledger: Sequence[Platform], rows: Callable[[], Rows], now_s: float) -> str:
        """Say what went beyond the budget, in words; "" while nothing has."""
        budget, profile = self._allowance.budget, self._allowance.profile
        if budget.bystanders is not None and len(down := self._down(ledger)) > budget.bystanders:
            named = ", ".join(sorted(down))
            return f"{named} went down, and nothing had touched {_it(down)}; allowed: {budget.bystanders}"
        if budget.lost_s is None or now_s < self._next_s:
            return ""
        self._next_s = now_s + profile.window_length_s / 2
        lost_s = self._lost_s(rows(), now_s - profile.deadline_s - WRITTEN_S)
        if lost_s <= budget.lost_s:
            return ""
        return f"{lost_s:.1f} s of service were lost; allowed: {budget.lost_s:g} s"

    def _down(self, ledger: Sequence[Platform]) -> set[str]:
        """Bystanders that ended, or were found not to answer, since the fault, and on nobody's order."""
        since = [line for line in ledger if line.at_s >= self._injected.asked_at_s]
        ended = {harm.service for harm in platform_harms(since, [self._injected])}
        hung = {line.service for line in since if line.act == "liveness_failed"}
        return (ended | hung) - self._touched

    def _lost_s(self, rows: Rows, until_s: float) -> float:
        """Seconds since the fault in which units were due and not served; what has no row is not served."""
        from_s = self._injected.asked_at_s
        service = service_of(rows[(rows["due"] >= from_s) & (rows["due"] < until_s)])
        return until_s - from_s - float(np.count_nonzero(service.served)) / self._allowance.profile.rate_hz


def _it(services: set[str]) -> str:
    return "it" if len(services) == 1 else "them"
