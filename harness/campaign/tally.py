"""Sums over runs, in integers alone: the same whoever counted and in whatever order the pairs came. Pure.

Comes in: the rows of whole pairs. Goes out: counts, sums, sums of squares and histograms of each class and
arm. Differences between arms are taken within a pair. Runs are the statistical unit: a class that occurs
twice in a run gives that run's mean, once, as everywhere in ``estimates``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.campaign.buckets import bucket
from harness.campaign.model import EpisodeRow, RunRow
from harness.episodes.model import NOT_EXERCISED
from harness.episodes.trust import STALLED, WITHOUT_EFFECT
from harness.experiment.model import NOBODY_HEALS

EPS_MS = 1000
"""Who loses so much more service than the arm it is compared with has been harmed by healing."""
PLACEBO = "placebo."

ClassKey = tuple[str, str, str, str]
"""Fault, subject, arm, restart profile."""
ArmKey = tuple[str, str]
"""Arm, restart profile."""
HealsKey = tuple[int, bool]
"""False heals of a run; whether it was a sham: those are unbroken for longer."""


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

    def add_mean(self, values: Sequence[int]) -> None:
        """Add the mean of one run's values, to the nearest whole number; nothing where it has none.

        >>> one = Sum(); one.add_mean([3, 4]); one.add_mean([]); one.n, one.total
        (1, 4)
        """
        if values:
            self.add((2 * sum(values) + len(values)) // (2 * len(values)))


@dataclass(slots=True)
class ClassTally:
    """One class. ``hurt`` episodes were noticed by the witness; ``beyond`` of them did not recover in time.

    ``gain_ms``: service lost by the arm it is compared with, less its own; ``harmed`` of ``compared``
    episodes lost more by ``EPS_MS``. ``gain_ppm``: the same of decisions. ``horizon_ms``, ``tau_ms``: the
    longest. ``kept``: runs by the points of service they kept, in thousandths of all of it.
    """

    n: int = 0
    void: int = 0
    hurt: int = 0
    beyond: int = 0
    horizon_ms: int = 0
    tau_ms: int = 0
    compared: int = 0
    harmed: int = 0
    ended_by: Counter[str] = field(default_factory=Counter)
    recovered: Counter[int] = field(default_factory=Counter)
    kept: Counter[int] = field(default_factory=Counter)
    lost_ms: Sum = field(default_factory=Sum)
    gain_ms: Sum = field(default_factory=Sum)
    loss_ppm: Sum = field(default_factory=Sum)
    gain_ppm: Sum = field(default_factory=Sum)

    def add(self, episodes: Sequence[EpisodeRow], least: Mapping[int, EpisodeRow]) -> None:
        """Add the episodes of one run; ``least``: those of the run that nobody heals in, by index."""
        kept = [one for one in episodes if not one.void]
        self.void += len(episodes) - len(kept)
        for one in kept:
            self._count(one)
        met = [one for one in kept if one.is_met]
        pairs = [(one, least[one.index]) for one in met if one.index in least]
        gains = [other.lost_ms - one.lost_ms for one, other in pairs]
        self.compared += len(gains)
        self.harmed += sum(gain < -EPS_MS for gain in gains)
        points = [one.kept_ppm for one in met if one.kept_ppm is not None]
        if points:
            self.kept[(2 * sum(points) + 1000 * len(points)) // (2000 * len(points))] += 1
        self.lost_ms.add_mean([one.lost_ms for one in met])
        self.gain_ms.add_mean(gains)
        self.loss_ppm.add_mean([one.loss_ppm for one in met if one.loss_ppm is not None])
        told = [(one.loss_ppm, other.loss_ppm) for one, other in pairs]
        self.gain_ppm.add_mean([b - a for a, b in told if a is not None and b is not None])

    @property
    def met(self) -> int:
        """Episodes whose fault something met; the others show nothing."""
        return self.n - self.ended_by[NOT_EXERCISED]

    def _count(self, episode: EpisodeRow) -> None:
        self.n += 1
        self.ended_by[episode.ended_by] += 1
        self.horizon_ms = max(self.horizon_ms, episode.horizon_ms)
        self.tau_ms = max(self.tau_ms, episode.tau_ms)
        if episode.impact_ms is None:
            return
        self.hurt += 1
        if episode.recovered_ms is None:
            self.beyond += 1
        else:
            self.recovered[bucket(episode.recovered_ms)] += 1


@dataclass(slots=True)
class ArmTally:
    """One arm. Void runs are counted, and enter nothing else; of ``unproven`` ones a fault was not proven
    effective, or the witness stalled.

    ``once`` of ``audited`` runs ended exactly once; what ``blind`` ones did was not observable. ``sham_ppm``:
    availability without faults, run by run. ``heals``: runs and milliseconds unbroken, by false heals, where
    each act was seen; ``unseen``: false heals of each other run. ``quiet``: runs in which nothing was broken,
    by whether somebody acted, None = an act could have stayed unseen.
    """

    runs: int = 0
    void: int = 0
    unproven: int = 0
    unsafe: int = 0
    audited: int = 0
    once: int = 0
    blind: int = 0
    virtual_ms: int = 0
    units: int = 0
    good: int = 0
    sham_units: int = 0
    sham_good: int = 0
    sham_episodes: int = 0
    sham_hurt: int = 0
    errors: int = 0
    sham_ppm: Sum = field(default_factory=Sum)
    heals: dict[HealsKey, tuple[int, int]] = field(default_factory=dict)
    unseen: Counter[int] = field(default_factory=Counter)
    quiet: Counter[bool | None] = field(default_factory=Counter)

    def add(self, run: RunRow) -> None:
        """Add one run."""
        self.virtual_ms += run.virtual_ms
        self.errors += run.errors
        self.unsafe += run.unsafe
        if run.why:
            self.void += 1
            self.unproven += WITHOUT_EFFECT in run.why or STALLED in run.why
            return
        self.runs += 1
        self.audited += run.exactly_once is not None
        self.blind += run.exactly_once is None
        self.once += run.exactly_once is True
        self.units += run.units
        self.good += run.good
        self._heals(run)
        if _nothing_broken(run):
            self.quiet[True if run.acts else False if run.sees_acts else None] += 1
        if run.sham:
            self._sham(run)

    def _heals(self, run: RunRow) -> None:
        if not run.sees_acts:
            self.unseen[run.false_heals] += 1
            return
        runs, unbroken_ms = self.heals.get((run.false_heals, run.sham), (0, 0))
        self.heals[run.false_heals, run.sham] = runs + 1, unbroken_ms + run.unbroken_ms

    def _sham(self, run: RunRow) -> None:
        kept = [one for one in run.episodes if not one.void]
        self.sham_episodes += len(kept)
        self.sham_hurt += sum(one.impact_ms is not None for one in kept)
        self.sham_units += run.units
        self.sham_good += run.good
        if run.available_ppm is not None:
            self.sham_ppm.add(run.available_ppm)


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
            if not run.sham:
                self._add_classes(run, twin_of(runs, run))

    def shams(self) -> tuple[int, int]:
        """Episodes without a fault in which service was lost, and all of them."""
        arms = self.arms.values()
        return sum(arm.sham_hurt for arm in arms), sum(arm.sham_episodes for arm in arms)

    def _add_classes(self, run: RunRow, least: Mapping[int, EpisodeRow]) -> None:
        of_class: dict[ClassKey, list[EpisodeRow]] = defaultdict(list)
        for episode in run.episodes:
            of_class[episode.kind, episode.subject, run.arm, run.restart_profile].append(episode)
        for key, episodes in of_class.items():
            counted = self.classes.setdefault(key, ClassTally())
            if run.why:
                counted.void += len(episodes)
            else:
                counted.add(episodes, least)


def twin_of(runs: Sequence[RunRow], run: RunRow) -> Mapping[int, EpisodeRow]:
    """Episodes by index of the run of the same pair in which nobody heals; none for that one itself.

    Where that run is void there is nothing to compare with: another arm would be another comparison. Nor is
    there where nothing met its fault.
    """
    alike = [one for one in runs if one.restart_profile == run.restart_profile and not one.sham]
    arm = next((arm for arm in NOBODY_HEALS if any(one.arm == arm for one in alike)), run.arm)
    if arm == run.arm:
        return {}
    found = [one for one in alike if one.arm == arm and not one.why]
    return {episode.index: episode for one in found for episode in one.episodes if _shows(episode)}


def _shows(episode: EpisodeRow) -> bool:
    return not episode.void and episode.is_met


def _nothing_broken(run: RunRow) -> bool:
    placebos = [episode.kind.startswith(PLACEBO) for episode in run.episodes]
    return run.sham or (bool(placebos) and all(placebos))
