"""What healing prevented: seconds of good service, pair by pair, against the arm in which nobody heals.

In: what a class lost, and the facts of all runs. Out: ``Gain``. The interval holds for any spread of the
differences (``estimates.bounded``), so few pairs decide only what is large against tau.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from harness.episodes.acts import NO_HEALER
from harness.episodes.model import Episode, RunFacts
from harness.estimates.bounded import interval
from harness.estimates.estimate import counted
from harness.estimates.lost import MILLION, ClassLosses, Scale
from harness.estimates.means import DIGITS
from harness.estimates.model import Mean
from harness.estimates.points import Concludes, Gain

PAIRS_MIN = 5
OFF = ("none", "bare")
"""Arms to compare with, the first that ran."""


def gain_of(here: ClassLosses, facts: Sequence[RunFacts], scale: Scale) -> Gain | None:
    """Compare a class with its pairs; None where nobody heals in its arm, or no other arm ran beside it."""
    arms = {run.arm for run in facts}
    against = next((arm for arm in OFF if arm in arms), "")
    if not here.seen or not against or here.seen[0][0].arm in NO_HEALER:
        return None
    off = _episodes(facts, against)
    pairs = [
        (run, episode, off[place])
        for run, episode in here.seen
        if (place := (run.pair, run.restart_profile, episode.index)) in off
    ]
    on = ClassLosses(here.fault, here.service, here.weight, [(run, episode) for run, episode, _ in pairs])
    # The same runs' names, so that the other arm's losses are put together as this one's are.
    other = ClassLosses(here.fault, here.service, here.weight, [(run, there) for run, _, there in pairs])
    of_worth = {w: _gain(on, other, scale.at(w)) for w in (scale.worth_ppm, 0, MILLION)}
    concludes = {w: _concludes(gain) for w, gain in of_worth.items()}
    lost = (on.mean(scale), other.mean(scale)) if pairs else (Fraction(0), Fraction(0))
    absorbed = bool(pairs) and all(there.served.impact_s is None for _, _, there in pairs)
    return Gain(
        against=against,
        gain_s=of_worth[scale.worth_ppm],
        gain_0_s=of_worth[0],
        gain_1_s=of_worth[MILLION],
        off_lost_s=_seconds(lost[1], scale) if pairs else None,
        ratio=None if absorbed or not lost[1] else round(float(1 - lost[0] / lost[1]), DIGITS),
        absorbed=absorbed,
        concludes=concludes[scale.worth_ppm],
        flips=concludes[0] != concludes[MILLION],
    )


def _episodes(facts: Sequence[RunFacts], arm: str) -> dict[tuple[int, str, int], Episode]:
    """Counted episodes of an arm's fault runs, by pair, restart profile and index."""
    return {
        (run.pair, run.restart_profile, episode.index): episode
        for run in facts
        if run.arm == arm and not run.sham
        for episode in run.episodes
        if counted(run, episode) and episode.loss is not None
    }


def _gain(on: ClassLosses, off: ClassLosses, scale: Scale) -> Mean:
    """Mean of the differences over runs, in seconds; no interval below ``PAIRS_MIN``."""
    here, there = on.by_run(scale), off.by_run(scale)
    gains = [there[run_id] - here[run_id] for run_id in here]
    if not gains:
        return Mean(n=0, mean=None, low=None, high=None)
    centre = _seconds(sum(gains, Fraction(0)) / len(gains), scale)
    if len(gains) < PAIRS_MIN:
        return Mean(n=len(gains), mean=centre, low=None, high=None)
    low, high, _ = interval([float((1 + gain) / 2) for gain in gains])  # a gain lies between -tau and tau
    ends = [round((2 * end - 1) * scale.tau_us / MILLION, DIGITS) for end in (low, high)]
    return Mean(n=len(gains), mean=centre, low=ends[0], high=ends[1])


def _seconds(share: Fraction, scale: Scale) -> float:
    return round(float(share * scale.tau_us / MILLION), DIGITS)


def _concludes(gain: Mean) -> Concludes:
    if gain.low is not None and gain.low > 0:
        return "helps"
    return "harms" if gain.high is not None and gain.high < 0 else "undecided"
