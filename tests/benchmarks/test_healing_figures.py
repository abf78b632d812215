"""Bars of the healing part: what meets one, what misses it, and what cannot meet any."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.healing_figures import Row, figures, pooled
from harness.estimates.worth import Worth

NONE_DEGRADED = Worth(n=0, prior_cost=0.0, degraded_cost=0.0, champion_cost=0.0, ratio=None)
HELD = Row(
    experiment="edges",
    repetition=0,
    arm="reference",
    seed=1,
    commit="c",
    history_sha256="h",
    sham=False,
    void="",
    exactly_once=True,
    audit="",
    acts=3,
    blind_s=0.0,
    units=4000,
    degraded=800,
    fault="network.latency",
    subject="gateway-scorer-a 400 ms",
    absorbed=True,
    served_held=True,
    back=True,
    ended_by="absorbed",
    acts_seen=True,
    worth=NONE_DEGRADED,
)
LOST = msgspec.structs.replace(HELD, absorbed=False, served_held=False, back=False, ended_by="undo")
CLASS = "network.latency, gateway-scorer-a 400 ms, reference: "
PLACE = "network.latency, gateway-scorer-a: "


def missed(rows, least=30):
    return [words for words, met in figures(rows, least=least)["bars"].items() if not met]


def test_twenty_nine_of_thirty_are_enough_and_twenty_eight_are_not():
    assert missed([HELD] * 29 + [LOST]) == []
    assert missed([HELD] * 28 + [LOST] * 2) == [f"{CLASS}served while the fault is there, but for 1"]


def test_too_few_episodes_meet_no_bar():
    assert missed([HELD] * 29) == [f"{CLASS}served while the fault is there, but for 0"]
    assert missed([HELD] * 2, least=2) == []
    assert missed([HELD, LOST], least=2) == [f"{CLASS}served while the fault is there, but for 0"]


def test_a_class_whose_every_episode_is_void_is_not_measured():
    assert missed([msgspec.structs.replace(HELD, void="witness stalled")] * 30) == [
        f"{CLASS}measured",
        "exactly once in every run",
    ]


def test_arm_none_may_not_be_back_before_the_fault_ends():
    none = msgspec.structs.replace(LOST, arm="none", back=True)
    assert missed([none] * 10) == []
    assert len(missed([*[none] * 9, msgspec.structs.replace(none, served_held=True)])) == 1


def test_full_service_is_wanted_only_of_what_can_be_mended():
    renamed = msgspec.structs.replace(
        HELD, experiment="schema", fault="data.rename_field", full_held=True, touched=160
    )
    hidden = msgspec.structs.replace(renamed, full_held=False)
    assert missed([renamed] * 27 + [hidden] * 3) == []
    assert len(missed([renamed] * 26 + [hidden] * 4)) == 1


def test_a_renamed_record_may_not_stay_in_the_dead_letters_and_one_must_have_been_renamed():
    renamed = msgspec.structs.replace(
        HELD, experiment="schema", fault="data.rename_field", full_held=True, touched=160
    )
    for wrong in ({"quarantined": 1}, {"touched": 0}):
        assert len(missed([renamed] * 29 + [msgspec.structs.replace(renamed, **wrong)])) == 1


@pytest.mark.parametrize("fault", ["process.kill", "process.hang"])
def test_what_dies_or_hangs_is_back_in_full_within_tau_in_twenty_seven_of_thirty(fault):
    quick = msgspec.structs.replace(HELD, experiment="kill-hang", fault=fault, full_s=3.2, full_held=False)
    late = msgspec.structs.replace(quick, full_s=8.1)
    never = msgspec.structs.replace(quick, full_s=None)
    unharmed = msgspec.structs.replace(never, full_held=True)
    assert missed([quick] * 20 + [unharmed] * 7 + [late, late, never]) == []
    assert len(missed([quick] * 26 + [late, late, never, never])) == 1
    assert len(missed([quick] * 29)) == 1


def test_without_a_healer_a_kill_is_repaired_by_the_platform_and_a_hang_is_not():
    hung = msgspec.structs.replace(LOST, experiment="kill-hang", fault="process.hang", arm="none")
    killed = msgspec.structs.replace(hung, fault="process.kill", back=True, ended_by="platform")
    assert missed([hung] * 10 + [killed] * 10) == []
    assert len(missed([msgspec.structs.replace(hung, served_held=True)])) == 1
    assert len(missed([msgspec.structs.replace(killed, back=False)])) == 1


def test_off_the_path_a_fault_that_nothing_met_is_not_absorbed():
    off = msgspec.structs.replace(HELD, experiment="off-path", owed_peak=1600, owed_back_s=8.6)
    assert missed([off] * 30) == []
    for owed_s in (16.1, None):
        assert len(missed([off] * 29 + [msgspec.structs.replace(off, owed_back_s=owed_s)])) == 1
    assert len(missed([off] * 29 + [msgspec.structs.replace(off, ended_by="not exercised")])) == 1


def test_one_lost_record_misses_a_bar_of_its_own():
    assert missed([HELD] * 29 + [msgspec.structs.replace(HELD, exactly_once=False)]) == [
        "exactly once in every run"
    ]


@pytest.mark.parametrize(("ratio", "met"), [(0.6, True), (0.4, False)])
def test_degraded_answers_are_judged_over_all_episodes_together(ratio, met):
    worth = Worth(n=100, prior_cost=1.0, degraded_cost=1.0 - ratio, champion_cost=0.0, ratio=ratio)
    rows = [
        msgspec.structs.replace(HELD, worth=one, prior_ratio=0.0)
        for one in [worth] * 6 + [NONE_DEGRADED] * 24
    ]
    assert (missed(rows) == []) is met
    assert pooled(row.worth for row in rows).n == 600


def test_answers_of_the_prior_count_only_where_features_arrive():
    worth = Worth(n=100, prior_cost=1.0, degraded_cost=0.3, champion_cost=0.0, ratio=0.7)
    rows = [msgspec.structs.replace(HELD, worth=worth, prior_ratio=0.2)] * 30
    assert len(missed(rows)) == 1
    blind = [msgspec.structs.replace(row, subject="gateway-features 100 %") for row in rows]
    assert missed(blind) == []


def test_a_sham_run_with_an_act_or_degraded_answers_misses_its_bars():
    sham = msgspec.structs.replace(HELD, sham=True, acts=0, degraded=4, fault="", subject="")
    assert missed([HELD] * 30 + [sham]) == []
    assert len(missed([HELD] * 30 + [msgspec.structs.replace(sham, acts=1)])) == 1
    assert len(missed([HELD] * 30 + [msgspec.structs.replace(sham, degraded=5)])) == 1


def test_a_void_row_is_a_failed_one_for_every_bar():
    void = msgspec.structs.replace(HELD, void="witness stalled")
    assert missed([HELD] * 30 + [void]) == ["exactly once in every run"]
    assert f"{CLASS}served while the fault is there, but for 1" in missed([HELD] * 30 + [void] * 2)
    for changes in ({"arm": "none", "served_held": False}, {"experiment": "off-path", "owed_back_s": 0.0}):
        rows = [msgspec.structs.replace(HELD, **changes)] * 30
        assert missed(rows) == []
        assert len(missed([*rows, msgspec.structs.replace(rows[0], void="witness stalled")])) >= 2


def test_where_an_act_could_not_be_seen_none_is_not_met():
    sham = msgspec.structs.replace(HELD, sham=True, acts=0, degraded=0, fault="", subject="")
    refused = msgspec.structs.replace(HELD, experiment="wrong-rename", acts=0)
    assert missed([refused] * 30 + [sham] * 3) == []
    blind = [msgspec.structs.replace(row, acts_seen=False) for row in (refused, sham)]
    assert missed([refused] * 30 + [blind[1]]) == ["no act in a sham run"]
    assert len(missed([refused] * 30 + [blind[0], sham])) == 1


def test_degraded_answers_of_which_no_worth_is_known_miss_their_bars():
    assert missed([msgspec.structs.replace(HELD, worth=None)] * 30) == [
        f"{PLACE}degraded answers worth half of the champion's gain",
        f"{PLACE}at most 5 % of them the prior's",
    ]
    whole = msgspec.structs.replace(HELD, degraded=0, worth=None, prior_ratio=None)
    assert missed([whole] * 30) == []


def test_a_tenth_and_all_of_the_records_are_judged_together():
    good = Worth(n=1500, prior_cost=1.0, degraded_cost=0.4, champion_cost=0.0, ratio=0.6)
    noisy = Worth(n=150, prior_cost=1.0, degraded_cost=1.1, champion_cost=0.0, ratio=-0.1)
    dropped = msgspec.structs.replace(HELD, experiment="schema", fault="data.drop_field", prior_ratio=0.0)
    rows = [
        msgspec.structs.replace(dropped, subject=subject, worth=worth)
        for subject, worth in (("amount 10 %", noisy), ("amount 100 %", good))
        for _ in range(30)
    ]
    assert missed(rows) == []
