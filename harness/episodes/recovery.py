"""When service was lost and when it was back: the change-back test against the run's own baseline.

In: units (due, bad, weight), the baseline, the instant of the fault. Out: one ``Level``.
A window of length W is *violated* when an exact one-sided binomial test rejects "share bad <=
p0 + m". Impact opens a violated window; recovery starts a *hold*: ceil(H / W) windows side by side
none of which is violated, nor all of them together. Without the second half a steady p0 + 4m is
accepted in 5 % of runs, because every good unit after a bad one is a new try; with it, below 1 %.
Definitions and measured error rates: docs/measurement.md.

Weighted units (a partition of rows) enter a window with Kish's effective size
n = (sum w)^2 / sum w^2 and n times the weighted bad share; for weight 1 both are plain counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.episodes.binomial import critical_count, critical_counts
from harness.episodes.model import Level
from harness.episodes.outage import Outage
from harness.experiment.model import Profile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FULL_WINDOW_SHARE = 0.5  # a window with under half of its due units is no evidence of health
DIGITS = 6  # microseconds; finer digits would differ between builds of numpy


@dataclass(frozen=True, slots=True)
class Units:
    """Units of one stream, sorted by ``due`` (seconds); all arrays have shape (n,).

    ``sent`` and ``ended`` bracket the instant at which a unit met the service; None: both at ``due``.
    """

    due: Floats
    bad: Bools
    weight: Floats
    sent: Floats | None = None
    ended: Floats | None = None

    def between(self, from_s: float, to_s: float) -> Units:
        """The units due in [from_s, to_s)."""
        low, high = np.searchsorted(self.due, [from_s, to_s])
        part = slice(low, high)
        sent = None if self.sent is None else self.sent[part]
        ended = None if self.ended is None else self.ended[part]
        return Units(self.due[part], self.bad[part], self.weight[part], sent, ended)

    def bad_ratio(self) -> float | None:
        """Weighted share of bad units; None where there is no unit."""
        total = float(self.weight.sum())
        return float(self.weight[self.bad].sum()) / total if total > 0 else None


@dataclass(frozen=True, slots=True)
class Watch:
    """One episode's time: the fault at ``inject_s``, units until ``end_s``, the bad share before it.

    ``from_s``: due instant of the first unit that the fault can have hurt. Units in flight when it
    struck were due before ``inject_s``; without them an outage of tens of milliseconds loses its start.
    None: nothing was in flight. ``horizon_s`` None: tau. A fault that ends by itself
    is watched for tau after its end. ``last_hit_s``: the instant of the last kill of a succession, before
    whose outage nothing can be back; None = a single fault.
    """

    inject_s: float
    end_s: float
    baseline_ratio: float
    from_s: float | None = None
    horizon_s: float | None = None
    last_hit_s: float | None = None

    @property
    def hurt_from_s(self) -> float:
        """``from_s``, or the instant of the fault where nothing was in flight."""
        return self.inject_s if self.from_s is None else self.from_s


class ChangeBack:
    """The test on one series of units; all windows of one call are judged at once.

    A start at which a window lacks its full length or half of its units cannot be accepted.
    """

    def __init__(self, units: Units, profile: Profile, watch: Watch) -> None:
        self.units = units.between(-math.inf, watch.end_s)
        self.window_s = profile.window_length_s
        # Rounded first: 1.5 / 0.5 may come out as 3.0000000000000004 for other values.
        self.windows = max(1, math.ceil(round(profile.hold_s / self.window_s, 9)))
        self.limit_ratio = min(1.0, watch.baseline_ratio + profile.margin_ratio)
        self.level_ratio = profile.window_level_ratio
        self.units_min = FULL_WINDOW_SHARE * profile.rate_hz * self.window_s
        self.end_s = watch.end_s
        weight = self.units.weight
        self._sums = tuple(
            np.concatenate([[0.0], np.cumsum(part)]) for part in (weight, weight**2, weight * self.units.bad)
        )

    def violated(self, starts: Floats, windows: int = 1) -> Bools:
        """Whether the units due within ``windows`` x W of each start reject the limit; same shape."""
        low, high = self._span(starts, windows)
        total, squares, bad = (part[high] - part[low] for part in self._sums)
        filled = total > 0
        safe = np.where(filled, total, 1.0)
        size = np.floor(np.where(filled, safe**2 / np.where(filled, squares, 1.0), 0.0) + 1e-6).astype(
            np.int64
        )
        bad_size = np.ceil(bad / safe * size - 1e-6)
        rejected: Bools = filled & (bad_size >= critical_counts(size, self.limit_ratio, self.level_ratio))
        return rejected

    def healthy(self, starts: Floats) -> Bools:
        """Whether each window is full, has its units and is not violated."""
        low, high = self._span(starts)
        whole = starts + self.window_s <= self.end_s + 1e-9
        healthy: Bools = whole & (high - low >= self.units_min) & ~self.violated(starts)
        return healthy

    def healthy_until(self, at_s: float) -> bool:
        """Whether the window that ends at ``at_s`` is healthy."""
        return bool(self.healthy(np.array([at_s - self.window_s]))[0])

    def accepted(self, starts: Floats) -> Bools:
        """Whether all windows of the hold that begins at each start are healthy, apart and together."""
        alive = np.arange(len(starts))
        for number in range(self.windows):
            alive = alive[self.healthy(starts[alive] + number * self.window_s)]
        alive = alive[~self.violated(starts[alive], self.windows)]
        result = np.zeros(len(starts), dtype=np.bool_)
        result[alive] = True
        return result

    def stretch_violated(self, first: int, last: int) -> bool:
        """Whether the units of index [first, last), unweighted, reject the limit on their own."""
        bad = int(self.units.bad[first:last].sum())
        return bad >= critical_count(last - first, self.limit_ratio, self.level_ratio)

    def _span(self, starts: Floats, windows: int = 1) -> tuple[Ints, Ints]:
        low = np.searchsorted(self.units.due, starts)
        high = np.searchsorted(self.units.due, starts + windows * self.window_s)
        return low, high


def find_level(units: Units, profile: Profile, watch: Watch) -> Level:
    """Impact, recovery, bounds, flaps and loss of one episode; instants count from ``inject_s``.

    ``lost_s`` = horizon x (bad share in [inject_s, inject_s + horizon) - p0), clipped to [0, horizon];
    one without units is lost as a whole (the caller makes such an episode void).
    """
    test = ChangeBack(units, profile, watch)
    horizon_s = profile.tau_s if watch.horizon_s is None else watch.horizon_s
    latest_s = watch.inject_s + horizon_s
    impact = _impact(test, watch.hurt_from_s, latest_s)
    recovery = None if impact is None else _recovery(test, _last_loss(test, impact, watch), latest_s)
    horizon = test.units.between(watch.inject_s, latest_s).bad_ratio()
    bad_ratio = 1.0 if horizon is None else horizon
    lost_s = horizon_s * min(1.0, max(0.0, bad_ratio - watch.baseline_ratio))
    low_s, high_s = (None, None) if impact is None else _bounds(test.units, impact, recovery)
    due = test.units.due
    return Level(
        impact_s=None if impact is None else _since(watch, due[impact]),
        recovered_s=None if recovery is None else _since(watch, due[recovery]),
        bound_low_s=low_s,
        bound_high_s=high_s,
        flaps=0 if impact is None else max(_flaps(test, impact, recovery), _hit_again(test, watch)),
        relapsed_s=None if recovery is None else _relapsed_s(test, recovery, watch),
        lost_s=round(lost_s, DIGITS),
        bad_ratio=round(bad_ratio, DIGITS),
    )


def _hit_again(test: ChangeBack, watch: Watch) -> int:
    """Outages of a succession after its first: whoever hits again is quicker than a hold can tell."""
    return 0 if watch.last_hit_s is None else max(0, len(_losses(test, watch)) - 1)


def _since(watch: Watch, at_s: float) -> float:
    return round(float(at_s) - watch.inject_s, DIGITS)


def _impact(test: ChangeBack, from_s: float, latest_s: float) -> int | None:
    """Index of the bad unit at which the outage begins, None = absorbed."""
    due = test.units.due
    low, high = np.searchsorted(due, [from_s, latest_s])
    bad = low + np.flatnonzero(test.units.bad[low:high])
    opens = bad[test.violated(due[bad])]
    if not opens.size:
        return None
    first = int(opens[0])
    near = opens[due[opens] < due[first] + test.window_s]
    last = int(np.searchsorted(due, due[first] + test.window_s))
    evidence = _evidence(test, first, last, outage=(first, last))
    # A stray bad unit up to W before the outage opens a violated window too. It is passed over
    # where what lies between looks like the baseline: likelier onset, and not violated itself.
    onset = int(near[np.argmin(evidence[near - first])])
    return first if test.stretch_violated(first, onset) else onset


def outages_of(units: Units, profile: Profile, watch: Watch) -> tuple[Outage, ...]:
    """List the outages of an episode one by one: unbroken runs of bad units, each enough to violate a window.

    Shorter runs are none: they may be the baseline's. For total outages, as those of kills are; a partial one
    would fall into runs by chance.
    """
    test = ChangeBack(units, profile, watch)
    return tuple(_outage(test, watch, first, stop) for first, stop in _losses(test, watch))


def _losses(test: ChangeBack, watch: Watch) -> list[tuple[int, int]]:
    """Give [first, stop) of each unbroken run of bad units that violates a window by itself, in order."""
    bad = test.units.bad
    edges = np.diff(np.concatenate([[0], bad.astype(np.int8), [0]]))
    begin = int(np.searchsorted(test.units.due, watch.hurt_from_s))  # what was bad before had another cause
    runs = zip(np.maximum(np.flatnonzero(edges == 1), begin), np.flatnonzero(edges == -1), strict=True)
    size = int(2 * test.units_min)
    enough = critical_count(size, test.limit_ratio, test.level_ratio)
    return [(int(a), int(b)) for a, b in runs if b - a >= enough]


def _outage(test: ChangeBack, watch: Watch, first: int, stop: int) -> Outage:
    units = test.units
    sent = units.due if units.sent is None else units.sent
    ended = units.due if units.ended is None else units.ended
    before = np.flatnonzero(~units.bad[:first])  # a stray bad unit may lie between
    whole = before.size > 0 and stop < len(units.due)
    return Outage(
        from_s=_since(watch, units.due[first]),
        units=stop - first,
        low_s=max(0.0, round(float(sent[stop - 1] - ended[first]), DIGITS)),
        high_s=round(float(ended[stop] - sent[before[-1]]), DIGITS) if whole else None,
    )


def _last_loss(test: ChangeBack, impact: int, watch: Watch) -> int:
    """Index of the unit at which the outage of the last kill of a succession begins; else the impact."""
    if watch.last_hit_s is None:
        return impact
    until_s = watch.last_hit_s + test.window_s
    begun = [first for first, _ in _losses(test, watch) if test.units.due[first] <= until_s]
    return max([impact, *begun])


def _candidates(test: ChangeBack, impact: int) -> Ints:
    """Indices of good units after the impact that directly follow a bad one."""
    bad = test.units.bad
    after: Ints = impact + 1 + np.flatnonzero(bad[impact:-1] & ~bad[impact + 1 :])
    return after


def _recovery(test: ChangeBack, impact: int, latest_s: float) -> int | None:
    """Index of the good unit that starts the accepting windows, None = not by ``latest_s``."""
    due = test.units.due
    candidates = _candidates(test, impact)
    candidates = candidates[due[candidates] <= latest_s]
    accepted = candidates[test.accepted(due[candidates])]
    if not accepted.size:
        return None
    first = int(accepted[0])
    near = accepted[due[accepted] < due[first] + test.window_s]
    # A window tolerates a few bad units, so the first accepted start may be a lucky good unit
    # shortly before a partial outage ends. Of the accepted starts within W, take the likeliest end.
    evidence = _evidence(test, first, int(near[-1]), outage=(impact, first))
    end = int(near[np.argmax(evidence[near - first])])
    return end if test.stretch_violated(first, end) else first


def _evidence(test: ChangeBack, first: int, last: int, *, outage: tuple[int, int]) -> Floats:
    """Log-likelihood ratio of "outage" to "at the limit" of the units [first, first + i), i = 0, 1, ...

    The outage's bad share is that of the units of index ``outage``, half a unit away from 0 and 1
    (Krichevsky-Trofimov), so that a clean outage has a finite ratio.
    """
    bad = test.units.bad
    size = outage[1] - outage[0]
    down = (int(bad[outage[0] : outage[1]].sum()) + 0.5) / (size + 1)
    up = min(max(test.limit_ratio, 1e-4), 1 - 1e-4)
    if down <= up:
        return np.zeros(last - first + 1)
    steps = np.where(bad[first:last], math.log(down / up), math.log((1 - down) / (1 - up)))
    return np.concatenate([[0.0], np.cumsum(steps)])


def _bounds(units: Units, impact: int, recovery: int | None) -> tuple[float | None, float | None]:
    """Brackets of the outage's length, from bad to bad and from good to good around it.

    A bad unit proves that service was down at some instant between its sending and its end, a good
    one that it was up at some such instant. So the inner bound runs from the *end* of the first bad
    to the *sending* of the last, the outer from the sending of the last good before to the end of
    the first good after; from due to due, one outage in a hundred lies outside.
    """
    stop = len(units.due) if recovery is None else recovery
    last_bad = impact + int(np.flatnonzero(units.bad[impact:stop])[-1])
    if not units.bad[impact:last_bad].all() or (impact > 0 and units.bad[impact - 1]):
        return None, None  # a partial outage: single units do not tell where it begins and ends
    sent = units.due if units.sent is None else units.sent
    ended = units.due if units.ended is None else units.ended
    low_s = max(0.0, round(float(sent[last_bad] - ended[impact]), DIGITS))
    if recovery is None or impact == 0:
        return low_s, None
    return low_s, round(float(ended[recovery] - sent[impact - 1]), DIGITS)


def _flaps(test: ChangeBack, impact: int, recovery: int | None) -> int:
    """How often service seemed back for one window and was violated again, before or after recovery."""
    due = test.units.due
    starts = due[_candidates(test, impact)]
    starts = starts[test.healthy(starts)]
    until_s = math.inf if recovery is None else float(due[recovery])
    flaps, from_s = 0, -math.inf
    while (at := int(np.searchsorted(starts, from_s))) < len(starts) and starts[at] < until_s:
        later = starts[at] + test.window_s * np.arange(1, test.windows)
        broken = later[test.violated(later)]
        relapsed = broken.size > 0 and float(broken[0]) < until_s
        flaps += relapsed
        from_s = float(broken[0]) if relapsed else math.inf
    return flaps + (0 if recovery is None else _relapses(test, recovery))


def _relapses(test: ChangeBack, recovery: int) -> int:
    """How many outages follow the recovery: violated windows side by side count once."""
    violated = test.violated(_after(test, recovery))
    return int((violated & ~np.concatenate([[False], violated[:-1]])).sum())


def _relapsed_s(test: ChangeBack, recovery: int, watch: Watch) -> float | None:
    """Start of the first violated window after the recovery, None = it stayed so."""
    starts = _after(test, recovery)
    violated = starts[test.violated(starts)]
    return _since(watch, violated[0]) if violated.size else None


def _after(test: ChangeBack, recovery: int) -> Floats:
    """Starts of the windows side by side from the recovery to the end of the episode."""
    return np.arange(float(test.units.due[recovery]), test.end_s - test.window_s, test.window_s)
