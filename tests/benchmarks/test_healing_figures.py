"""Bars of the healing part: what meets one, what misses it, and what cannot meet any."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.healing_figures import Row, figures, interval, pooled
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
    repeated=0,
    hurt_degraded=0,
)
LOST = msgspec.structs.replace(HELD, absorbed=False, served_held=False, back=False, ended_by="undo")
AUDIT = "records changed by the harness: 160 touched, 160 delivered, 0 quarantined, 0 lost, 0 refused"
CLASS = "network.latency, gateway-scorer-a 400 ms, reference: "
PLACE = "network.latency, gateway-scorer-a: "


def missed(rows, least=30, expected=frozenset()):
    """Bars that rows miss, each row a repetition of its own."""
    each = [msgspec.structs.replace(row, repetition=number) for number, row in enumerate(rows)]
    told = figures(each, least=least, expected=expected)["bars"]
    return [words for words, met in told.items() if not met]


def test_twenty_nine_of_thirty_are_enough_and_twenty_eight_are_not():
    assert missed([HELD] * 29 + [LOST]) == []
    assert missed([HELD] * 28 + [LOST] * 2) == [f"{CLASS}served while the fault is there, but for 1"]


def test_too_few_episodes_meet_no_bar():
    assert missed([HELD] * 29) == [f"{CLASS}measured often enough"]
    assert missed([HELD] * 2, least=2) == []
    assert missed([HELD, LOST], least=2) == [f"{CLASS}served while the fault is there, but for 0"]


def test_a_class_whose_every_episode_is_void_is_not_measured():
    assert missed([msgspec.structs.replace(HELD, void="witness stalled")] * 30) == [
        f"{CLASS}measured often enough",
        "exactly once in every counted run",
    ]


def test_arm_none_may_not_be_back_before_the_fault_ends():
    none = msgspec.structs.replace(LOST, arm="none", back=True)
    assert missed([none] * 10) == []
    assert len(missed([*[none] * 9, msgspec.structs.replace(none, served_held=True)])) == 1


def test_full_service_is_wanted_only_of_what_can_be_mended():
    renamed = msgspec.structs.replace(
        HELD, experiment="schema", fault="data.rename_field", full_held=True, touched=160, audit=AUDIT
    )
    hidden = msgspec.structs.replace(renamed, full_held=False)
    assert missed([renamed] * 27 + [hidden] * 3) == []
    assert len(missed([renamed] * 26 + [hidden] * 4)) == 1


def test_a_renamed_record_may_not_stay_in_the_dead_letters_and_one_must_have_been_renamed():
    renamed = msgspec.structs.replace(
        HELD, experiment="schema", fault="data.rename_field", full_held=True, touched=160, audit=AUDIT
    )
    lost = AUDIT.replace(" 0 lost", " 3 lost")
    for wrong in ({"quarantined": 1}, {"touched": 0}, {"audit": lost}, {"audit": ""}):
        assert len(missed([renamed] * 29 + [msgspec.structs.replace(renamed, **wrong)])) == 1


@pytest.mark.parametrize("fault", ["process.kill", "process.hang"])
def test_what_dies_or_hangs_is_back_in_full_within_tau_in_twenty_seven_of_thirty(fault):
    quick = msgspec.structs.replace(HELD, experiment="kill-hang", fault=fault, full_s=3.2, full_held=False)
    late = msgspec.structs.replace(quick, full_s=8.1)
    never = msgspec.structs.replace(quick, full_s=None)
    unharmed = msgspec.structs.replace(never, full_held=True)
    relapsed = msgspec.structs.replace(quick, full_relapsed_s=4.0)
    assert len(missed([quick] * 26 + [relapsed] * 4)) == 1
    assert missed([quick] * 20 + [unharmed] * 7 + [late, late, never]) == []
    assert len(missed([quick] * 26 + [late, late, never, never])) == 1
    assert len(missed([quick] * 29)) == 1


def test_without_a_healer_a_kill_is_repaired_by_the_platform_and_a_hang_is_not():
    hung = msgspec.structs.replace(LOST, experiment="kill-hang", fault="process.hang", arm="none")
    killed = msgspec.structs.replace(hung, fault="process.kill", back=True, ended_by="platform")
    assert missed([hung] * 10 + [killed] * 10) == []
    assert len(missed([hung] * 9 + [msgspec.structs.replace(hung, served_held=True)])) == 1
    assert len(missed([killed] * 9 + [msgspec.structs.replace(killed, back=False)])) == 1
    assert missed([hung] * 9) == ["process.hang, gateway-scorer-a 400 ms, none: measured often enough"]


def test_off_the_path_a_fault_that_nothing_met_is_not_absorbed():
    off = msgspec.structs.replace(HELD, experiment="off-path", owed_peak=1600, owed_back_s=8.6)
    assert missed([off] * 30) == []
    for owed_s in (16.1, None):
        assert len(missed([off] * 29 + [msgspec.structs.replace(off, owed_back_s=owed_s)])) == 1
    assert len(missed([off] * 30 + [msgspec.structs.replace(off, ended_by="not exercised")])) == 2


def test_without_delivery_something_is_owed_or_the_fault_was_none():
    off = msgspec.structs.replace(
        HELD,
        experiment="off-path",
        subject="delivery-gateway 100 %",
        owed_peak=1600,
        owed_band=101,
        owed_back_s=8.6,
    )
    assert missed([off] * 30) == []
    for peak, band in ((60, 101), (1600, -1)):
        assert len(missed([off] * 29 + [msgspec.structs.replace(off, owed_peak=peak, owed_band=band)])) == 1


def test_a_fault_that_nothing_met_is_a_failed_one_on_the_path_too():
    idle = msgspec.structs.replace(HELD, ended_by="not exercised")
    assert missed([HELD] * 30 + [idle]) == []
    assert missed([HELD] * 30 + [idle] * 2) == [f"{CLASS}served while the fault is there, but for 1"]


def test_a_class_that_was_asked_for_and_a_row_that_is_there_twice_are_missed_bars():
    asked = frozenset({(HELD.fault, HELD.subject, HELD.arm), ("process.kill", "scorer-a", "reference")})
    assert missed([HELD] * 30, expected=asked) == ["every class was measured"]
    assert missed([HELD] * 30, expected=frozenset({(HELD.fault, HELD.subject, HELD.arm)})) == []
    rows = [msgspec.structs.replace(HELD, repetition=number % 29) for number in range(30)]
    told = figures(rows, least=29)["bars"]
    assert [words for words, met in told.items() if not met] == ["each episode once"]


def test_at_the_users_edge_nobody_may_be_credited():
    edge = msgspec.structs.replace(LOST, experiment="witness-edge", back=True, ended_by="itself")
    assert missed([edge] * 30) == []
    for by in ("healed", "platform"):
        assert len(missed([*[edge] * 29, msgspec.structs.replace(edge, ended_by=by)])) == 1


def test_a_look_alike_that_is_read_quietly_is_not_refused():
    refused = msgspec.structs.replace(HELD, experiment="wrong-rename", acts=0)
    for wrong in ({"full_held": True}, {"full_s": 1.0}):
        quiet = msgspec.structs.replace(refused, **wrong)
        assert missed([*[refused] * 29, quiet]) == [f"{CLASS}refused: no run was in full service"]
    assert missed([*[refused] * 29, msgspec.structs.replace(refused, full_s=8.1)]) == []


def test_the_interval_of_the_worth_is_that_of_the_pairs():
    pairs = [
        Worth(n=100, prior_cost=1.0, degraded_cost=cost, champion_cost=0.0, ratio=1 - cost)
        for cost in (0.3, 0.4, 0.5, 0.6, 0.4, 0.5)
    ]
    low, high = interval(pairs)
    assert 0.45 < low < 0.55 < high < 0.65
    assert interval(pairs[:4]) is None
    assert interval([NONE_DEGRADED] * 10) is None
    even = Worth(n=10, prior_cost=1.0, degraded_cost=1.0, champion_cost=1.0, ratio=None)
    assert interval([even] * 10) is None
    assert interval([even] * 20 + pairs[:1]) is None


def test_one_lost_record_misses_a_bar_of_its_own():
    assert missed([HELD] * 29 + [msgspec.structs.replace(HELD, exactly_once=False)]) == [
        "exactly once in every counted run"
    ]


@pytest.mark.parametrize(("ratio", "met"), [(0.6, True), (0.4, False)])
def test_degraded_answers_are_judged_over_all_episodes_together(ratio, met):
    worth = Worth(n=100, prior_cost=1.0, degraded_cost=1.0 - ratio, champion_cost=0.0, ratio=ratio)
    rows = [
        msgspec.structs.replace(HELD, worth=one, prior_ratio=0.0, hurt_degraded=100)
        for one in [worth] * 6 + [NONE_DEGRADED] * 24
    ]
    assert (missed(rows) == []) is met
    assert pooled(row.worth for row in rows).n == 600


def test_answers_of_the_prior_count_only_where_features_arrive():
    worth = Worth(n=100, prior_cost=1.0, degraded_cost=0.3, champion_cost=0.0, ratio=0.7)
    rows = [msgspec.structs.replace(HELD, worth=worth, prior_ratio=0.2, hurt_degraded=100)] * 30
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
    assert missed([HELD] * 30 + [void]) == ["exactly once in every counted run"]
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
    assert missed([msgspec.structs.replace(HELD, worth=None, hurt_degraded=9)] * 30) == [
        f"{PLACE}degraded answers worth half of the champion's gain",
        f"{PLACE}at most 5 % of them the prior's",
    ]
    assert missed([msgspec.structs.replace(HELD, worth=None)] * 30) == []
    unnamed = msgspec.structs.replace(HELD, hurt_degraded=9, prior_ratio=0.0)
    hidden = [unnamed] * 29 + [msgspec.structs.replace(unnamed, prior_ratio=None)]
    assert f"{PLACE}at most 5 % of them the prior's" in missed(hidden)


def test_a_pair_or_two_of_a_short_try_say_nothing_of_the_worth():
    low = Worth(n=100, prior_cost=1.0, degraded_cost=0.9, champion_cost=0.0, ratio=0.1)
    row = msgspec.structs.replace(HELD, worth=low, prior_ratio=0.0, hurt_degraded=9)
    assert missed([row] * 2, least=2) == []
    assert missed([row] * 5, least=2) == missed([row] * 30) != []


def test_a_tenth_and_all_of_the_records_are_judged_together():
    good = Worth(n=1500, prior_cost=1.0, degraded_cost=0.4, champion_cost=0.0, ratio=0.6)
    noisy = Worth(n=150, prior_cost=1.0, degraded_cost=1.1, champion_cost=0.0, ratio=-0.1)
    dropped = msgspec.structs.replace(
        HELD, experiment="schema", fault="data.drop_field", prior_ratio=0.0, hurt_degraded=9
    )
    rows = [
        msgspec.structs.replace(dropped, subject=subject, worth=worth)
        for subject, worth in (("amount 10 %", noisy), ("amount 100 %", good))
        for _ in range(30)
    ]
    assert missed(rows) == []
