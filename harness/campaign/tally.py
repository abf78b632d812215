"""Sums over runs, in integers alone: the same whoever counted and in whatever order the runs came. Pure.

Comes in: the rows of whole pairs. Goes out: counts, sums, sums of squares and histograms of each class and
arm. Differences between arms are taken within a pair, so arms of one pair are added together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.campaign.buckets import bucket
from harness.campaign.model import EpisodeRow, RunRow

LEAST = ("bare", "none")
"""Arms that another one is compared with, the first that is there: nobody heals in them."""
EPS_MS = 1000
"""Who loses so much more service than the arm it is compared with has been harmed by healing."""

ClassKey = tuple[str, str, str, str]
"""Fault, subject, arm, restart profile."""
ArmKey = tuple[str, str]
"""Arm, restart profile."""


@dataclass(slots=True)
class Sum:
    """Whole numbers added up."""

    n: int = 0
    total: int = 0
    squares: int = 0

    def add(self, value: int) -> None:
        """Add one.

        >>> one = Sum(); one.add(3); one.add(-1); one
        Sum(n=2, total=2, squares=10)
        """
        self.n += 1
        self.total += value
        self.squares += value * value


@dataclass(slots=True)
class ClassTally:
    """One class. ``hurt`` episodes were noticed by the witness; ``beyond`` of them did not recover in time.

    ``gain_ms``: service lost by the arm it is compared with, less its own; ``harmed``: pairs in which it lost
    more by ``EPS_MS``. ``gain_ppm``: the same of decisions.
    """

    n: int = 0
    void: int = 0
    hurt: int = 0
    beyond: int = 0
    ended_by: Counter[str] = field(default_factory=Counter)
    recovered: Counter[int] = field(default_factory=Counter)
    lost_ms: Sum = field(default_factory=Sum)
    gain_ms: Sum = field(default_factory=Sum)
    loss_ppm: Sum = field(default_factory=Sum)
    gain_ppm: Sum = field(default_factory=Sum)
    harmed: int = 0

    def add(self, episode: EpisodeRow, least: EpisodeRow | None) -> None:
        """Add one episode; ``least``: the same one in the arm that nobody heals in."""
        if episode.void:
            self.void += 1
            return
        self.n += 1
        self.ended_by[episode.ended_by] += 1
        self.lost_ms.add(episode.lost_ms)
        if episode.loss_ppm is not None:
            self.loss_ppm.add(episode.loss_ppm)
        if episode.impact_ms is not None:
            self.hurt += 1
            if episode.recovered_ms is None:
                self.beyond += 1
            else:
                self.recovered[bucket(episode.recovered_ms)] += 1
        if least is not None and not least.void:
            self._compare(episode, least)

    def _compare(self, episode: EpisodeRow, least: EpisodeRow) -> None:
        gain_ms = least.lost_ms - episode.lost_ms
        self.gain_ms.add(gain_ms)
        self.harmed += gain_ms < -EPS_MS
        if episode.loss_ppm is not None and least.loss_ppm is not None:
            self.gain_ppm.add(least.loss_ppm - episode.loss_ppm)


@dataclass(slots=True)
class ArmTally:
    """One arm. ``heals``: runs by how many false heals they had, over ``unbroken_ms`` in all."""

    runs: int = 0
    void: int = 0
    exactly_once: int = 0
    virtual_ms: int = 0
    events: int = 0
    units: int = 0
    good: int = 0
    sham_runs: int = 0
    sham_hurt: int = 0
    unbroken_ms: int = 0
    errors: int = 0
    heals: Counter[int] = field(default_factory=Counter)

    def add(self, run: RunRow) -> None:
        """Add one run."""
        self.virtual_ms += run.virtual_ms
        self.events += run.events
        self.errors += run.errors
        if run.why:
            self.void += 1
            return
        self.runs += 1
        self.exactly_once += run.exactly_once
        self.units += run.units
        self.good += run.good
        self.unbroken_ms += run.unbroken_ms
        self.heals[run.false_heals] += 1
        if run.sham:
            self.sham_runs += 1
            self.sham_hurt += any(one.impact_ms is not None for one in run.episodes)


@dataclass(slots=True)
class Tally:
    """All of a campaign so far."""

    pairs: int = 0
    classes: dict[ClassKey, ClassTally] = field(default_factory=dict)
    arms: dict[ArmKey, ArmTally] = field(default_factory=dict)

    def add_pair(self, runs: Sequence[RunRow]) -> None:
        """Add all runs of one pair."""
        self.pairs += 1
        for run in runs:
            self.arms.setdefault((run.arm, run.restart_profile), ArmTally()).add(run)
            if run.sham:
                continue
            least = _least(runs, run)
            for place, episode in enumerate(run.episodes):
                key = (episode.kind, episode.subject, run.arm, run.restart_profile)
                counted = self.classes.setdefault(key, ClassTally())
                if run.why:
                    counted.void += 1
                    continue
                other = least.episodes[place] if least and place < len(least.episodes) else None
                counted.add(episode, other)


def _least(runs: Sequence[RunRow], run: RunRow) -> RunRow | None:
    """The run of the same pair in which nobody heals; None for that one itself."""
    for arm in LEAST:
        for other in runs:
            alike = other.restart_profile == run.restart_profile and not other.sham and not other.why
            if other.arm == arm and alike:
                return None if other is run else other
    return None
