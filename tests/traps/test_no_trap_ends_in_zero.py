"""Every way in which other tools pass in silence, on histories with a known truth: the word of the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.history import events as ev
from harness.history.model import Campaign
from harness.history.observations import BAD, LOAD
from harness.report.compose import compose, compose_campaign
from tests.traps.histories import (
    CLOCK_ZERO_S,
    PROFILE,
    SETTLED,
    Outage,
    Story,
    campaign_file,
    campaign_of,
    history_of,
    killed,
    objective,
    plan_of,
    written,
)

EASY = objective(served_within_s=5.0, share_ratio=0.01)


def without(*kinds: type) -> dict[str, object]:
    return {"events": lambda told: [event for event in told if not isinstance(event, kinds)]}


def instead(kind: type, new: object) -> dict[str, object]:
    return {"events": lambda told: [new if isinstance(event, kind) else event for event in told]}


def also(*new: object) -> dict[str, object]:
    return {"events": lambda told: [*told, *new]}


RAISED = ev.ControlRaised(where="run", error="RuntimeError: boom")
NO_EFFECT = ev.WithoutEffect(episode=0, why="pid 41 still runs")
NOT_MET = ev.BaselineMeasured(units=400, bad=90, why="90 of 400 units bad")
FAULT_STEPS = (ev.Injected, ev.Cleared, ev.Undone, ev.Clean)
STALL = ev.Stalled(since_s=CLOCK_ZERO_S + 4.0, lasted_s=0.3)


def _bad_between(rows, from_s: float, to_s: float):
    offset_s = rows["due"] - CLOCK_ZERO_S
    rows["outcome"][(offset_s >= from_s) & (offset_s < to_s)] = BAD
    return rows


def _as_load(rows):
    rows["stream"] = LOAD
    return rows


def _sham_injected(event: ev.Injected) -> ev.Injected:
    return ev.Injected(
        episode=event.episode,
        effect=event.effect,
        sham=True,
        asked_at_s=event.asked_at_s,
        effective_at_s=event.effective_at_s,
        pid=0,
        proof=(),
    )


VOID = {
    "baseline not met, recorded": (
        "run raised RuntimeError: boom; baseline not met: 90 of 400",
        killed(events=lambda told: [*told[:4], NOT_MET, RAISED]),
    ),
    "baseline not met, only the rows say so": ("more than 5%", killed(baseline_share=0.2)),
    "baseline with a trend": ("a trend", killed(rows=lambda rows: _bad_between(rows, 1.2, 1.27))),
    "action raises": (
        "boom",
        killed(events=lambda told: [e for e in told if not isinstance(e, FAULT_STEPS)] + [RAISED]),
    ),
    "action raises after the fault was undone": ("boom", killed(**also(RAISED))),
    "fault without effect": (
        "fault without effect: pid 41 still runs",
        killed(events=lambda told: [e for e in told if not isinstance(e, FAULT_STEPS)] + [NO_EFFECT]),
    ),
    "fault never injected and nobody says why": ("never injected", killed(**without(*FAULT_STEPS))),
    "no rows": ("no units", killed(rows=lambda rows: rows[:0])),
    "load rows only": ("no units", killed(rows=_as_load)),
    "no first slot": ("never started", killed(**without(ev.FirstDue))),
    "rows end early": ("units end after", killed(rows=lambda rows: rows[: len(rows) * 3 // 4])),
    "a hole in the rows during the outage": (
        "150 units were due and have no row",
        killed(rows=lambda rows: np.delete(rows, range(470, 620))),
    ),
    "nothing was ever sent": ("sent nothing", killed(send_lag_s=float("nan"))),
    "witness slow all the time": ("send lag p99 80 ms", killed(send_lag_s=0.08)),
    "witness stalled inside an episode": ("stalled for 0.30 s", killed(**also(STALL))),
    "sham and fault mixed up": (
        "mixed up",
        killed(events=lambda told: [_sham_injected(e) if isinstance(e, ev.Injected) else e for e in told]),
    ),
    "the run says itself that it is void": ("ended void", killed(state="void")),
}


@pytest.mark.parametrize("objectives", [(), (EASY,)], ids=["nothing claimed", "a claim that is easy to meet"])
@pytest.mark.parametrize("trap", VOID)
def test_a_run_that_cannot_be_trusted_is_void_whatever_is_claimed(trap: str, objectives: tuple) -> None:
    reason, story = VOID[trap]
    verdict = compose_campaign(campaign_of(story, objectives=objectives)).verdict
    assert (verdict.word, verdict.exit_code) == ("VOID", 4), verdict.why
    assert "r0001" in verdict.why
    assert reason in verdict.why


def test_one_void_run_among_good_ones_makes_the_campaign_void() -> None:
    stories = [killed(pair=i, seed=i) for i in range(4)]
    stories[2] = replace(stories[2], send_lag_s=0.2)
    verdict = compose_campaign(campaign_of(*stories, objectives=(EASY,))).verdict
    assert (verdict.word, verdict.exit_code) == ("VOID", 4)
    assert "1 of 4" in verdict.why


def test_the_same_run_without_a_trap_is_done_and_claims_nothing() -> None:
    verdict = compose_campaign(campaign_of(killed())).verdict
    assert (verdict.word, verdict.exit_code) == ("DONE", 0)
    assert "nothing claimed" in verdict.why


def test_an_outage_that_is_over_before_the_last_look_is_still_an_outage() -> None:
    document = compose_campaign(campaign_of(killed(0.8)))
    (episode,) = document.runs[0].episodes
    assert episode.ended_by == "platform"
    assert episode.served.impact_s == pytest.approx(0, abs=0.011)
    assert episode.served.recovered_s == pytest.approx(0.8, abs=0.011)
    assert document.estimates.classes[0].impact.k == 1


@pytest.mark.parametrize(("pairs", "word", "code"), [(1, "INCONCLUSIVE", 3), (2, "FAIL", 1)])
def test_a_claim_that_an_outage_broke_is_not_met_by_service_at_the_end(
    pairs: int, word: str, code: int
) -> None:
    claims = (objective(served_within_s=0.5), objective(availability_ratio=0.9))
    stories = [
        told for pair in range(pairs) for told in (killed(0.8, pair=pair), Story(sham=True, pair=pair))
    ]
    verdict = compose_campaign(campaign_of(*stories, objectives=claims)).verdict
    assert (verdict.word, verdict.exit_code) == (word, code), verdict.why
    assert f"0 of {pairs}" in verdict.claims[0].evidence


def test_an_undo_that_raises_is_unsafe_and_wins_over_void() -> None:
    """SR-5: no proof that it is clean."""
    dirty = ev.NotClean(episode=0, why="OSError: no such process")
    trap = killed(**instead(ev.Clean, dirty), rows=lambda rows: rows[:0])
    verdict = compose_campaign(campaign_of(trap, objectives=(EASY,))).verdict
    assert (verdict.word, verdict.exit_code) == ("UNSAFE", 6)
    assert "no such process" in verdict.why


@pytest.mark.parametrize("missing", [ev.Clean, ev.Undone])
def test_a_fault_without_proof_that_it_is_gone_is_unsafe(missing: type) -> None:
    verdict = compose_campaign(campaign_of(killed(**without(missing)))).verdict
    assert (verdict.word, verdict.exit_code) == ("UNSAFE", 6)


def test_a_run_cut_after_the_injection_is_void_and_never_counted() -> None:
    cut = history_of(killed(), cut="ends after event 6")
    document = compose_campaign(Campaign(campaign_file(1, (EASY,)), (cut,)))
    assert (document.verdict.word, document.verdict.exit_code) == ("VOID", 4)
    assert all(c.n == 0 for c in document.estimates.classes)


def test_a_campaign_without_a_run_is_void() -> None:
    for planned in (0, 3):
        verdict = compose_campaign(campaign_of(objectives=(EASY,), planned=planned)).verdict
        assert (verdict.word, verdict.exit_code) == ("VOID", 4)


def test_a_campaign_that_lost_a_run_is_void() -> None:
    verdict = compose_campaign(campaign_of(killed(), objectives=(EASY,), planned=2)).verdict
    assert (verdict.word, verdict.exit_code) == ("VOID", 4)
    assert "2 were planned" in verdict.why


def test_sham_runs_alone_measure_nothing() -> None:
    verdict = compose_campaign(campaign_of(Story(sham=True), objectives=(EASY,))).verdict
    assert (verdict.word, verdict.exit_code) == ("VOID", 4)


def test_a_plan_without_a_fault_measures_nothing() -> None:
    verdict = compose_campaign(campaign_of(Story(episodes=0), objectives=(EASY,))).verdict
    assert (verdict.word, verdict.exit_code) == ("VOID", 4)


@pytest.mark.parametrize(
    "claims",
    [
        {"fault": "process.hang", "served_within_s": 5.0, "share_ratio": 0.01},
        {"arm": "bare", "served_within_s": 5.0, "share_ratio": 0.01},
        {"availability_ratio": 0.5},
        {"served_within_s": 1e6, "share_ratio": 0.01},
        {"share_ratio": 0.0},
    ],
    ids=["another fault", "another arm", "availability without a sham", "beyond the horizon", "nothing"],
)
def test_a_claim_about_what_was_not_measured_is_void(claims: dict) -> None:
    verdict = compose_campaign(campaign_of(killed(), objectives=(objective(**claims),))).verdict
    assert (verdict.word, verdict.exit_code) == ("VOID", 4)


@pytest.mark.parametrize("claimed", ["process.hang", "process.kill"])
def test_a_part_of_an_objective_that_meets_no_data_is_not_hidden_by_the_other_part(claimed: str) -> None:
    both = objective(fault=claimed, served_within_s=5.0, share_ratio=0.01, exactly_once=True)
    verdict = compose_campaign(campaign_of(killed(), objectives=(both,))).verdict
    assert verdict.word == ("PASS" if claimed == "process.kill" else "VOID")


def test_an_observer_that_was_blind_proves_no_absence_of_acts() -> None:
    quiet, away = (
        objective(no_acts=True),
        ev.Blind(
            observer="gateway:/acts", since_s=CLOCK_ZERO_S, until_s=CLOCK_ZERO_S + 9.0, why="status 500"
        ),
    )
    for gap, word in ((), "PASS"), ((away,), "VOID"):
        sham = Story(sham=True, **also(*gap))
        verdict = compose_campaign(campaign_of(killed(), sham, objectives=(quiet,))).verdict
        assert verdict.word == word, verdict.why


def test_a_healer_that_nobody_looked_at_proves_no_absence_of_acts() -> None:
    quiet = objective(no_acts=True)
    seen = ev.Looked(observer="gateway:/acts", looks=9, failures=0, listed=True)
    for places, word in ((), "VOID"), ((msgspec.structs.replace(seen, looks=0),), "VOID"), ((seen,), "PASS"):
        sham = Story(arm="reference", sham=True, **also(*places))
        verdict = compose_campaign(campaign_of(killed(), sham, objectives=(quiet,))).verdict
        assert verdict.word == word, verdict.why


def test_an_act_that_no_journal_tells_of_is_judged_and_a_place_that_was_not_seen_proves_nothing() -> None:
    quiet = objective(no_acts=True)
    looked = ev.Looked(observer="file champion", looks=9, failures=0, listed=False)
    act = ev.Acted(
        at_s=CLOCK_ZERO_S + 1.0,
        received_s=CLOCK_ZERO_S + 1.0,
        observer="file champion",
        service="server",
        act="changed",
        detail="1a -> 2b",
    )
    unseen = msgspec.structs.replace(looked, looks=0, failures=9)
    for told, word in ((looked,), "PASS"), ((looked, act), "FAIL"), ((unseen,), "VOID"):
        sham = Story(sham=True, **also(*told))
        document = compose_campaign(campaign_of(killed(), sham, objectives=(quiet,)))
        assert document.verdict.word == word, document.verdict.why
        (run,) = (run for run in document.runs if run.sham)
        assert [(one.service, one.by) for one in run.false_heals] == [("server", "healer")] * (act in told)


def test_an_audit_that_sees_nothing_proves_nothing() -> None:
    once = objective(exactly_once=True)
    blind = ev.Audited(**{**_fields(SETTLED), "observable": False})
    empty = ev.Audited(**{**_fields(SETTLED), "accepted": 0, "delivered_once": 0})
    for audit in (blind, empty, None):
        verdict = compose_campaign(campaign_of(killed(audit=audit), objectives=(once,))).verdict
        assert (verdict.word, verdict.exit_code) == ("VOID", 4)


@pytest.mark.parametrize("wrong", ["missing", "doubled", "foreign", "changed"])
def test_one_lost_or_doubled_transaction_in_one_run_is_a_failure(wrong: str) -> None:
    once = objective(exactly_once=True)
    bad = ev.Audited(**{**_fields(SETTLED), wrong: 1})
    verdict = compose_campaign(
        campaign_of(killed(), killed(pair=1, audit=bad), objectives=(once, EASY))
    ).verdict
    assert (verdict.word, verdict.exit_code) == ("FAIL", 1)
    assert compose_campaign(campaign_of(killed(), objectives=(once,))).verdict.word == "PASS"


def _fields(audited: ev.Audited) -> dict[str, object]:
    return {name: getattr(audited, name) for name in audited.__struct_fields__}


def test_too_few_runs_are_inconclusive_and_say_how_many_are_needed() -> None:
    claim = objective(served_within_s=2.0)
    verdict = compose_campaign(campaign_of(killed(), killed(pair=1), objectives=(claim,))).verdict
    assert (verdict.word, verdict.exit_code) == ("INCONCLUSIVE", 3)
    assert "needs 2 / 29" in verdict.why


def test_a_service_that_is_not_back_before_the_next_fault_voids_that_episode_alone() -> None:
    trap = Story(outages=(Outage(0.0, 1.0),), episodes=2, rows=_down_before_second)
    document = compose_campaign(campaign_of(trap))
    first, second = document.runs[0].episodes
    assert (first.void, document.runs[0].void) == ("", "")
    assert "not back" in second.void
    assert document.estimates.classes[0].n == document.estimates.classes[0].void == 1


def _down_before_second(rows):
    second_s = plan_of(Story(episodes=2)).episodes[1].inject_at_s
    return _bad_between(rows, second_s - 1.0, second_s)


@pytest.fixture(scope="module")
def good_campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("store"), killed(), objectives=(EASY,))


def test_the_written_campaign_passes_as_long_as_it_is_whole(good_campaign: Path) -> None:
    assert compose(good_campaign).verdict.word == "PASS"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_run_cut_at_any_byte_is_void(good_campaign: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["history.jsonl", "observations.bin"]))
    (run,) = (good_campaign / "runs").iterdir()
    whole = (run / name).read_bytes()
    keep = data.draw(st.integers(0, len(whole) - 1))
    (run / name).write_bytes(whole[:keep])
    try:
        document = compose(good_campaign)
    finally:
        (run / name).write_bytes(whole)
    assert (document.verdict.word, document.verdict.exit_code) == ("VOID", 4)
    assert document.runs[0].void
    assert PROFILE.name == document.inputs.profile.name
