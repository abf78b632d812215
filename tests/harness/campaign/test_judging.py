"""The word of a campaign: by the table of codes, and never PASS for what nobody saw."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.campaign.judging import judge_campaign
from harness.campaign.model import RunRow
from harness.campaign.tally import Tally
from harness.experiment.model import Objective
from harness.verdict.model import Verdict
from tests.harness.campaign.rows_kit import episode, row

ABSORBED = episode(None, impact_ms=None, ended_by="absorbed")


def judged(
    found: Sequence[Sequence[RunRow]],
    *objectives: Objective,
    unequal: Sequence[str] = (),
    is_cut: bool = False,
    sham_only: bool = False,
) -> Verdict:
    tally = Tally()
    for runs in found:
        tally.add_pair(runs)
    doubts = [one for runs in found for one in runs if one.doubt()]
    return judge_campaign(
        tally, objectives, doubts=doubts, unequal=unequal, is_cut=is_cut, sham_only=sham_only
    )


def kills(count: int, recovered_ms: int | None = 4000, **changed: object) -> list[list[RunRow]]:
    return [[row(pair, "none", episode(recovered_ms, **changed))] for pair in range(count)]


def test_without_objectives_it_is_done_and_nothing_is_claimed():
    verdict = judged(kills(1))
    assert (verdict.word, verdict.exit_code, verdict.why) == ("DONE", 0, "done, nothing claimed")


def test_without_a_single_episode_nothing_was_measured():
    assert judged([]).exit_code == 4
    assert judged([[row(0)]]).why == "nothing was measured: no run holds an episode"
    assert judged(kills(2, void="cut short")).why.startswith("nothing was measured of process.kill scorer-a")


def test_sham_runs_alone_measure_something():
    quiet = row(0, "none", episode(None, impact_ms=None), sham=True)
    assert judged([[quiet]]).why == "done, nothing claimed"


def test_where_nothing_is_broken_claims_about_faults_are_not_asked_and_others_are():
    quiet = [[row(pair, "none", episode(None, impact_ms=None), sham=True)] for pair in range(40)]
    recovery = Objective(fault="process.kill", served_within_s=5)
    alone = judged(quiet, recovery, sham_only=True)
    assert (alone.word, alone.claims) == ("DONE", ())
    assert "claims about faults were not asked" in alone.why
    both = judged(quiet, Objective(served_within_s=5, exactly_once=True), recovery, sham_only=True)
    assert both.word == "PASS"
    (claim,) = both.claims
    assert claim.text == "arm none, fast: every accepted transaction ends exactly once"
    assert both.why.endswith("claims about faults were not asked")
    asked = judged(quiet, Objective(exactly_once=True), sham_only=True)
    assert "not asked" not in asked.why
    assert judged(quiet, recovery).word == "VOID"


def test_a_void_run_is_named_and_nothing_of_the_campaign_may_be_judged():
    found = [*kills(40), [row(40, "none", why="its baseline was not met")]]
    verdict = judged(found, Objective(served_within_s=9))
    assert verdict.exit_code == 4
    assert verdict.why == (
        "1 of 41 runs cannot be trusted: pair 40, arm none, fast, fault: its baseline was not met"
    )


def test_another_world_of_the_same_seed_makes_it_void_and_is_named():
    verdict = judged(kills(40), unequal=["pair 3, arm none, fast, fault (digest a, not b)"])
    assert verdict.exit_code == 4
    assert "pair 3, arm none, fast, fault (digest a, not b)" in verdict.why


def test_unsafe_wins_over_everything():
    found = [*kills(3), [row(3, why="not clean", unsafe=True)], [row(4, why="its baseline was not met")]]
    verdict = judged(found, unequal=["pair 0"])
    assert verdict.exit_code == 6
    assert "pair 3, arm none" in verdict.why


def test_outages_where_nothing_was_done_are_a_doubt_about_the_instrument():
    shams = [[row(pair, "none", episode(), sham=True)] for pair in range(5)]
    assert judged([*kills(40), *shams]).exit_code == 4
    quiet = [[row(pair, "none", ABSORBED, sham=True)] for pair in range(5)]
    assert judged([*kills(40), *quiet]).exit_code == 0


@pytest.mark.parametrize(
    ("count", "recovered_ms", "word"),
    [
        (29, 4000, "PASS"),
        (28, 4000, "INCONCLUSIVE"),
        (29, 6000, "FAIL"),
        (1, 6000, "INCONCLUSIVE"),
        (29, None, "FAIL"),
    ],
)
def test_recovery_is_judged_by_exact_intervals(count: int, recovered_ms: int | None, word: str):
    verdict = judged(kills(count, recovered_ms), Objective(served_within_s=5))
    assert [claim.word for claim in verdict.claims] == [word]
    assert verdict.word == word


@pytest.mark.parametrize("recovered_ms", [4000, 6000])
def test_where_a_baseline_ended_it_no_interval_of_a_fixed_number_is_judged(recovered_ms: int):
    verdict = judged(kills(60, recovered_ms), Objective(served_within_s=5), is_cut=True)
    assert (verdict.word, verdict.claims[0].more) == ("INCONCLUSIVE", None)
    assert "what was seen chose how many pairs" in verdict.why


def test_where_a_baseline_ended_it_a_record_that_is_gone_still_fails():
    found = [[row(pair, "none", ABSORBED, exactly_once=pair != 3)] for pair in range(29)]
    assert judged(found, Objective(exactly_once=True), is_cut=True).word == "FAIL"


def test_who_is_in_the_bucket_of_the_limit_proves_nothing_either_way():
    """5,000 ms lie in a bucket with 5,040 ms: counts do not tell which."""
    (claim,) = judged(kills(500, 5000), Objective(served_within_s=5.01)).claims
    assert claim.word == "INCONCLUSIVE"
    assert "within a bucket" in claim.evidence
    assert judged(kills(500, 5000), Objective(served_within_s=5.1)).word == "PASS"
    assert judged(kills(500, 5000), Objective(served_within_s=4.9)).word == "FAIL"


def test_what_was_absorbed_was_in_time_and_what_nothing_met_is_not_counted():
    found = [[row(pair, "none", ABSORBED)] for pair in range(29)]
    assert judged(found, Objective(served_within_s=5)).word == "PASS"
    idle = episode(None, impact_ms=None, ended_by="not exercised")
    claim, _ = judged([[row(pair, "none", idle)] for pair in range(29)], Objective(served_within_s=5)).claims
    assert (claim.word, claim.evidence) == ("VOID", "no episode was measured")


def test_void_episodes_count_as_failed_for_a_pass():
    found = [*kills(29), *[[row(29 + n, "none", episode(void="cut short"))] for n in range(3)]]
    assert judged(found, Objective(served_within_s=5)).word == "INCONCLUSIVE"


def test_a_limit_behind_the_horizon_is_void():
    (claim,) = judged(kills(40), Objective(served_within_s=11)).claims
    assert (claim.word, claim.evidence) == ("VOID", "the horizon ends after 10.0 s")


@pytest.mark.parametrize(
    "objective",
    [
        Objective(served_within_s=5, level="full"),
        Objective(served_within_s=5, while_hurt=True),
        Objective(fault="process.kill", harm_left_ratio=0.25),
    ],
)
def test_what_a_tally_does_not_hold_is_inconclusive_and_says_who_judges_it(objective: Objective):
    verdict = judged(kills(100), objective)
    assert verdict.exit_code == 3
    assert "hormesis run --target simulation" in verdict.claims[0].evidence


@pytest.mark.parametrize(
    "objective",
    [
        Objective(fault="process.hang", served_within_s=5),
        Objective(arm="oracle", exactly_once=True),
        Objective(no_acts=True),
        Objective(fault="process.hang", harm_left_ratio=0.5),
    ],
)
def test_a_claim_that_meets_no_data_is_void(objective: Objective):
    verdict = judged(kills(40), objective)
    assert verdict.exit_code == 4
    assert verdict.claims[0].evidence == "nothing that was measured matches it"


@pytest.mark.parametrize(("once", "word"), [(True, "PASS"), (False, "FAIL"), (None, "VOID")])
def test_exactly_once_needs_every_run_and_one_is_evidence_against_it(once: bool | None, word: str):
    found = [*kills(3), [row(3, "none", episode(), exactly_once=once)]]
    assert judged(found, Objective(exactly_once=True)).word == word


@pytest.mark.parametrize(
    ("acts", "sees_acts", "word"),
    [(0, True, "PASS"), (1, True, "FAIL"), (1, False, "FAIL"), (0, False, "VOID")],
)
def test_no_act_seen_is_no_act_done_only_where_each_would_be_seen(acts: int, sees_acts: bool, word: str):
    found = [*kills(3), [row(3, sham=True, acts=acts, sees_acts=sees_acts)]]
    assert judged(found, Objective(no_acts=True)).word == word


@pytest.mark.parametrize(
    ("shams", "good", "word"),
    [(5, 1000, "PASS"), (4, 1000, "INCONCLUSIVE"), (5, 900, "FAIL"), (0, 1000, "VOID")],
)
def test_availability_is_judged_over_sham_runs_alone(shams: int, good: int, word: str):
    told = {"good": good, "available_ppm": 1000 * good}
    found = [*kills(10), *[[row(pair, sham=True, **told)] for pair in range(shams)]]
    assert judged(found, Objective(availability_ratio=0.99)).word == word


def test_the_worst_claim_decides_and_void_is_worse_than_fail():
    verdict = judged(kills(29), Objective(served_within_s=5), Objective(served_within_s=1))
    assert (verdict.word, verdict.exit_code) == ("FAIL", 1)
    verdict = judged(kills(29), Objective(served_within_s=1), Objective(served_within_s=20))
    assert (verdict.word, verdict.exit_code) == ("VOID", 4)


def test_where_nothing_met_any_fault_of_a_class_what_holds_is_no_pass():
    idle = episode(None, impact_ms=None, ended_by="not exercised")
    once = Objective(exactly_once=True)
    verdict = judged([[row(pair, "none", idle)] for pair in range(29)], once)
    assert verdict.word == "VOID"
    assert "in none of 29 episodes" in verdict.claims[-1].evidence
    assert (
        judged([[row(pair, "none", idle if pair else ABSORBED)] for pair in range(29)], once).word == "PASS"
    )


@pytest.mark.parametrize(
    "claim",
    [
        Objective(served_within_s=9),
        Objective(served_within_s=4.0),
        Objective(served_within_s=99),
        Objective(served_within_s=9, level="full"),
        Objective(fault="process.kill", harm_left_ratio=0.5),
    ],
)
def test_a_claim_about_a_class_names_it(claim):
    assert {c.about for c in judged(kills(40), claim).claims} == {
        ("process.kill", "scorer-a", "none", "fast")
    }


def test_a_claim_about_an_arm_names_no_class():
    assert {c.about for c in judged(kills(3), Objective(exactly_once=True)).claims} == {None}
