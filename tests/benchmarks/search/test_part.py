"""Bars of the search part: what is found, by whom, how small it gets, and how sure the ratio is."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.search import part
from benchmarks.search.bugs import TRUE_FAULTS
from benchmarks.search.part import GUIDED, RACE, UNIFORM, Trial, bars_and_figures, items, race


def trial(bug: str, way: str, seed: int, episodes: int = 100, **changes: object) -> Trial:
    found = Trial(
        bug=bug,
        way=way,
        seed=seed,
        commit="abc",
        found=True,
        episodes=episodes,
        cap=part.cap_of(bug, way),
        faults=TRUE_FAULTS[bug],
        minimal=True,
    )
    return msgspec.structs.replace(found, **changes)


def good() -> list[Trial]:
    """Every trial of the full counts, as a search that is worth its name would leave them."""
    return [trial(*item, episodes=400 if item[1] == GUIDED else part.cap_of(*item[:2])) for item in items()]


def missed(trials: list[Trial]) -> list[str]:
    return [words for words, met in bars_and_figures(trials)["bars"].items() if not met]


def test_the_full_counts_are_those_that_were_asked_for() -> None:
    counts = {(bug, way): 0 for bug in TRUE_FAULTS for way in (GUIDED, UNIFORM)}
    for bug, way, _ in items():
        counts[bug, way] += 1
    assert counts[RACE, GUIDED] == counts[RACE, UNIFORM] == 12
    assert all(counts[bug, GUIDED] >= 4 for bug in TRUE_FAULTS)
    assert next(way for _, way, _ in items()) == UNIFORM, "how hard they are by chance is measured first"
    caps = part.cap_of(RACE, UNIFORM), part.cap_of(RACE, GUIDED), part.cap_of("double", UNIFORM)
    assert caps == (2_000, 5_000, 1_000)


def test_who_finds_after_the_cap_of_the_race_counts_as_the_cap() -> None:
    late = [trial(RACE, GUIDED, seed, 4_000) for seed in range(12)]
    never = [trial(RACE, UNIFORM, seed, 2_000, found=False) for seed in range(12)]
    assert race(late, never) == (1.0, 1.0)


def test_a_search_that_finds_all_meets_all_bars() -> None:
    assert missed(good()) == []


@pytest.mark.parametrize(
    ("changes", "of", "bar"),
    [
        ({"found": False, "faults": -1}, ("double", GUIDED), "double: found in 3 of 4"),
        ({"faults": 3}, ("half_done", GUIDED), "shrunk to the true number of faults"),
        ({"minimal": False}, ("half_done", GUIDED), "shrunk to the true number of faults"),
        ({"episodes": 1100}, (RACE, UNIFORM), "overlap: chance needs 3 times the episodes"),
        ({"episodes": 500}, (RACE, UNIFORM), "overlap: lower bound of that above 1.5"),
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


def test_a_ratio_needs_all_seeds_and_its_bound_knows_how_far_they_scatter() -> None:
    ours = [trial(RACE, GUIDED, seed, 250) for seed in range(12)]
    even = [trial(RACE, UNIFORM, seed, 1000) for seed in range(12)]
    wild = [trial(RACE, UNIFORM, seed, 50 if seed % 2 else 1950) for seed in range(12)]
    assert race(ours[:11], even) == (None, None)
    assert race(ours, even) == (4.0, 4.0)
    ratio, bound = race(ours, wild)
    assert ratio == 4.0
    assert bound is not None
    assert bound < 3.0


def test_without_trials_every_bar_is_missed() -> None:
    assert len(missed([])) == len(bars_and_figures([])["bars"])
