"""Bars of the search part: what is found, by whom, how small it gets, and how sure the ratio is."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import pytest

from benchmarks.search import part
from benchmarks.search.bugs import TRUE_FAULTS
from benchmarks.search.part import GUIDED, RACE, UNIFORM, Hunt, Trial, bars_and_figures, items, race
from harness.search.engine import Found
from harness.search.outcome import Outcome, Signature
from harness.search.schedule import Schedule, schedule_of
from tests.harness.search.ground import kill, outcome


def trial(bug: str, way: str, seed: int, episodes: int = 100, **changes: object) -> Trial:
    found = Trial(
        bug=bug,
        way=way,
        seed=seed,
        commit="abc",
        found=True,
        episodes=episodes,
        cap=part.cap_of(way),
        faults=TRUE_FAULTS[bug],
        minimal=True,
    )
    return msgspec.structs.replace(found, **changes)


KILL = schedule_of([kill("registry", 1.0)])
ALIAS, OTHERWISE = Signature(invariant="alias", stuck="2.0.0"), Signature(invariant="alias", stuck="gone")
SERVED = Signature(invariant="served", stuck="gateway")


def hunt(wrong: Outcome, sound: Outcome) -> Hunt:
    """Two healers that do the same whatever happens."""

    def plays(told: Outcome, schedule: Schedule) -> Outcome:
        assert schedule == KILL
        return told

    breaks = part.BREAKS["overlap"]
    return Hunt(functools.partial(plays, wrong), functools.partial(plays, sound), breaks)


def good() -> list[Trial]:
    """Every trial of the full counts, as a search that is worth its name would leave them."""
    return [
        trial(*item, episodes=400) if item[1] == GUIDED else trial(*item, 1_000, found=False, faults=-1)
        for item in items()
    ]


def missed(trials: list[Trial]) -> list[str]:
    return [words for words, met in bars_and_figures(trials)["bars"].items() if not met]


def test_the_full_counts_are_those_that_were_asked_for() -> None:
    counts = {(bug, way): 0 for bug in TRUE_FAULTS for way in (GUIDED, UNIFORM)}
    for bug, way, _ in items():
        counts[bug, way] += 1
    assert counts[RACE, GUIDED] == counts[RACE, UNIFORM] == 12
    assert all(counts[bug, GUIDED] >= 4 for bug in TRUE_FAULTS)
    assert next(way for _, way, _ in items()) == UNIFORM, "how hard they are by chance is measured first"
    assert (part.cap_of(GUIDED), part.cap_of(UNIFORM)) == (5_000, 1_000)


@pytest.mark.parametrize("theirs", [(), (SERVED,)])
def test_what_breaks_in_the_wrong_healer_alone_is_a_find(theirs: tuple[Signature, ...]) -> None:
    one = hunt(wrong := outcome(SERVED, ALIAS) if theirs else outcome(ALIAS), outcome(*theirs))
    assert one.until(KILL, wrong)
    assert (one.found, one.schedule, one.others, one.void) == (ALIAS, KILL, 0, 0)
    assert one.play(KILL).signatures() == {ALIAS}, "the shrinker sees the same"


@pytest.mark.parametrize("stuck", [ALIAS, OTHERWISE])
def test_what_breaks_in_the_sound_healer_is_no_find_whatever_it_is_stuck_in(stuck: Signature) -> None:
    one = hunt(wrong := outcome(ALIAS), outcome(stuck))
    assert not one.until(KILL, wrong)
    assert (one.found, one.others, one.void) == (None, 1, 0)
    assert not one.play(KILL).broken, "the shrinker sees the same"


def test_where_the_play_of_the_sound_healer_is_void_nothing_is_found() -> None:
    one = hunt(wrong := outcome(ALIAS, SERVED), outcome(void="KeyError: x"))
    assert not one.until(KILL, wrong)
    assert (one.found, one.others, one.void) == (None, 0, 1)
    played = one.play(KILL)
    assert (played.broken, played.void) == ((), "the sound healer: KeyError: x")
    assert one.void == 1, "a try of the shrinker is no episode of the trial"


def test_a_trial_without_a_find_tells_what_the_sound_healer_broke_and_each_void_episode() -> None:
    one, other = hunt(wrong := outcome(ALIAS), outcome(OTHERWISE)), hunt(wrong, outcome(void="x"))
    assert not one.until(KILL, wrong)
    told = part.trial_of((RACE, UNIFORM, 1), 1_000, Found(episodes=1_000, void=2), one)
    assert (told.found, told.episodes, told.others, told.void) == (False, 1_000, 1, 2)
    assert not other.until(KILL, wrong)
    assert part.trial_of((RACE, UNIFORM, 1), 1_000, Found(episodes=1_000, void=2), other).void == 3


def test_the_mean_of_chance_is_that_of_its_rate_cut_at_the_cap_of_the_race() -> None:
    dice = np.random.Generator(np.random.PCG64(1))
    for rate in (1e-2, 1e-3, 1e-4):
        drawn = np.minimum(dice.geometric(rate, size=20_000), part.RACE_CAP)
        assert part.restricted_mean(rate) == pytest.approx(drawn.mean(), rel=0.03)


def test_the_bound_of_the_race_holds_in_nineteen_of_twenty_and_more() -> None:
    dice = np.random.Generator(np.random.PCG64(2))
    rate, mean, held = 4e-4, 800.0, 0
    true = part.restricted_mean(rate) / mean
    for _ in range(200):
        first = dice.geometric(rate, size=12)
        chance = [
            trial(RACE, UNIFORM, seed, min(int(n), 1_000), found=n <= 1_000) for seed, n in enumerate(first)
        ]
        ours = [
            trial(RACE, GUIDED, seed, max(1, int(n)))
            for seed, n in enumerate(dice.gamma(4.0, mean / 4.0, size=12))
        ]
        ratio, bound = race(ours, chance)
        assert ratio is not None
        assert bound is not None
        held += bound <= true
    assert held >= 186


def test_a_guided_trial_that_finds_nothing_counts_as_the_cap_of_the_race() -> None:
    never = [trial(RACE, UNIFORM, seed, 1_000, found=False) for seed in range(12)]
    late = [trial(RACE, GUIDED, seed, 5_000, found=False) for seed in range(12)]
    ratio, bound = race(late, never)
    assert ratio == 1.0
    assert bound is not None
    assert bound < 0.5, (
        "twelve thousand episodes without a find do not say that there is none in ten thousand"
    )


def test_a_search_that_finds_all_meets_all_bars() -> None:
    assert missed(good()) == []


@pytest.mark.parametrize(
    ("changes", "of", "bar"),
    [
        ({"found": False, "faults": -1}, ("double", GUIDED), "double: found in 3 of 4"),
        ({"faults": 3}, ("half_done", GUIDED), "shrunk to the true number of faults"),
        ({"minimal": False}, ("half_done", GUIDED), "shrunk to the true number of faults"),
        ({"episodes": 2_500}, (RACE, GUIDED), "overlap: lower bound of that above 1.5"),
        ({"found": True, "episodes": 900}, (RACE, UNIFORM), "overlap: chance needs 3 times the episodes"),
    ],
)
def test_each_bar_can_be_missed(changes: dict[str, object], of: tuple[str, str], bar: str) -> None:
    trials = [msgspec.structs.replace(one, **changes) if (one.bug, one.way) == of else one for one in good()]
    assert bar in missed(trials)


def test_bugs_that_chance_finds_at_once_are_not_hard() -> None:
    easy = [
        msgspec.structs.replace(one, episodes=900) if one.way == UNIFORM and one.bug != RACE else one
        for one in good()
    ]
    assert "3 of 5 take chance 1000 episodes" in missed(easy)


HARD = "3 of 5 take chance 1000 episodes"


@pytest.mark.parametrize("void", [1, 300, 1_000])
def test_a_void_episode_of_chance_makes_no_bug_hard(void: int) -> None:
    trials = [
        msgspec.structs.replace(one, void=void) if one.way == UNIFORM and one.bug != RACE else one
        for one in good()
    ]
    assert missed(trials) == [HARD]


def test_a_trial_whose_find_is_not_known_for_void_episodes_is_neither_hard_nor_easy() -> None:
    never = [trial("double", UNIFORM, seed, 1_000, found=False, void=seed % 2) for seed in range(5)]
    assert part._side(never) is True
    assert part._side([msgspec.structs.replace(one, void=1) for one in never]) is None
    found = [msgspec.structs.replace(one, found=True, void=1) for one in never]
    assert part._side(found) is False, "found in episode 999 of those that were played"


def test_chance_that_is_all_void_is_no_trial_of_the_race() -> None:
    ours = [trial(RACE, GUIDED, seed, 400) for seed in range(12)]
    never = [trial(RACE, UNIFORM, seed, 1_000, found=False, void=1_000) for seed in range(12)]
    assert race(ours, never) == (None, None)
    played = [msgspec.structs.replace(one, void=0) for one in never]
    assert race(ours, [*played[:11], never[0]]) == (None, None), "one of them is missing"
    assert race([*ours[:11], trial(RACE, GUIDED, 11, 5_000, found=False, void=5_000)], played) == (None, None)
    all_void = [one if one.way == GUIDED else msgspec.structs.replace(one, void=1_000) for one in good()]
    race_bars = [words for words in missed(all_void) if words.startswith(RACE)]
    assert len(race_bars) == 2
    assert HARD in missed(all_void)


def test_the_rate_of_chance_is_over_the_episodes_that_were_played() -> None:
    ours = [trial(RACE, GUIDED, seed, 400) for seed in range(12)]
    whole = [trial(RACE, UNIFORM, seed, 250, found=seed == 0) for seed in range(12)]
    void = [msgspec.structs.replace(one, episodes=1_000, void=750) for one in whole]
    assert race(ours, void) == race(ours, whole)


@pytest.mark.slow
def test_a_trial_of_chance_that_no_bar_hangs_on_is_left_out_and_no_other() -> None:
    dice, spared = np.random.Generator(np.random.PCG64(3)), 0
    for _ in range(40):
        whole = [
            msgspec.structs.replace(one, episodes=900, found=True)
            if one.way == UNIFORM and dice.random() < 0.45
            else one
            for one in good()
        ]
        there, asked = list[Trial](), list[tuple[str, str, int]]()
        while left := [one for one in items() if one not in part.settled(there)]:
            asked.append(left[0])
            there += [one for one in whole if (one.bug, one.way, one.seed) == left[0]]
        assert missed(there) == missed(whole)
        assert {one for one in items() if one[0] == RACE or one[1] == GUIDED} <= set(asked)
        spared += len(items()) - len(asked)
    assert spared > 200


def test_a_ratio_needs_all_seeds_and_its_bound_knows_how_far_they_scatter() -> None:
    never = [trial(RACE, UNIFORM, seed, 1_000, found=False) for seed in range(12)]
    even = [trial(RACE, GUIDED, seed, 1_000) for seed in range(12)]
    wild = [trial(RACE, GUIDED, seed, 50 if seed % 2 else 1_950) for seed in range(12)]
    assert race(even[:11], never) == (None, None)
    (ratio, bound), (same, less) = race(even, never), race(wild, never)
    assert ratio == same == 10.0
    assert bound is not None
    assert less is not None
    assert less < 0.8 * bound


def test_without_trials_every_bar_is_missed() -> None:
    assert len(missed([])) == len(bars_and_figures([])["bars"])
