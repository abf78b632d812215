"""Search against chance on five wrong healers: how many episodes until each fails, how small it is shrunk.

Comes in: nothing. Goes out: figures and bars. A trial is one bug, one way of drawing, one seed: played until
an invariant breaks that this bug breaks, or to the cap. What the sound healer breaks there, too, is no
find. Trials are rows that are kept one by one, so that a second process takes what is free.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.search.bugs import TRUE_FAULTS
from benchmarks.shared import CLAIMS, ROOT, commit_text, keep, refuse_a_changed_tree, share_out, stored
from harness.estimates.rates import interval_per_h
from harness.search.drawing import Drawing
from harness.search.engine import Found, Wanted, search
from harness.search.finding import menu_on
from harness.search.outcome import Invariant, Outcome, Signature
from harness.search.schedule import Schedule
from harness.search.simpler import shrink_schedule
from harness.search.wording import schedule_text
from harness.search.workers import Ground, player_of
from reference_pipeline.deploy.prepare import prepare

ROWS = ROOT / "benchmarks" / "results" / "search.rows.jsonl"
EXPERIMENT = ROOT / "experiments" / "smoke" / "kill-one.yaml"

NAME = "search"
SEED = 60_07
GUIDED, UNIFORM = "guided", "uniform"
BREAKS: Mapping[str, frozenset[Invariant]] = {
    "overlap": frozenset({"alias", "served"}),
    "half_done": frozenset({"alias", "served"}),
    "quarantined": frozenset({"alias", "served"}),
    "lost_alarm": frozenset({"alarm"}),
    "double": frozenset({"bounded"}),
}
"""What counts as finding a bug; each of its invariants may be the first to be seen."""
RACE, RACE_SEEDS, RACE_CAP = "overlap", 12, 10_000
SEEDS, CAP, FOUND_LEAST = 4, 5_000, 3
CHANCE_SEEDS, CHANCE_CAP, HARD_LEAST = 5, 1_000, 3
"""At a cap of 1,000 episodes it is known whether the median is below it. In the race no more is played
either: chance has no memory, each of its episodes finds with the same probability, which tells the rest."""
RATIO_LEAST, BOUND_LEAST, RESAMPLES = 3.0, 1.5, 20_000
SMALL = {"kind": "simulator", "customers": 200, "terminals": 60, "history_rows": 8000, "history_days": 45}
FORECAST_S = 20_000.0


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``episodes``: until it was found, or the cap. ``faults``: of the shrunk schedule, -1 = not found.

    ``others``: episodes before in which the sound healer broke the same: no find of this bug. ``void``:
    episodes that say nothing, also because the sound healer's play of them does not.
    """

    bug: str
    way: str
    seed: int
    commit: str
    found: bool
    episodes: int
    cap: int
    others: int = 0
    first: str = ""
    smallest: str = ""
    faults: int = -1
    minimal: bool = False
    tries: int = 0
    cpu_s: float = 0.0
    void: int = 0


Item = tuple[str, str, int]


def items() -> list[Item]:
    """All trials of the full counts; those of chance first: what it finds says how hard the bugs are."""
    seeds = {GUIDED: SEEDS, UNIFORM: CHANCE_SEEDS}
    return [
        (bug, way, SEED + number)
        for way in (UNIFORM, GUIDED)
        for bug in TRUE_FAULTS
        for number in range(RACE_SEEDS if bug == RACE else seeds[way])
    ]


