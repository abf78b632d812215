"""What episodes lost at a worth of degraded answers: L, clipped to [0, tau], its parts by phase, its means.

In: ``Loss``, in whole microseconds, and a worth in millionths. Out: whole microseconds, and exact fractions
of them that add up. Every lost unit of an episode weighs the same, so the baseline's share and what lies
beyond tau are taken off all phases alike.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from harness.episodes.acts import sees_acts
from harness.episodes.loss import Loss
from harness.episodes.model import Episode, RunFacts

MILLION = 1_000_000
Seen = tuple[RunFacts, Episode]


def lost_us(loss: Loss, worth_ppm: int, tau_us: int | None) -> int:
    """Equivalent microseconds of good service lost, at most ``tau_us``; None: the whole horizon's.

    >>> outage = Loss(bad_us=(900_000, 0, 600_000), degraded_us=(0, 0, 1_000_000), usual_bad_us=0,
    ...               usual_degraded_us=0)
    >>> [lost_us(outage, worth, 10_000_000) for worth in (0, 500_000, 1_000_000)]
    [2500000, 2000000, 1500000]
    """
    usual = _together(loss.usual_bad_us, loss.usual_degraded_us, worth_ppm)
    lost = max(0, rounded(Fraction(sum(_gross(loss, worth_ppm)) - usual, MILLION)))
    return lost if tau_us is None else min(tau_us, lost)


def phases_us(loss: Loss, worth_ppm: int, tau_us: int) -> tuple[Fraction, ...]:
    """The same over (detect, act, settle); the sum is exactly ``lost_us``.

    >>> none = {"degraded_us": (0, 0, 0), "usual_bad_us": 0, "usual_degraded_us": 0}
    >>> [int(part) for part in phases_us(Loss(bad_us=(900_000, 0, 600_000), **none), 0, 1_000_000)]
    [600000, 0, 400000]
    """
    gross, lost = _gross(loss, worth_ppm), lost_us(loss, worth_ppm, tau_us)
    return tuple(Fraction(lost * part, sum(gross)) if lost else Fraction(0) for part in gross)


def _gross(loss: Loss, worth_ppm: int) -> list[int]:
    """Of each phase in millionths of a microsecond, before the baseline's share is taken off."""
    both = zip(loss.bad_us, loss.degraded_us, strict=True)
    return [_together(bad, degraded, worth_ppm) for bad, degraded in both]


def _together(bad_us: int, degraded_us: int, worth_ppm: int) -> int:
    return bad_us * MILLION + degraded_us * (MILLION - worth_ppm)


def rounded(share: Fraction) -> int:
    """The nearest whole number; halves go up, so that a sum is rounded as its parts are.

    >>> rounded(Fraction(1, 2)), rounded(Fraction(3, 2)), rounded(Fraction(4, 3))
    (1, 2, 1)
    """
    return math.floor(share + Fraction(1, 2))


def apportioned(shares: Iterable[Fraction]) -> list[int]:
    """Whole numbers whose sum is that of ``shares``, ``rounded``: the largest remainders go up.

    >>> apportioned([Fraction(2, 3)] * 3), apportioned([Fraction(1, 2), Fraction(1, 4)])
    ([1, 1, 0], [1, 0])
    """
    exact = list(shares)
    whole = [int(share) for share in exact]
    rest = rounded(sum(exact, Fraction(0))) - sum(whole)
    order = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in order[:rest]:
        whole[i] += 1
    return whole


@dataclass(frozen=True, slots=True)
class Scale:
    """What a loss is held against: tau, and what a degraded answer counts, in millionths."""

    tau_us: int
    worth_ppm: int

    def at(self, worth_ppm: int) -> Scale:
        """The same with another worth."""
        return Scale(self.tau_us, worth_ppm)


@dataclass(frozen=True, slots=True)
class ClassLosses:
    """Counted episodes of one class, which all have a loss; ``weight``: its share of the whole score."""

    fault: str
    service: str
    weight: Fraction
    seen: Sequence[Seen]

    @property
    def runs(self) -> int:
        """How many runs there are episodes of: the statistical units."""
        return len({run.run_id for run, _ in self.seen})

    def by_run(self, scale: Scale) -> dict[str, Fraction]:
        """Mean of L / tau of each run's episodes."""
        return {run_id: Fraction(sum(us), len(us) * scale.tau_us) for run_id, us in self._us(scale).items()}

    def mean(self, scale: Scale) -> Fraction:
        """Mean of L / tau over runs; there must be one."""
        of_runs = self.by_run(scale)
        return sum(of_runs.values(), Fraction(0)) / len(of_runs)

    def phases(self, scale: Scale) -> list[Fraction]:
        """The same by (detect, act, settle, unseen); the sum is exactly ``mean``."""
        episodes = Counter(run.run_id for run, _ in self.seen)
        whole = len(episodes)
        split = [
            [part / (episodes[run.run_id] * whole) for part in _phases(run, episode, scale)]
            for run, episode in self.seen
        ]
        return [sum(of_phase, Fraction(0)) for of_phase in zip(*split, strict=True)]

    def _us(self, scale: Scale) -> dict[str, list[int]]:
        runs: dict[str, list[int]] = defaultdict(list)
        for run, episode in self.seen:
            assert episode.loss is not None, "an episode without a loss is not counted"
            runs[run.run_id].append(lost_us(episode.loss, scale.worth_ppm, scale.tau_us))
        return runs


def _phases(run: RunFacts, episode: Episode, scale: Scale) -> list[Fraction]:
    """L / tau by phase; where an act could have stayed unseen, what it would have ended is told apart."""
    assert episode.loss is not None, "an episode without a loss is not counted"
    parts = phases_us(episode.loss, scale.worth_ppm, scale.tau_us)
    detect, act, settle = (part / scale.tau_us for part in parts)
    nothing = Fraction(0)
    if episode.acted_s is not None or sees_acts(run):
        return [detect, act, settle, nothing]
    if episode.learned.detected_s is None:
        return [nothing, nothing, settle, detect + act]
    return [detect, nothing, settle, act]
