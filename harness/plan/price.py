"""What each verdict costs: how many repetitions until a claim can pass, and until it can fail; pure.

Comes in: an experiment and its plans. Goes out: ``Price`` for each claim of the file. These are the least
numbers, those of an outcome without exception; an exception makes them larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.experiment.model import Experiment, Objective
from harness.faults.effects import subject_among

LEVEL_RATIO = 0.95
MEAN_RUNS = 5
"""Runs that a claim about an average needs, as in ``verdict.evidence``."""


@dataclass(frozen=True, slots=True)
class Price:
    """A claim, and how many repetitions of the experiment it takes at least.

    ``passes`` None: no number of repetitions proves it. ``fails``: until there can be evidence against it.
    """

    claim: str
    passes: int | None
    fails: int


def prices(experiment: Experiment) -> tuple[Price, ...]:
    """Price every claim of the file, one line a class of faults."""
    return tuple(price for objective in experiment.objectives for price in _prices(experiment, objective))


def _prices(experiment: Experiment, objective: Objective) -> Iterator[Price]:
    arms = [arm for arm in experiment.arms if objective.arm in ("", arm)]
    in_arms = f"arm {', '.join(arms)}"
    if objective.served_within_s is not None or objective.harm_left_ratio is not None:
        share = objective.share_ratio
        for name, count in classes(experiment, objective.fault).items():
            text = f"{name}, {in_arms}: in at least {100 * share:g} % of episodes"
            passes = all_in_favour(share)
            yield Price(
                text, None if passes is None else -(-passes // count), -(-all_against(share) // count)
            )
    if objective.availability_ratio is not None:
        text = f"{in_arms}: availability of at least {100 * objective.availability_ratio:g} %"
        yield Price(text, MEAN_RUNS, MEAN_RUNS)
    if objective.exactly_once:
        yield Price(f"{in_arms}: every accepted transaction ends exactly once", 1, 1)
    if objective.no_acts:
        yield Price(f"{in_arms}: no act in a run in which nothing is broken", 1, 1)


def classes(experiment: Experiment, fault: str = "") -> dict[str, int]:
    """Episodes of each class that one run has; arms and restart profiles are classes of their own."""
    found: dict[str, int] = {}
    for step in experiment.steps:
        if fault in ("", step.kind):
            alike = [one.effect for one in experiment.steps if one.kind == step.kind]
            name = f"{step.kind} {subject_among(step.effect, alike)}"
            found[name] = found.get(name, 0) + 1
    return found


def all_in_favour(share_ratio: float) -> int | None:
    """How many episodes prove a share, if each is in favour; None: no number does (Clopper and Pearson).

    >>> all_in_favour(0.9), all_in_favour(0.99), all_in_favour(1.0)
    (29, 299, None)
    """
    if share_ratio >= 1:
        return None
    return max(1, math.ceil(math.log(1 - LEVEL_RATIO) / math.log(share_ratio))) if share_ratio > 0 else 1


def all_against(share_ratio: float) -> int:
    """How many episodes refute a share, if none is in favour.

    >>> all_against(0.9), all_against(0.5), all_against(1.0)
    (2, 5, 1)
    """
    if share_ratio >= 1:
        return 1
    n = math.log(1 - LEVEL_RATIO) / math.log(1 - share_ratio) if share_ratio > 0 else math.inf
    return math.floor(n) + 1 if math.isfinite(n) else _OUT_OF_REACH


_OUT_OF_REACH = 10**9


def reaches_a_verdict(found: Sequence[Price], repetitions: int) -> bool:
    """Whether anything but INCONCLUSIVE can come of so many; where nothing is claimed, DONE can.

    >>> dear = Price(claim="nine of ten", passes=29, fails=2)
    >>> reaches_a_verdict([dear], 1), reaches_a_verdict([dear], 2), reaches_a_verdict([], 1)
    (False, True, True)
    """
    some_fail = any(price.fails <= repetitions for price in found)
    return some_fail or all(price.passes is not None and price.passes <= repetitions for price in found)
