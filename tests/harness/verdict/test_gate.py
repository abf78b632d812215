"""A gate weighs runs against a baseline: what passes it, what fails it, and what it does not let count."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from harness.experiment.model import Gate
from harness.verdict.floor import Floor
from harness.verdict.gate import Scale, judge_gate
from harness.verdict.model import Verdict
from harness.verdict.outcomes import Recovery, RunOutcome
from tests.harness.verdict.gate_kit import CLASSES, Truth, baseline_of, beside_study, ledger_study, study

BEFORE = [1.0 + 0.02 * n for n in range(40)]
SOUND = [1.0 + 0.03 * n for n in range(25)]


def runs_of(times: Sequence[float | None], label: str = "kill", **more: object) -> list[RunOutcome]:
    """A run for each time."""
    return [
        msgspec.structs.replace(
            RunOutcome(name=f"now {n}", recoveries=(Recovery(label=label, time_s=time_s),)), **more
        )
        for n, time_s in enumerate(times)
    ]


def judged(
    runs: Sequence[RunOutcome], before: Sequence[float | None] = tuple(BEFORE), gate: Gate | None = None
) -> Verdict:
    """Judge against one class."""
    return judge_gate([Scale(gate or Gate(), baseline_of({"kill": before}))], runs)


def test_as_fast_as_before_passes_and_says_what_it_excludes() -> None:
    verdict = judged(runs_of(SOUND))
    assert (verdict.word, verdict.exit_code) == ("PASS", 0)
    texts = {claim.text: claim.evidence for claim in verdict.claims}
    assert (
        "of 20; median 1.4 s of 25, 1.4 s of 40 in the baseline"
        in texts["kill: not slower than x2 and 500 ms"]
    )


def test_three_times_slower_fails_and_names_the_class() -> None:
    verdict = judged(runs_of([3 * time_s for time_s in SOUND]))
    assert (verdict.word, verdict.exit_code) == ("FAIL", 1)
    assert "most in kill: median 4.1 s of 25, 1.4 s of 40 in the baseline" in verdict.why


def test_too_few_runs_are_inconclusive_whatever_they_show() -> None:
    assert judged(runs_of(SOUND[:3])).word == "INCONCLUSIVE"
    assert judged(runs_of([9.0, None])).word == "INCONCLUSIVE"


@pytest.mark.parametrize(("ratio", "word"), [(1.0, "PASS"), (3.0, "FAIL")])
def test_too_few_runs_tell_how_many_more_decide_it_if_they_go_as_those_seen(ratio: float, word: str) -> None:
    seen = [ratio * time_s for time_s in SOUND[:5]]
    early = judged(runs_of(seen))
    assert early.word == "INCONCLUSIVE"
    (more,) = {claim.more for claim in early.claims if claim.word == "INCONCLUSIVE"}
    assert more is not None
    assert all(claim.more is None for claim in early.claims if claim.word != "INCONCLUSIVE")
    later = [seen[n % len(seen)] for n in range(len(seen) + 2 * more)]
    assert judged(runs_of(later)).word == word
    assert judged(runs_of(later[: len(seen) + more // 2])).word == "INCONCLUSIVE"


def test_where_no_number_of_runs_decides_it_none_is_told() -> None:
    blind = judged(runs_of(SOUND), gate=Gate(harmed_ratio=0.1))
    assert blind.word in ("INCONCLUSIVE", "VOID")
    assert all(claim.more is None for claim in blind.claims)


def test_no_run_is_no_pass() -> None:
    assert judged([]).word == "VOID"
    assert judged(runs_of(SOUND)[:0], gate=Gate(false_heals_per_h=1.0)).word == "VOID"


def test_a_class_of_the_baseline_that_was_not_measured_is_void() -> None:
    scale = Scale(Gate(), baseline_of({"kill": BEFORE, "hang": BEFORE}))
    verdict = judge_gate([scale], runs_of(SOUND))
    assert verdict.word == "VOID"
    assert "nothing was measured of hang" in verdict.why


def test_a_class_that_the_baseline_does_not_have_is_void() -> None:
    verdict = judged([*runs_of(SOUND), *runs_of([1.0], "slow")])
    assert verdict.word == "VOID"


def test_a_run_that_stands_there_twice_is_void() -> None:
    runs = runs_of(SOUND)
    assert "twice" in judged([*runs, runs[3]]).why


def test_an_unproven_clean_state_wins_over_all_others() -> None:
    runs = [*runs_of([None] * 30), RunOutcome(name="odd", unsafe=True)]
    assert judged(runs).word == "UNSAFE"


def test_a_transaction_that_ended_twice_fails_whatever_the_times_say() -> None:
    runs = runs_of(SOUND)
    runs[5] = msgspec.structs.replace(runs[5], exactly_once=False)
    verdict = judged(runs)
    assert verdict.word == "FAIL"
    assert "exactly once (not in now 5)" in verdict.why


def test_many_void_faults_are_void_and_few_count_as_not_recovered_for_a_pass() -> None:
    def void(n: int) -> list[RunOutcome]:
        lost = Recovery(label="kill", time_s=None, void=True)
        return [RunOutcome(name=f"void {k}", recoveries=(lost,)) for k in range(n)]

    assert judged([*runs_of(SOUND), *void(2)]).word == "VOID"
    with_one = judged([*void(1), *runs_of(SOUND)])
    assert with_one.word == "INCONCLUSIVE"
    assert any("and 1 void, taken for not recovered" in claim.evidence for claim in with_one.claims)
    assert not any(claim.word == "FAIL" for claim in with_one.claims)


def test_void_faults_are_no_evidence_of_something_worse() -> None:
    scale = Scale(Gate(), baseline_of({"kill": BEFORE}))
    for n in range(100):
        scale.add(RunOutcome(name=str(n), recoveries=(Recovery(label="kill", time_s=None, void=True),)))
    assert not scale.failed
    assert not scale.passed


def test_what_is_slower_by_less_than_the_margin_in_seconds_does_not_fail() -> None:
    before = [0.010 + 0.0001 * n for n in range(40)]
    now = runs_of([5 * time_s for time_s in before])
    assert judged(now, before).word == "PASS"
    assert judged(now, before, Gate(slower_s=0.001, excluded_s=0.005)).word == "FAIL"


def test_faults_that_nobody_notices_can_be_told_from_slow_recoveries() -> None:
    assert judged(runs_of([0.0] * 25), [0.0] * 40).word == "PASS"
    assert judged(runs_of([4.0] * 25), [0.0] * 40).word == "FAIL"


def test_a_share_that_does_not_recover_fails_though_medians_are_the_same() -> None:
    now = [None if n % 4 == 0 else time_s for n, time_s in enumerate(SOUND + SOUND)]
    assert judged(runs_of(now)).word == "FAIL"


def test_once_failed_later_luck_does_not_make_it_pass() -> None:
    assert judged([*runs_of([9.0] * 12), *runs_of_named("later", SOUND * 3)]).word == "FAIL"


def runs_of_named(name: str, times: Sequence[float]) -> list[RunOutcome]:
    """Runs with names of their own."""
    return [msgspec.structs.replace(run, name=f"{name} {n}") for n, run in enumerate(runs_of(times))]


@pytest.mark.parametrize(("heals", "word"), [(0, "PASS"), (1, "FAIL"), (None, "VOID")])
def test_false_heals_are_a_gate_of_their_own(heals: int | None, word: str) -> None:
    gate = Gate(false_heals_per_h=0.1)
    runs = runs_of(SOUND * 2, false_heals=heals, quiet_h=0.0 if heals is None else 2.0)
    assert judged(runs, gate=gate).word == word


def test_acts_that_may_have_stayed_unseen_in_one_run_keep_it_from_passing() -> None:
    runs = runs_of(SOUND * 2, false_heals=0, quiet_h=2.0)
    runs[7] = msgspec.structs.replace(runs[7], false_heals=None, quiet_h=0.0)
    assert judged(runs, gate=Gate(false_heals_per_h=0.1)).word == "INCONCLUSIVE"


@pytest.mark.parametrize(("harmed", "word"), [(False, "PASS"), (True, "FAIL"), (None, "VOID")])
def test_harm_by_healing_is_a_gate_of_its_own(harmed: bool | None, word: str) -> None:
    assert judged(runs_of(SOUND * 4, harmed=harmed), gate=Gate(harmed_ratio=0.1)).word == word


def test_of_two_baselines_both_must_hold_and_the_worse_one_is_named() -> None:
    fast = baseline_of({"kill": [time_s / 4 for time_s in BEFORE]})
    scales = [
        Scale(Gate(), one, baselines=2)
        for one in (baseline_of({"kill": BEFORE}), msgspec.structs.replace(fast, campaign="pinned"))
    ]
    verdict = judge_gate(scales, runs_of(SOUND))
    assert verdict.word == "FAIL"
    assert "against pinned: " in verdict.why


def test_the_order_of_classes_in_a_baseline_changes_nothing() -> None:
    runs = [*runs_of(SOUND), *runs_of_named("hangs", SOUND)]
    runs = [
        msgspec.structs.replace(run, recoveries=(Recovery(label="hang", time_s=2.0),))
        if run.name.startswith("hangs")
        else run
        for run in runs
    ]
    words = [
        judge_gate([Scale(Gate(), baseline_of(dict(classes)))], runs).word
        for classes in ([("kill", BEFORE), ("hang", BEFORE)], [("hang", BEFORE), ("kill", BEFORE)])
    ]
    assert words[0] == words[1]


TIMES = 200


def test_an_unchanged_version_hardly_ever_fails() -> None:
    for sigma in (0.25, 0.5, 0.8):
        assert study(Truth(sigma=sigma), TIMES, seed=1).words["FAIL"] <= 0.02 * TIMES


def test_a_ledger_that_is_stopped_and_continued_at_will_fails_an_unchanged_version_no_more_often() -> None:
    told = ledger_study(Truth(), 60, seed=6)
    assert told.words["FAIL"] <= 1
    assert told.words["PASS"] >= 10


def test_slower_by_half_is_caught_within_forty_injections_on_average() -> None:
    told = study(Truth(slower=(1.5,) * CLASSES), TIMES, seed=2)
    assert told.words["FAIL"] >= 0.88 * TIMES
    assert told.mean_n <= 40


def test_three_times_slower_in_one_class_of_four_never_passes() -> None:
    for sigma in (0.25, 0.5, 0.8):
        told = study(Truth(slower=(3.0, 1.0, 1.0, 1.0), sigma=sigma), TIMES, seed=3)
        assert told.words["PASS"] == 0


def test_recoveries_that_go_missing_are_caught() -> None:
    assert study(Truth(never_ratio=0.2), TIMES, seed=4).words["FAIL"] >= 0.95 * TIMES


def test_a_class_as_slow_as_what_is_excluded_hardly_ever_passes() -> None:
    told = study(Truth(slower=(2.0, 1.0, 1.0, 1.0), sigma=0.8), TIMES, seed=5)
    assert told.words["PASS"] <= 0.1 * TIMES  # at most 5 % by Ville's inequality


def test_the_dice_of_runs_are_even() -> None:
    from harness.verdict.outcomes import die_of

    dice = np.array([die_of(RunOutcome(name=f"run {n}"), "kill") for n in range(2000)])
    counts, _ = np.histogram(dice, bins=10, range=(0, 1))
    assert counts.sum() == 2000
    assert ((counts - 200) ** 2 / 200).sum() < 30  # chi-square of 9: more in 1 of 2,000


def beside(times: Sequence[float | None], others: Sequence[float | None]) -> Verdict:
    """Judge a version that ran beside another, of one class."""
    runs = [
        msgspec.structs.replace(run, beside=(Recovery(label="kill", time_s=other),))
        for run, other in zip(runs_of(times), others, strict=True)
    ]
    known = baseline_of({"kill": tuple(others)})
    return judge_gate([Scale(Gate(), known, is_beside=True)], runs)


def test_beside_another_version_as_fast_passes_and_three_times_slower_fails() -> None:
    mixed = [SOUND[(7 * n) % len(SOUND)] for n in range(len(SOUND))]
    assert beside(SOUND, mixed).word == "PASS"
    assert beside([3 * time_s for time_s in SOUND], mixed).word == "FAIL"
    assert beside(SOUND[:3], SOUND[:3]).word == "INCONCLUSIVE"


def test_what_is_not_back_beside_counts_as_slow_there_and_void_beside_is_no_comparison() -> None:
    assert beside([1.0] * 30, [None] * 30).word == "PASS"
    lost = Recovery(label="kill", time_s=None, void=True)
    known = baseline_of({"kill": SOUND})
    runs = [msgspec.structs.replace(run, beside=(lost,)) for run in runs_of([9.0] * 30)]
    scale = Scale(Gate(), known, is_beside=True)
    verdict = judge_gate([scale], runs)
    assert verdict.word == "VOID"
    assert scale.peak < 1.0
    alone = judge_gate([Scale(Gate(), known, is_beside=True)], runs_of(SOUND))
    assert alone.word == "VOID", "nothing ran beside: there is nothing to compare with"


@pytest.mark.slow
@pytest.mark.parametrize("jump", [0.0, 0.7])
def test_a_machine_that_is_slow_in_half_of_each_pair_fails_no_unchanged_version(jump) -> None:
    edge = Truth(slower=(1.1,) * CLASSES, sigma=0.2)
    assert beside_study(edge, 300, 11, jump=jump).words["FAIL"] <= 15
    caught = beside_study(Truth(slower=(1.5,) * CLASSES, sigma=0.25), 100, 12)
    assert caught.words["FAIL"] >= 95


@pytest.mark.parametrize(
    ("kept", "word"), [(0.95, "PASS"), (0.4, "FAIL"), (0.8, "INCONCLUSIVE"), (None, "INCONCLUSIVE")]
)
def test_a_class_must_keep_its_floor_and_what_is_not_known_is_no_pass(kept, word) -> None:
    runs = [
        msgspec.structs.replace(
            run, recoveries=tuple(msgspec.structs.replace(one, kept_ratio=kept) for one in run.recoveries)
        )
        for run in runs_of([SOUND[n % 25] for n in range(40)])
    ]
    verdict = judged(runs, gate=Gate(floor_points=80))
    assert verdict.word == word
    (claim,) = [claim for claim in verdict.claims if "points" in claim.text]
    assert (claim.text, claim.word) == ("kill: keeps at least 80 points", verdict.word)
    assert ("of which it is not known" in claim.evidence) == (kept is None)


def test_void_faults_kept_nothing_for_a_pass_and_prove_nothing_against_it() -> None:
    lost = [Recovery(label="kill", time_s=None, void=True)]
    floor = Floor(80.0, ["kill"])
    for one in [*lost * 50]:
        floor.add(one)
    assert floor.against() == pytest.approx(1.0)
    assert not floor.holds(20.0)
    for _ in range(60):
        floor.add(Recovery(label="kill", time_s=1.0, kept_ratio=1.0))
    assert not floor.holds(20.0)


def test_a_fault_that_is_void_beside_is_one_of_all_faults_and_not_one_more() -> None:
    void = Recovery(label="kill", time_s=None, void=True)
    sound = Recovery(label="kill", time_s=1.0)
    runs = [
        msgspec.structs.replace(run, beside=(void if n < 21 else sound,))
        for n, run in enumerate(runs_of([1.0] * 400))
    ]
    scale = Scale(Gate(), baseline_of({"kill": [1.0]}), is_beside=True)
    assert judge_gate([scale], runs).word == "VOID"
    assert scale.void_ratio() == 21 / 400


@pytest.mark.parametrize("times", [{}, {"kill": ()}, {"kill": (1.0,), "hang": ()}])
def test_a_baseline_without_a_time_is_void_and_an_unclean_state_still_wins(times) -> None:
    scale = Scale(Gate(), baseline_of(times))
    assert judge_gate([scale], runs_of(SOUND)).word == "VOID"
    assert judge_gate([scale], runs_of(SOUND, unsafe=True)).word == "UNSAFE"
