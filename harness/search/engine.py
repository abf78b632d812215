"""The search itself: batches of schedules drawn from a corpus, merged in the order of their numbers.

Comes in: what draws, what plays a batch, a seed, how many episodes. Goes out: failures, each with the first
schedule that showed it. Every schedule is drawn from its own number and from the corpus as it was before its
batch, so that the result depends on the seed alone, whoever plays and in whatever order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from harness.search.drawing import Drawing, Parent, dice_of
from harness.search.leads import Lead, Tried, leads_of, tried_in
from harness.search.outcome import Outcome, Signature, features_of
from harness.search.schedule import Schedule

BATCH = 16
FRESH_RATIO = 0.2
"""Share of schedules that are drawn afresh all along: what the corpus has never seen cannot come from it."""
PROBE_RATIO = 0.75
"""Share of the others that are systematic: what began least after a thing of one name comes first."""

Play = Callable[[Sequence[Schedule]], Sequence[Outcome]]
"""Plays schedules and gives their outcomes in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How long to search. ``uniform``: only fresh schedules, all faults at instants, for comparison.

    ``until``: is asked about each episode in which something broke, and ends the search with True; None: it
    goes on to the last episode.
    """

    seed: int
    episodes: int
    uniform: bool = False
    until: Callable[[Schedule, Outcome], bool] | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature: the first schedule that showed it, in episode ``episode`` from 1, and its outcome."""

    signature: Signature
    schedule: Schedule
    outcome: Outcome
    episode: int


@dataclass(slots=True)
class Found:
    """All that has been merged so far. ``counts``: feature -> in how many episodes.

    ``known``: by what happened, what led to it; ``tried``: how often an effect began soon after something.
    """

    episodes: int = 0
    void: int = 0
    voids: dict[str, int] = field(default_factory=dict)
    idle: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    corpus: list[Parent] = field(default_factory=list)
    failures: dict[Signature, Failure] = field(default_factory=dict)
    known: dict[str, list[Lead]] = field(default_factory=dict)
    tried: Counter[Tried] = field(default_factory=Counter)

    def take(self, schedule: Schedule, outcome: Outcome) -> None:
        """Merge the next episode. What breaks where nothing met a fault broke without one."""
        self.episodes += 1
        if outcome.void:
            self.void += 1
            self.voids[outcome.void] = self.voids.get(outcome.void, 0) + 1
            return
        self.tried.update(tried_in(schedule, outcome))
        self.idle += not any(one.met for one in outcome.met)
        features = features_of(outcome)
        if any(one not in self.counts for one in sorted(features)):
            self.corpus.append(Parent(schedule, outcome.seen))
            for name, lead in leads_of(schedule, outcome):
                self.known.setdefault(name, []).append(lead)
        for one in features:
            self.counts[one] = self.counts.get(one, 0) + 1
        for signature in (broken.signature for broken in outcome.broken):
            if signature not in self.failures:
                self.failures[signature] = Failure(
                    signature=signature, schedule=schedule, outcome=outcome, episode=self.episodes
                )


def search(
    drawing: Drawing, play: Play, wanted: Wanted, tell: Callable[[Found], None] = lambda _: None
) -> Found:
    """Search to the end; ``tell`` hears how far it has come after each batch."""
    found = Found()
    while found.episodes < wanted.episodes:
        first = found.episodes
        numbers = range(first, min(first + BATCH, wanted.episodes))
        batch = [draw(drawing, wanted, number, found) for number in numbers]
        for schedule, outcome in zip(batch, play(batch), strict=True):
            found.take(schedule, outcome)
            if outcome.broken and wanted.until is not None and wanted.until(schedule, outcome):
                return found
        tell(found)
    return found


def draw(drawing: Drawing, wanted: Wanted, number: int, found: Found) -> Schedule:
    """Draw schedule ``number``: fresh, or one of the corpus with something changed."""
    corpus = found.corpus
    dice = dice_of(wanted.seed, "search", number)
    if wanted.uniform:
        return drawing.fresh(dice, triggers=False)
    if not corpus or dice.random() < FRESH_RATIO:
        return drawing.fresh(dice, triggers=True)
    if found.known and dice.random() < PROBE_RATIO:
        return drawing.probed(found.known, found.tried, dice)
    return drawing.changed(corpus[int(dice.integers(len(corpus)))], dice)


def summary(found: Found) -> Mapping[str, int]:
    """The counts that are told."""
    return {
        "episodes": found.episodes,
        "void": found.void,
        "met_nothing": found.idle,
        "features": len(found.counts),
        "corpus": len(found.corpus),
        "failures": len(found.failures),
    }
