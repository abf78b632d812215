"""What a fault cost, split by what was being waited for: to be noticed, to be acted on, for the act to work.

In: the witness's units and the marks of one episode. Out: ``Loss``. The first alarm is the healer's own word
(``Learned.detected_s``), the first act was seen from outside. Where no alarm was told, an act ends the phase
detect: who acts has noticed. Where neither was, all of the loss is of that phase.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from harness.episodes.loss import Loss
from harness.episodes.service import Floats, Service

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """One episode's time: the fault at ``inject_s`` (monotonic), the rest in seconds after it.

    ``detected_s`` and ``acted_s`` None: not seen. ``served_ratio`` and ``full_ratio`` are the shares that
    were not served, and not full, at the baseline.
    """

    inject_s: float
    horizon_s: float
    detected_s: float | None
    acted_s: float | None
    served_ratio: float
    full_ratio: float

    @property
    def edges_s(self) -> tuple[float, float, float, float]:
        """The instants between which the phases lie, monotonic seconds; a phase may be empty."""
        acted_s = math.inf if self.acted_s is None else self.acted_s
        noticed_s = min(acted_s, math.inf if self.detected_s is None else self.detected_s)
        noticed, acted = (
            self.inject_s + min(self.horizon_s, max(0.0, at_s)) for at_s in (noticed_s, acted_s)
        )
        return self.inject_s, noticed, acted, self.inject_s + self.horizon_s


def loss_of(service: Service, course: Course) -> Loss | None:
    """Add up what was lost in the horizon; None where no unit was due in it.

    Each unit stands for the same part of the horizon, by its weight.
    """
    edges = np.searchsorted(service.due, course.edges_s)
    horizon = slice(int(edges[0]), int(edges[-1]))
    total = float(service.weight[horizon].sum())
    if not total > 0:
        return None
    bad = service.weight * ~service.served
    degraded = service.weight * (service.served & ~service.full)
    length_us = course.horizon_s * MICRO

    def split(part: Floats) -> tuple[int, int, int]:
        sums = [float(part[low:high].sum()) for low, high in itertools.pairwise(edges)]
        detect, act, settle = (round(length_us * one / total) for one in sums)
        return detect, act, settle

    return Loss(
        bad_us=split(bad),
        degraded_us=split(degraded),
        usual_bad_us=round(length_us * course.served_ratio),
        usual_degraded_us=round(length_us * max(0.0, course.full_ratio - course.served_ratio)),
    )
