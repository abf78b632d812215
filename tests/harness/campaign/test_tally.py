"""Sums over pairs: in any order the same, gains within a pair, and void runs in no figure."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.tally import ArmTally, ClassTally, Sum, Tally
from tests.harness.campaign.rows_kit import episode, row

KILL = ("process.kill", "scorer-a", "reference", "fast")
NONE = ("process.kill", "scorer-a", "none", "fast")

episodes = st.builds(
    episode,
    recovered_ms=st.none() | st.integers(0, 60_000),
    lost_ms=st.integers(0, 9000),
    impact_ms=st.none() | st.integers(0, 500),
    void=st.sampled_from(["", "", "", "cut short"]),
    loss_ppm=st.none() | st.integers(-1000, 1000),
)


@st.composite
def pairs(draw):
    """Runs of several pairs: two arms, faults and shams, some of them void."""
    found = []
    for pair in range(draw(st.integers(1, 6))):
        runs = []
        for arm in ("none", "reference"):
            for sham in (False, True):
                why = draw(st.sampled_from(["", "", "", "baseline"]))
                heals, sees = draw(st.integers(0, 2)), draw(st.booleans())
                once = draw(st.sampled_from([True, True, False, None]))
                told = {"why": why, "false_heals": heals, "sees_acts": sees, "exactly_once": once}
                runs.append(row(pair, arm, draw(episodes), sham=sham, **told))
        found.append(runs)
    return found


def tallied(found) -> Tally:
    tally = Tally()
    for runs in found:
        tally.add_pair(runs)
    return tally


@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_pairs_and_of_the_runs_in_them_changes_nothing(found, dice):
    shuffled = [dice.sample(runs, len(runs)) for runs in dice.sample(found, len(found))]
    assert tallied(shuffled) == tallied(found)


@given(pairs())
def test_void_runs_are_counted_and_enter_no_figure(found):
    emptied = [
        [
            msgspec.structs.replace(one, units=5, good=1, acts=9, false_heals=7) if one.why else one
            for one in runs
        ]
        for runs in found
    ]
    assert tallied(emptied) == tallied(found)
    whole = [one for runs in found for one in runs if not one.why]
    tally = tallied(found)
    assert sum(arm.runs for arm in tally.arms.values()) == len(whole)
    assert sum(arm.void for arm in tally.arms.values()) == sum(map(len, found)) - len(whole)
    kept = [e for one in whole if not one.sham for e in one.episodes if not e.void]
    assert sum(one.n for one in tally.classes.values()) == len(kept)


@given(pairs())
def test_a_gain_is_the_difference_within_a_pair(found):
    gains = [
        least.episodes[0].lost_ms - own.episodes[0].lost_ms
        for runs in found
        for least, own in [[one for one in runs if not one.sham]]
        if not (least.why or own.why or least.episodes[0].void or own.episodes[0].void)
    ]
    expected = Sum()
    for gain in gains:
        expected.add(gain)
    tally = tallied(found)
    assert tally.classes.get(KILL, ClassTally()).gain_ms == expected
    assert tally.classes.get(NONE, ClassTally()).gain_ms == Sum()


def test_where_the_arm_to_compare_with_is_void_no_other_stands_in():
    runs = [row(0, "bare", why="baseline"), row(0, "none", episode()), row(0, "reference", episode())]
    assert tallied([runs]).classes[KILL].gain_ms.n == 0


def test_an_episode_is_compared_with_the_same_fault_of_the_other_run_and_no_other():
    """The first fault of the other run was not injected: places in the two lists are not the same."""
    other = row(0, "none", episode(index=1, lost_ms=5000))
    own = row(0, "reference", episode(index=0, lost_ms=100), episode(index=1, lost_ms=2000))
    counted = tallied([[other, own]]).classes[KILL]
    assert (counted.gain_ms.n, counted.gain_ms.total, counted.compared) == (1, 3000, 1)


def test_a_class_that_occurs_twice_in_a_run_gives_the_runs_mean_once():
    """Two looks at one run are not two runs: their interval would be too short."""
    twice = row(0, "none", episode(lost_ms=100), episode(index=1, lost_ms=200))
    counted = tallied([[twice]]).classes[NONE]
    assert counted.n == 2
    assert (counted.lost_ms.n, counted.lost_ms.total) == (1, 150)


def test_what_nothing_met_is_counted_and_enters_no_figure():
    idle = {"impact_ms": None, "recovered_ms": None, "lost_ms": 0, "ended_by": "not exercised"}
    pairs = [
        [row(0, "none", episode(lost_ms=20_000)), row(0, "reference", episode(lost_ms=10_000))],
        [row(1, "none", episode(**idle)), row(1, "reference", episode(**idle))],
        [row(2, "none", episode(**idle)), row(2, "reference", episode(lost_ms=10_000))],
    ]
    counted = tallied(pairs).classes[KILL]
    assert (counted.n, counted.met) == (3, 2)
    assert (counted.lost_ms.n, counted.lost_ms.total) == (2, 20_000)
    assert (counted.gain_ms.n, counted.gain_ms.total) == (1, 10_000)
    assert (counted.compared, counted.harmed) == (1, 0)


def test_harmed_is_who_loses_a_second_more_than_without_healing():
    lost = [(1000, 2000), (1000, 2001), (5000, 0)]
    found = [
        [row(pair, "none", episode(lost_ms=least)), row(pair, "reference", episode(lost_ms=own))]
        for pair, (least, own) in enumerate(lost)
    ]
    counted = tallied(found).classes[KILL]
    assert (counted.harmed, counted.compared) == (1, 3)


def test_what_was_not_observable_is_neither_a_success_nor_a_failure():
    arm = ArmTally()
    for once in (True, False, None, None):
        arm.add(row(0, exactly_once=once))
    assert (arm.once, arm.audited, arm.blind) == (1, 2, 2)


def test_false_heals_of_a_run_whose_acts_could_hide_give_no_hours():
    arm = ArmTally()
    arm.add(row(0, false_heals=1, unbroken_ms=10))
    arm.add(row(1, false_heals=2, unbroken_ms=20, sees_acts=False))
    assert arm.heals == {(1, False): (1, 10)}
    assert arm.unseen == Counter({2: 1})


def test_a_run_in_which_nothing_was_broken_is_a_sham_or_holds_placebos_alone():
    arm = ArmTally()
    placebo, kill = episode(kind="placebo.restart"), episode()
    for one in (row(0, "none", placebo), row(1, "none", placebo, kill), row(2), row(3, sham=True, acts=1)):
        arm.add(one)
    assert arm.quiet == Counter({False: 1, True: 1})