def cap_of(way: str) -> int:
    """Where a trial is given up."""
    return CAP if way == GUIDED else CHANCE_CAP


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compute the figures; ``full`` false: one short trial, stored nowhere."""
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as scratch:
        knobs = {"kind": "simulator"} if full else SMALL
        template = prepare(knobs, seed=SEED, out=Path(scratch) / "template")
        if not full:
            return bars_and_figures([measure(("double", GUIDED, SEED), 200, template, knobs)])
        refuse_a_changed_tree()
        share_out(
            items(),
            claims=CLAIMS / ".bars-search",
            done=lambda: settled(stored(ROWS, Trial)),
            do=lambda item: keep(ROWS, [measure(item, cap_of(item[1]), template, knobs)]),
        )
    return bars_and_figures(stored(ROWS, Trial))


def settled(trials: Sequence[Trial]) -> set[Item]:
    """Give the trials that are done, and those of chance that no bar can hang on any more.

    A median of five is known once three are on one side of it, and three of five bugs once three are hard or
    three are not. Of the race nothing is left out: its ratio is computed from all seeds.
    """
    missing = set(items()) - (done := {(one.bug, one.way, one.seed) for one in trials})
    sides = {bug: _side(_of(trials, bug, UNIFORM)) for bug in TRUE_FAULTS}
    least = {True: HARD_LEAST, False: len(TRUE_FAULTS) - HARD_LEAST + 1}
    known = any(list(sides.values()).count(side) >= count for side, count in least.items())
    return done | {
        item
        for item in missing
        if item[1] == UNIFORM and item[0] != RACE and (known or sides[item[0]] is not None)
    }


def measure(item: Item, cap: int, template: Path, knobs: Mapping[str, str | int]) -> Trial:
    """Do one trial in this process, which has one core."""
    bug, way, seed = item
    began_s = time.process_time()
    ground = Ground(
        file=str(EXPERIMENT),
        template=str(template),
        python_path=str(ROOT),
        seed=seed,
        arm="reference",
        simulation=f"benchmarks.search.bugs:open_{bug}",
        knobs=dict(knobs),
    )
    player = player_of(ground)
    drawing = Drawing(menu_on(ground), ground.limits)
    sound = player_of(msgspec.structs.replace(ground, simulation=""))
    hunt = Hunt(player.play, sound.play, BREAKS[bug])
    wanted = Wanted(seed=seed, episodes=cap, uniform=way == UNIFORM, until=hunt.until)
    found = search(drawing, lambda batch: [player.play(one) for one in batch], wanted)
    cpu_s = round(time.process_time() - began_s, 1)
    trial = msgspec.structs.replace(trial_of(item, cap, found, hunt), cpu_s=cpu_s)
    if hunt.found is None or hunt.schedule is None:
        return trial
    shrunk = shrink_schedule(hunt.schedule, hunt.found, hunt.play, drawing.menu)
    return msgspec.structs.replace(
        trial,
        found=True,
        first=schedule_text(hunt.schedule),
        smallest=schedule_text(shrunk.smallest),
        faults=len(shrunk.smallest.faults),
        minimal=shrunk.minimal,
        tries=shrunk.tries,
    )


def trial_of(item: Item, cap: int, found: Found, hunt: Hunt) -> Trial:
    """Say how far a trial came, whether or not it found the bug; pure."""
    bug, way, seed = item
    return Trial(
        bug=bug,
        way=way,
        seed=seed,
        commit=commit_text(),
        found=False,
        episodes=found.episodes,
        cap=cap,
        others=hunt.others,
        void=found.void + hunt.void,
    )


@dataclass(slots=True)
class Hunt:
    """Looks for what breaks in the wrong healer and not in the sound one, on the very same schedule.

    ``others``: episodes in which both broke: a failure, but not of the bug that was planted. ``void``: those
    in which the wrong one broke, and nothing can be said of the sound one.
    """

    wrong: Callable[[Schedule], Outcome]
    sound: Callable[[Schedule], Outcome]
    breaks: frozenset[Invariant]
    found: Signature | None = None
    schedule: Schedule | None = None
    others: int = 0
    void: int = 0

    def play(self, schedule: Schedule) -> Outcome:
        """Play the wrong healer; what the sound one breaks, too, is left out."""
        return self._own(schedule, self.wrong(schedule))

    def until(self, schedule: Schedule, outcome: Outcome) -> bool:
        """Whether this episode shows the bug."""
        if not any(one.invariant in self.breaks for one in outcome.signatures()):
            return False
        played = self._own(schedule, outcome)
        own = [one.signature for one in played.broken]
        self.found = next((one for one in own if one.invariant in self.breaks), None)
        self.schedule = schedule
        self.void += bool(played.void)
        self.others += self.found is None and not played.void
        return self.found is not None

    def _own(self, schedule: Schedule, outcome: Outcome) -> Outcome:
        """Leave out each invariant that the sound healer breaks, whatever it is stuck in then.

        A void play breaks nothing and proves nothing, so nothing can be said of the wrong healer beside it.
        """
        if not outcome.broken:
            return outcome
        sound = self.sound(schedule)
        if sound.void:
            return msgspec.structs.replace(outcome, broken=(), void=f"the sound healer: {sound.void}")
        theirs = {one.invariant for one in sound.signatures()}
        own = tuple(one for one in outcome.broken if one.signature.invariant not in theirs)
        return msgspec.structs.replace(outcome, broken=own)


def bars_and_figures(trials: Sequence[Trial]) -> dict[str, object]:
    """Compute figures and bars; a bug without trials misses its bars, and a void episode never helps."""
    guided = {bug: _of(trials, bug, GUIDED) for bug in TRUE_FAULTS}
    chance = {bug: _of(trials, bug, UNIFORM) for bug in TRUE_FAULTS}
    hard = [bug for bug in TRUE_FAULTS if _side(chance[bug])]
    ratio, bound = race(guided[RACE], chance[RACE])
    return {
        "commits": dict(sorted(Counter(trial.commit for trial in trials).items())),
        "guided": {bug: _told(guided[bug]) for bug in TRUE_FAULTS},
        "uniform": {bug: _told(chance[bug]) for bug in TRUE_FAULTS},
        "race": {"ratio": ratio, "lower_95": bound},
        "void_episodes": sum(trial.void for trial in trials),
        "failures_of_the_sound_healer": sum(trial.others for trial in trials),
        "bars": {
            **{f"{bug}: found in {FOUND_LEAST} of {SEEDS}": _is_found(guided[bug]) for bug in TRUE_FAULTS},
            "shrunk to the true number of faults": _is_true(trials),
            f"{RACE}: chance needs {RATIO_LEAST:g} times the episodes": ratio is not None
            and ratio >= RATIO_LEAST,
            f"{RACE}: lower bound of that above {BOUND_LEAST:g}": bound is not None and bound > BOUND_LEAST,
            f"{HARD_LEAST} of {len(TRUE_FAULTS)} take chance {CHANCE_CAP} episodes": len(hard) >= HARD_LEAST,
        },
    }


def race(guided: Sequence[Trial], chance: Sequence[Trial]) -> tuple[float | None, float | None]:
    """Ratio of mean episodes, chance to guided, both restricted to ``RACE_CAP``, and a one-sided 95 % bound.

    Chance is memoryless: what it finds is a Poisson count over all its episodes, and the mean follows from
    that rate. A guided trial that found nothing counts as the cap. Each side is bounded at 97.5 %: its rate
    from above (Garwood), the mean of the guided ones over resampled seeds. A void episode was not played, and
    a trial of such alone is none. None where a side has fewer than ``RACE_SEEDS`` trials.
    """
    guided, chance = ([one for one in side if _played(one)] for side in (guided, chance))
    if min(len(guided), len(chance)) < RACE_SEEDS:
        return None, None
    ours = np.array([one.episodes if one.found else RACE_CAP for one in guided], dtype=np.float64)
    dice = np.random.Generator(np.random.PCG64(SEED))
    means = ours[dice.integers(len(ours), size=(RESAMPLES, len(ours)))].mean(axis=1)
    k, played = sum(one.found for one in chance), sum(map(_played, chance))
    bound = restricted_mean(interval_per_h(k, played)[1]) / float(np.quantile(means, 0.975))
    return round(restricted_mean(k / played) / float(ours.mean()), 3), round(bound, 3)


def restricted_mean(rate: float) -> float:
    """Mean episodes until the first find, cut at ``RACE_CAP``, where each finds with probability ``rate``.

    >>> restricted_mean(0.0), round(restricted_mean(0.001), 1)
    (10000.0, 1000.0)
    """
    return (1.0 - (1.0 - rate) ** RACE_CAP) / rate if rate else float(RACE_CAP)


def _of(trials: Sequence[Trial], bug: str, way: str) -> list[Trial]:
    return [trial for trial in trials if (trial.bug, trial.way) == (bug, way)]


def _played(trial: Trial) -> int:
    """Episodes of which something can be said."""
    return trial.episodes - trial.void


def _is_found(trials: Sequence[Trial]) -> bool:
    """Whether three of the first four seeds found it within the cap of a search."""
    first = sorted(trials, key=lambda one: one.seed)[:SEEDS]
    return sum(one.found and one.episodes <= CAP for one in first) >= FOUND_LEAST


def _side(trials: Sequence[Trial]) -> bool | None:
    """Whether the median over all seeds is at the cap, whatever the missing ones would give; None = open.

    A trial that found nothing and was not played up to the cap, since episodes were void, is on neither side.
    """
    seeds = RACE_SEEDS if any(one.bug == RACE for one in trials) else CHANCE_SEEDS
    at_cap = sum(_played(one) >= CHANCE_CAP for one in trials)
    below = sum(one.found and _played(one) < CHANCE_CAP for one in trials)
    if 2 * at_cap > seeds:
        return True
    return False if 2 * below >= seeds else None


def _is_true(trials: Sequence[Trial]) -> bool:
    found = [one for one in trials if one.found]
    return bool(found) and all(one.minimal and one.faults == TRUE_FAULTS[one.bug] for one in found)


def _told(trials: Sequence[Trial]) -> dict[str, object]:
    episodes = sorted(one.episodes for one in trials)
    played = sum(one.episodes for one in trials)
    return {
        "trials": len(trials),
        "found": sum(one.found for one in trials),
        "episodes": episodes,
        "median_episodes": statistics.median(episodes) if episodes else None,
        "faults": sorted({one.faults for one in trials if one.found}),
        "tries_to_shrink_max": max((one.tries for one in trials), default=0),
        "cpu_s_an_episode": round(sum(one.cpu_s for one in trials) / played, 4) if played else None,
    }
