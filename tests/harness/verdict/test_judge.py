"""From estimates and objectives to one word: evidence on either side, or the word for too little."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from harness.episodes.facts import facts
from harness.episodes.model import RunFacts
from harness.estimates.estimate import estimate
from harness.estimates.means import mean
from harness.estimates.model import Mean
from harness.estimates.shares import lower_bound, upper_bound
from harness.verdict.codes import EXIT_CODE
from harness.verdict.evidence import judge_all, judge_mean, judge_share, needed_n
from harness.verdict.judge import judge
from harness.verdict.model import Verdict
from tests.traps.histories import PROFILE, Story, history_of, killed, never_back, objective, unmet


@cache
def _facts(story: str) -> RunFacts:
    told = {
        "back": killed(0.3),
        "lost": replace(never_back(), arm="none"),
        "absorbed": Story(),
        "sham": Story(sham=True),
        "bare": never_back(),
        "void": killed(send_lag_s=0.2),
    }
    return facts(history_of(told[story]))


def runs_of(**counts: int) -> list[RunFacts]:
    """So many runs of each story, spread evenly as if they did not depend on each other, each with its id."""
    places = sorted(((n + 0.5) / count, story) for story, count in counts.items() for n in range(count))
    told = [story for _, story in places]
    return [changed(_facts(story), run_id=f"r{i:04d}", pair=i) for i, story in enumerate(told)]


def verdict_of(runs: list[RunFacts], *claims: dict[str, object], planned: int | None = None) -> Verdict:
    return judge(
        estimate(runs, PROFILE),
        runs,
        [objective(**claim) for claim in claims],
        campaign_id="kill-1",
        planned_runs=len(runs) if planned is None else planned,
    )


SOON = {"served_within_s": 1.0}


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({"back": 29}, "PASS"),
        ({"back": 20, "absorbed": 9}, "PASS"),
        ({"back": 28}, "INCONCLUSIVE"),
        ({"back": 28, "lost": 1}, "INCONCLUSIVE"),
        ({"back": 45, "lost": 1}, "PASS"),
        ({"back": 1, "lost": 1}, "INCONCLUSIVE"),
        ({"lost": 1}, "INCONCLUSIVE"),
        ({"lost": 2}, "FAIL"),
        ({"back": 20, "lost": 9}, "FAIL"),
    ],
)
def test_a_share_needs_evidence_on_either_side(counts: dict[str, int], word: str) -> None:
    found = verdict_of(runs_of(**counts), SOON)
    assert (found.word, found.exit_code) == (word, EXIT_CODE[word])
    (claim,) = found.claims
    assert claim.word == word


def test_recovered_too_late_is_not_in_time() -> None:
    assert verdict_of(runs_of(back=29), {"served_within_s": 0.2}).word == "FAIL"


def test_failure_beats_too_little_evidence() -> None:
    found = verdict_of(runs_of(lost=2, bare=1), SOON)
    assert {claim.word for claim in found.claims} == {"FAIL", "INCONCLUSIVE"}
    assert (found.word, found.exit_code) == ("FAIL", 1)


def test_one_class_without_evidence_is_enough_for_inconclusive() -> None:
    found = verdict_of(runs_of(back=29, bare=1), SOON)
    assert (found.word, found.exit_code) == ("INCONCLUSIVE", 3)


def test_an_objective_about_one_arm_says_nothing_of_the_other() -> None:
    found = verdict_of(runs_of(back=29, bare=3), SOON | {"arm": "none", "fault": "process.kill"})
    assert (found.word, len(found.claims)) == ("PASS", 1)


def test_a_claim_says_as_numbers_what_it_is_held_against() -> None:
    verdict = verdict_of(
        runs_of(back=5, sham=5),
        {"served_within_s": 2.0, "share_ratio": 0.9, "exactly_once": True, "availability_ratio": 0.99},
    )
    limits = {claim.asks: (claim.limit_s, claim.limit_ratio) for claim in verdict.claims}
    assert limits == {"recovery": (2.0, 0.9), "availability": (None, 0.99), "exactly once": (None, None)}


def test_availability_is_judged_over_five_runs_without_a_fault_at_least() -> None:
    claim = {"availability_ratio": 0.99}
    assert verdict_of(runs_of(back=1, sham=5), claim).word == "PASS"
    few = verdict_of(runs_of(back=1, sham=4), claim)
    assert few.word == "INCONCLUSIVE"
    assert "needs 4 / 5" in few.why


def test_availability_below_the_claim_fails() -> None:
    assert judge_mean(mean([0.95, 0.951, 0.949, 0.95, 0.952]), 0.99).word == "FAIL"
    assert judge_mean(mean([0.95, 0.999, 0.999, 0.99, 0.999]), 0.99).word == "INCONCLUSIVE"
    assert judge_mean(Mean(n=0, mean=None, low=None, high=None), 0.0).word == "VOID"


def test_unsafe_wins_over_void_and_over_missing_runs() -> None:

    runs = [changed(run, unsafe="episode 0: still stopped") for run in runs_of(void=1)]
    found = verdict_of(runs, SOON, planned=9)
    assert (found.word, found.exit_code, found.next) == ("UNSAFE", 6, "hormesis explain code 6")


def test_the_same_run_twice_is_void() -> None:
    runs = runs_of(back=1) * 2
    assert verdict_of(runs).word == "VOID"


def test_more_runs_than_planned_are_void() -> None:
    assert verdict_of(runs_of(back=3), planned=2).word == "VOID"


def test_done_says_what_was_not_counted() -> None:
    found = verdict_of(runs_of(back=1))
    assert (found.word, found.why, found.next) == ("DONE", "done, nothing claimed", "")


@given(st.integers(1, 120), st.integers(0, 120), st.integers(0, 10), st.floats(0.01, 0.999))
def test_a_word_on_a_share_never_says_more_than_the_bounds(n: int, k: int, void: int, ratio: float) -> None:
    assume(k <= n)
    word = judge_share(k, n, ratio, void=void).word
    assert (word == "FAIL") == (upper_bound(k, n) < ratio)
    assert (word == "PASS") == (lower_bound(k, n + void) >= ratio and word != "FAIL")


@given(st.integers(0, 60), st.floats(0.0, 1.0))
def test_void_episodes_never_help_a_claim(void: int, ratio: float) -> None:
    order = ["FAIL", "INCONCLUSIVE", "PASS"]
    with_void, without = judge_share(40, 40, ratio, void=void).word, judge_share(40, 40, ratio).word
    assert order.index(with_void) <= order.index(without)


@given(st.integers(0, 8), st.sampled_from([0.5, 0.9, 0.95]))
def test_the_needed_number_is_the_first_that_is_enough(failures: int, ratio: float) -> None:
    n = needed_n(failures, ratio)
    assert n is not None
    assert lower_bound(n - failures, n) >= ratio
    assert lower_bound(n - 1 - failures, n - 1) < ratio


def test_a_certainty_is_never_proven_and_one_failure_refutes_it() -> None:
    assert judge_share(1000, 1000, 1.0).word == "INCONCLUSIVE"
    assert judge_share(999, 1000, 1.0).word == "FAIL"


def test_no_data_is_never_a_pass() -> None:
    assert judge_share(0, 0, 0.0).word == "VOID"
    assert judge_share(0, 0, 0.0, void=5).word == "VOID"
    assert judge_all([]).word == "VOID"
    assert verdict_of([], SOON, planned=0).word == "VOID"
    assert verdict_of([]).word == "VOID"


def held_runs(*, held: int, late: int) -> list[RunFacts]:
    """Runs whose fault service outlived, and runs where it came back only afterwards; both are back."""
    runs = runs_of(back=held + late)
    return [
        changed(
            run,
            episodes=tuple(changed(e, mitigated=n < held, full_mitigated=n < held) for e in run.episodes),
        )
        for n, run in enumerate(runs)
    ]


def test_back_after_the_fault_is_no_evidence_of_back_while_it_was_there() -> None:
    claim = {"served_within_s": 5.0, "share_ratio": 0.9, "while_hurt": True}
    assert verdict_of(held_runs(held=29, late=0), claim).word == "PASS"
    assert verdict_of(held_runs(held=0, late=29), claim).word == "FAIL"
    assert verdict_of(held_runs(held=0, late=29), SOON).word == "PASS"


def test_the_full_level_is_judged_by_its_own_marks() -> None:
    claim = {"served_within_s": 5.0, "share_ratio": 0.9, "level": "full"}
    runs = [
        changed(
            run,
            episodes=tuple(changed(e, full=changed(e.full, recovered_s=None)) for e in run.episodes),
        )
        for run in runs_of(back=29)
    ]
    assert verdict_of(runs, claim).word == "FAIL"
    assert verdict_of(runs, SOON).word == "PASS"


def test_an_act_without_a_fault_is_a_violation_and_a_blind_observer_no_proof() -> None:
    claim = {"no_acts": True}
    runs = runs_of(back=1)
    sham = changed(runs[0], run_id="sham", sham=True, acts=0, blind_s=0.0)
    assert verdict_of([*runs, sham], claim).word == "PASS"
    assert verdict_of([*runs, changed(sham, acts=1)], claim).word == "FAIL"
    assert verdict_of([*runs, changed(sham, blind_s=9.0)], claim).word == "VOID"
    assert verdict_of([*runs, changed(sham, blind_s=0.9)], claim).word == "PASS"
    assert verdict_of([*runs, changed(sham, blind_s=0.9, unlisted_blind_s=0.9)], claim).word == "VOID"
    assert verdict_of([*runs, changed(sham, observed=False)], claim).word == "VOID"
    assert verdict_of([*runs, changed(sham, observed=False, acts=1)], claim).word == "FAIL"
    assert verdict_of(runs, claim).word == "VOID"


def test_acts_in_a_placebo_are_needless_too() -> None:
    claim = {"no_acts": True}
    placebo = [
        changed(
            run,
            acts=acts,
            episodes=tuple(changed(e, kind="placebo.surge") for e in run.episodes),
        )
        for acts, run in zip((0, 3), runs_of(back=2), strict=True)
    ]
    assert verdict_of(placebo[:1], claim).word == "PASS"
    assert verdict_of(placebo, claim).word == "FAIL"


def test_a_fault_that_nothing_met_is_no_evidence():
    idle = facts(history_of(Story(events=unmet)))
    assert (idle.episodes[0].ended_by, idle.episodes[0].exercised) == ("not exercised", False)
    runs = [changed(idle, run_id=f"r{i:04d}", pair=i) for i in range(40)]
    for more in ({}, {"while_hurt": True}, {"level": "full"}):
        verdict = verdict_of(runs, {"served_within_s": 1.0, "share_ratio": 0.9} | more)
        assert verdict.word == "VOID"
        assert "40 not exercised" in verdict.claims[0].evidence


def test_a_fault_that_was_felt_counts_though_nothing_had_met_it_at_first():
    lost = facts(history_of(replace(never_back(), events=unmet)))
    assert not lost.episodes[0].exercised
    runs = [changed(lost, run_id=f"r{i:04d}", pair=i) for i in range(29)]
    assert verdict_of(runs, SOON).word == "FAIL"


def test_where_nothing_met_any_fault_of_a_class_what_holds_is_no_pass():
    idle = facts(history_of(Story(events=unmet)))
    runs = [changed(idle, run_id=f"r{i:04d}", pair=i) for i in range(3)]
    assert verdict_of(runs, {"exactly_once": True}).word == "VOID"
    assert verdict_of(runs_of(back=2), {"exactly_once": True}).word == "PASS"


@pytest.mark.parametrize("claim", [SOON, {"served_within_s": 99.0}])
def test_a_claim_about_a_class_names_it_and_one_about_an_arm_names_none(claim):
    named = {c.about for c in verdict_of(runs_of(back=2, bare=2), claim).claims}
    assert named == {("process.kill", "scorer-a", arm, "fast") for arm in ("none", "bare")}
    others = verdict_of(runs_of(back=2, sham=2), {"exactly_once": True, "availability_ratio": 0.5})
    assert {c.about for c in others.claims} == {None}


def test_that_nothing_met_a_class_is_said_of_that_class():
    idle = facts(history_of(Story(events=unmet)))
    claims = verdict_of([idle], {"exactly_once": True}).claims
    assert [c.about for c in claims] == [None, ("process.kill", "scorer-a", "none", "fast")]


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.97))
def test_as_many_more_as_are_said_to_settle_a_claim_do_and_no_fewer(
    counts: tuple[int, int], ratio: float
) -> None:
    k, n = counts
    more = judge_share(k, n, ratio).more

    def word(extra: int) -> str:
        return judge_share(k + round(extra * k / n), n + extra, ratio).word

    if word(0) != "INCONCLUSIVE":
        assert more is None
    elif more is not None:
        assert word(more) in ("PASS", "FAIL")
        assert all(word(extra) == "INCONCLUSIVE" for extra in range(max(0, more - 5), more))


def test_a_mean_near_its_limit_asks_for_more_runs_and_one_on_it_for_none_that_is_known() -> None:
    assert judge_mean(Mean(n=10, mean=0.99, low=0.97, high=1.0), 0.98).more == 13
    assert judge_mean(Mean(n=10, mean=0.98, low=0.97, high=0.99), 0.98).more is None
