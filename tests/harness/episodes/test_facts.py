"""One run's facts from synthetic histories with a known truth."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from harness.episodes.acts import effectful_acts, first_act
from harness.episodes.baseline import baseline_of
from harness.episodes.facts import facts
from harness.episodes.service import service_of
from harness.faults.effects import Cut, Effect, Kill, Mutate, Shift
from harness.history import events as ev
from harness.history.observations import BAD, DEGRADED, DTYPE, GOOD, LOAD, UNKNOWN
from tests.traps.histories import (
    CLOCK_ZERO_S,
    PROFILE,
    SERVICE,
    SETTLED,
    Outage,
    Story,
    act,
    history_of,
    killed,
    never_back,
    plan_of,
    rows_of,
)


def episode_of(story: Story):
    (episode,) = facts(history_of(story)).episodes
    return episode


def test_a_kill_that_the_platform_mends_has_all_its_marks() -> None:
    episode = episode_of(killed(0.8))
    assert episode.ended_by == "platform"
    assert (episode.acted_s, episode.act) == (pytest.approx(0.01), "started")
    assert (episode.cleared_s, episode.cleared_by) == (pytest.approx(0.8), "platform")
    assert episode.served.recovered_s == pytest.approx(0.8, abs=0.01)
    assert episode.served.lost_s == pytest.approx(0.8, abs=0.02)
    assert episode.effective_s == pytest.approx(2.3)


def test_an_outage_until_the_undo_is_censored() -> None:
    episode = episode_of(never_back())
    assert episode.ended_by == "undo"
    assert episode.served.recovered_s is None
    assert episode.served.lost_s == pytest.approx(PROFILE.tau_s)
    assert episode.acted_s is None


def test_a_fault_that_nobody_feels_is_absorbed() -> None:
    assert episode_of(Story()).ended_by == "absorbed"


def test_service_back_with_the_fault_still_there_is_healed() -> None:
    assert episode_of(Story(outages=(Outage(0.0, 1.0),))).ended_by == "healed"


def test_a_fault_that_ends_itself_is_not_called_healed() -> None:
    gone = ev.Cleared(episode=0, at_s=CLOCK_ZERO_S + 2.3 + 1.0, by="itself")
    assert (
        episode_of(Story(outages=(Outage(0.0, 1.0),), events=lambda told: [*told, gone])).ended_by == "itself"
    )


def test_degraded_answers_are_served_and_not_full() -> None:
    episode = episode_of(Story(outages=(Outage(0.0, 1.0, outcome=DEGRADED),)))
    assert episode.served.impact_s is None
    assert episode.full.recovered_s == pytest.approx(1.0, abs=0.01)
    assert episode.full.lost_s == pytest.approx(1.0, abs=0.02)
    assert episode.ended_by == "absorbed"


def test_unknown_outcomes_are_bad_service() -> None:
    known = episode_of(killed(0.8))
    unknown = episode_of(with_outcome(killed(0.8), UNKNOWN))
    assert unknown.served == known.served


def with_outcome(story: Story, outcome: int) -> Story:
    (outage,) = story.outages
    return killed(0.8, outages=(Outage(outage.from_s, outage.to_s, outcome=outcome),))


def test_a_sham_run_is_analysed_like_a_fault_and_its_alarm_is_seen() -> None:
    quiet, alarm = episode_of(Story(sham=True)), episode_of(Story(sham=True, outages=(Outage(1.0, 1.5),)))
    assert (quiet.served.impact_s, quiet.ended_by) == (None, "absorbed")
    assert alarm.served.impact_s == pytest.approx(1.0, abs=0.01)
    assert alarm.ended_by == "itself"


def test_load_rows_change_no_figure() -> None:
    def with_load(rows):
        load = rows[:300].copy()
        load["stream"], load["outcome"] = LOAD, BAD
        return np.concatenate([rows, load])

    assert facts(history_of(killed(rows=with_load))) == facts(history_of(killed()))


def test_the_order_of_rows_changes_no_figure() -> None:
    shuffled = killed(rows=lambda rows: np.random.default_rng(1).permutation(rows))
    assert facts(history_of(shuffled)) == facts(history_of(killed()))


def test_the_better_of_two_attempts_at_a_unit_counts() -> None:
    rows = np.zeros(3, dtype=DTYPE)
    rows["unit"], rows["due"], rows["weight"] = [4, 4, 5], [1.0, 1.0, 2.0], 1
    rows["outcome"] = [BAD, GOOD, 77]
    service = service_of(rows)
    assert service.unit.tolist() == [4, 5]
    assert service.served.tolist() == [True, False]  # an outcome that nobody knows is not good


def test_rows_without_a_due_instant_are_no_observation() -> None:
    rows = np.zeros(2, dtype=DTYPE)
    rows["unit"], rows["due"], rows["weight"] = [0, 1], [np.nan, 1.0], 1
    assert service_of(rows).unit.tolist() == [1]


def test_a_missing_unit_makes_the_run_void() -> None:
    run = facts(history_of(killed(rows=lambda rows: np.delete(rows, 100))))
    assert run.void == "1 units were due and have no row"


@pytest.mark.parametrize(
    ("told", "failed", "void"),
    [
        (0, 40, "the system took 0 of 500 labels that were due; 40 posts failed"),
        (400, 40, ""),  # some were on their way when a fault held them up
        (0, 0, ""),  # an arm in which nobody listens
    ],
)
def test_a_system_that_takes_no_labels_makes_the_run_void(told: int, failed: int, void: str) -> None:
    labels = ev.LabelsTold(due=500, told=told, failed=failed)
    story = killed(0.8, events=lambda events: [*events[:-1], labels, *events[-1:]])
    assert facts(history_of(story)).void == void


def test_two_faults_of_one_run_are_two_episodes_on_one_baseline() -> None:
    run = facts(history_of(Story(outages=(Outage(0.0, 0.5),), episodes=2)))
    assert [e.index for e in run.episodes] == [0, 1]
    assert all(e.void == "" for e in run.episodes)
    assert all(e.served.recovered_s == pytest.approx(0.5, abs=0.01) for e in run.episodes)


def test_the_runs_own_figures_are_those_of_its_rows() -> None:
    story = killed(0.8)
    run, rows = facts(history_of(story)), rows_of(story)
    good = int((rows["outcome"] == GOOD).sum())
    assert (run.units, run.good_units) == (len(rows), good)
    assert run.availability_ratio == pytest.approx(good / len(rows), abs=1e-6)
    assert run.send_lag_p99_ms == pytest.approx(1.0)
    assert run.exactly_once is True
    assert run.complete
    assert run.windows - run.windows_met in (2, 3)  # 0.8 s touch two or three windows of 0.5 s


def test_a_whole_run_without_an_audit_claims_nothing_about_it() -> None:
    run = facts(history_of(killed(audit=None)))
    assert (run.exactly_once, run.audit_observable, run.audit_text) == (
        None,
        False,
        "no audit in the history",
    )


@pytest.mark.parametrize("wrong", ["missing", "doubled", "foreign", "changed"])
def test_each_way_of_losing_a_transaction_breaks_exactly_once(wrong: str) -> None:
    run = facts(history_of(killed(audit=msgspec.structs.replace(SETTLED, **{wrong: 2}))))
    assert run.exactly_once is False
    assert f"2 {wrong}" in run.audit_text


def test_the_quality_line_shows_the_outage_and_what_was_before() -> None:
    episode = episode_of(killed(0.8))
    at = lambda s: episode.quality[round((s - episode.quality_from_s) / episode.quality_bin_s)]  # noqa: E731
    assert (at(-0.3), at(0.2), at(2.0)) == (1.0, 0.0, 1.0)
    assert episode.quality_from_s == pytest.approx(-0.5)


def test_the_baseline_is_what_lies_a_deadline_before_the_fault() -> None:
    story = killed(baseline_share=0.01)
    until_s = CLOCK_ZERO_S + plan_of(story).episodes[0].inject_at_s - 0.002 - PROFILE.deadline_s
    baseline = baseline_of(rows_of(story), until_s=until_s, profile=PROFILE)
    run = facts(history_of(story))
    assert (run.baseline_units, run.baseline_bad) == (baseline.units, baseline.bad)
    assert baseline.why == ""


def test_a_baseline_worse_than_the_objective_is_not_met() -> None:
    story = killed(baseline_share=0.03)
    assert facts(history_of(story)).void == ""
    assert "objective" in facts(history_of(story), bad_ratio_max=0.001).void


def test_too_few_units_are_no_baseline() -> None:
    rows = rows_of(killed())[:200]
    assert "only 200 units" in baseline_of(rows, until_s=1e9, profile=PROFILE).why
    assert "no units" in baseline_of(rows[:0], until_s=1e9, profile=PROFILE).why


def test_what_the_harness_asked_for_is_no_act_of_the_platform() -> None:
    ledger = [
        act("asked", 1.0, detail="start"),
        act("started", 1.1),
        act("asked", 2.0, detail="stop"),
        act("started", 3.0),
        act("asked", 4.0, service="other", detail="start"),
        act("started", 4.1),
        act("ready", 4.2),
        act("killed", 5.0),
    ]
    assert [(a.act, a.at_s) for a in effectful_acts(ledger, [], 0.0)] == [
        ("started", 3.0),
        ("started", 4.1),
        ("killed", 5.0),
    ]
    assert [a.at_s for a in effectful_acts(ledger, [], 3.5)] == [4.1, 5.0]


def test_a_start_that_was_asked_of_a_running_service_hides_no_later_act() -> None:
    asked = act("asked", 2.0, detail="start")
    ledger = [act("started", 1.0), asked, act("exited", 3.0), act("started", 3.1), act("exited", 4.0)]
    assert [a.at_s for a in effectful_acts(ledger, [], 2.0)] == [3.1]
    own = [act("asked", 5.0, detail="start"), act("started", 5.1)]
    assert [a.at_s for a in effectful_acts([*ledger, *own], [], 2.0)] == [3.1]


def test_an_act_on_another_service_does_not_answer_the_fault() -> None:
    acts = effectful_acts([act("started", 1.0, service="other"), act("started", 2.0)], [], 0.0)
    found = first_act(acts, Kill(service=SERVICE), 0.0, 10.0)
    assert found is not None
    assert (found.at_s, found.by) == (2.0, "platform")
    assert first_act(acts, Kill(service=SERVICE), 3.0, 10.0) is None
    assert first_act(acts, Cut(edge="gateway-features"), 0.0, 10.0) is None


def test_a_restart_that_a_healer_asked_for_is_the_healers_act() -> None:
    ledger = [act("started", 1.0), act("asked", 2.0, detail="restart by healer"), act("started", 2.1)]
    assert [(a.at_s, a.by) for a in effectful_acts(ledger, [], 0.0)] == [(1.0, "platform"), (2.1, "healer")]


def test_a_restart_by_a_healer_is_one_act_whether_or_not_its_start_comes() -> None:
    ended = [act("started", 1.0), act("asked", 2.0, detail="restart by healer"), act("exited", 2.1)]
    ours = [act("stopped", 2.1), act("asked", 9.0, detail="start"), act("started", 9.1)]
    for ledger in (ended, [*ended, act("started", 2.5)], [*ended, *ours]):
        acts = effectful_acts(ledger, [], 1.5)
        assert [(a.at_s, a.by) for a in acts] == [(2.1, "healer")]


def test_a_restart_by_a_healer_of_a_service_in_back_off_is_an_act_when_it_starts() -> None:
    """No process ends then: the ledger says that the service was stopped, and started."""
    ledger = [
        act("started", 1.0),
        act("exited", 1.5),
        act("backoff", 1.5),
        act("asked", 2.0, detail="restart by healer"),
        act("stopped", 2.1),
        act("started", 2.2),
    ]
    assert [(a.at_s, a.by) for a in effectful_acts(ledger, [], 1.8)] == [(2.2, "healer")]


def test_a_stop_that_a_healer_asked_for_is_an_act_and_one_of_the_harness_is_none() -> None:
    ledger = [
        act("started", 1.0),
        act("asked", 10.0, detail="stop by healer"),
        act("exited", 10.1),
        act("stopped", 10.2),
        act("asked", 11.0, service="other", detail="stop"),
    ]
    assert [(a.at_s, a.service, a.act, a.by) for a in effectful_acts(ledger, [], 3.0)] == [
        (10.0, SERVICE, "stopped", "healer")
    ]


@pytest.mark.parametrize("at_s", [12.5, 5012.6, 1.7e9, float("nan")])
def test_an_act_counts_by_our_clock_where_the_systems_own_cannot_be_right(at_s: float) -> None:
    foreign = msgspec.structs.replace(switch("reload_model", 0.0), at_s=at_s, received_s=5012.5)
    before = msgspec.structs.replace(foreign, received_s=4999.0)
    assert [a.at_s for a in effectful_acts([], [foreign, before], 5000.0)] == [5012.5]


def switch(name: str, at_s: float, *, effect: bool = True) -> ev.Acted:
    """One act of in-path healing, as an observer told it."""
    return ev.Acted(
        at_s=at_s, received_s=at_s + 0.1, observer="acts", service="gateway", act=name, effect=effect
    )


def test_a_switch_is_an_act_and_a_probe_of_it_is_none() -> None:
    seen = [switch("breaker_opened", 1.0), switch("breaker_half_open", 2.0, effect=False)]
    acts = effectful_acts([], seen, 0.0)
    assert [(a.act, a.by) for a in acts] == [("breaker_opened", "healer")]
    assert first_act(acts, Cut(edge="gateway-features"), 0.0, 3.0) == acts[0]


def timed(lasts_s: float = 3.0, *, down_s: float, arm: str = "none", **changes) -> Story:
    """A cut edge that ends by itself after ``lasts_s``, felt for ``down_s``."""
    effect = Cut(edge="gateway-features", duration_s=lasts_s)
    return Story(outages=(Outage(0.0, down_s),), arm=arm, effect=effect, gone_after_s=lasts_s, **changes)


def test_what_comes_back_when_a_timed_fault_ends_is_not_healed() -> None:
    (one,) = facts(history_of(timed(down_s=3.05))).episodes
    assert (one.ended_by, one.mitigated, one.horizon_s) == ("itself", False, PROFILE.tau_s + 3.0)
    assert one.service == "gateway-features 100 %"


def test_what_is_back_while_a_timed_fault_lasts_is_healed() -> None:
    (one,) = facts(history_of(timed(down_s=1.0, arm="reference"))).episodes
    assert (one.ended_by, one.mitigated, one.full_mitigated) == ("healed", True, True)


def test_what_is_lost_again_while_a_timed_fault_lasts_was_not_back_while_it_lasted() -> None:
    story = replace(timed(5.0, down_s=0.5, arm="reference"), outages=(Outage(0.0, 0.5), Outage(3.0, 4.5)))
    (one,) = facts(history_of(story)).episodes
    assert (one.served.recovered_s, one.mitigated) == (pytest.approx(0.5, abs=0.05), False)
    after = replace(story, outages=(Outage(0.0, 0.5), Outage(6.0, 6.5)))
    (one,) = facts(history_of(after)).episodes
    assert (one.served.flaps, one.mitigated) == (1, True)


def test_back_within_the_last_window_of_a_timed_fault_is_its_own_end() -> None:
    (one,) = facts(history_of(timed(down_s=2.8, arm="reference"))).episodes
    assert (one.ended_by, one.mitigated) == ("itself", False)


def test_an_outage_that_outlasts_a_timed_fault_may_end_until_tau_after_it() -> None:
    (one,) = facts(history_of(timed(down_s=3.0 + PROFILE.tau_s - 1.0))).episodes
    assert one.served.recovered_s == pytest.approx(3.0 + PROFILE.tau_s - 1.0, abs=0.1)
    assert (one.ended_by, one.mitigated) == ("itself", False)


def test_degraded_service_is_back_as_served_and_not_as_full() -> None:
    story = replace(timed(down_s=0.5, arm="reference"), outages=(Outage(0.0, 3.05, outcome=DEGRADED),))
    (one,) = facts(history_of(story)).episodes
    assert (one.served.impact_s, one.mitigated) == (None, None)
    assert (one.full.impact_s is None, one.full_mitigated) == (False, False)
    assert set(one.quality) == {1.0}
    assert min(share for share in one.full_quality if share is not None) == 0.0


@pytest.mark.parametrize(
    "effect",
    [
        Mutate(mutation="rename", field="amount", duration_s=3.0),
        Shift(knob="pattern_risk", value=0.7, duration_s=3.0),
    ],
)
def test_a_fault_in_the_records_or_of_the_world_that_touched_none_is_void(effect: Effect) -> None:
    none = ev.Touched(episode=0, touched=0, quarantined=0, delivered=0, lost=0, refused=0, collateral=0)
    story = Story(effect=effect, gone_after_s=3.0, events=lambda told: [*told, none])
    assert "no record was changed" in facts(history_of(story)).void
    some = msgspec.structs.replace(none, touched=40, quarantined=40)
    run = facts(history_of(replace(story, events=lambda told: [*told, some])))
    assert run.void == ""
    assert "40 touched" in run.audit_text
    assert "40 quarantined" in run.audit_text


def test_records_that_were_withheld_are_told_apart_from_refused_ones() -> None:
    effect = Mutate(mutation="truncate", share_ratio=0.5, duration_s=3.0)
    plain = ev.Touched(episode=0, touched=40, quarantined=0, delivered=40, lost=0, refused=0, collateral=0)
    withheld = msgspec.structs.replace(plain, delivered=0, not_sent=40)
    for touched, words in (
        (plain, "0 lost, 0 refused, 0 untouched in dead letters"),
        (withheld, "0 lost, 0 refused, 40 not sent, 0 untouched in dead letters"),
    ):
        story = Story(effect=effect, gone_after_s=3.0, events=lambda told, last=touched: [*told, last])
        assert facts(history_of(story)).audit_text.endswith(words)


def test_how_long_an_observer_was_blind_is_told() -> None:
    blind = ev.Blind(observer="acts", since_s=1.0, until_s=3.5, why="timed out")
    run = facts(history_of(killed(events=lambda told: [*told, blind])))
    assert run.blind_s == 2.5


def looked(observer: str, looks: int = 40, *, listed: bool = True) -> ev.Looked:
    return ev.Looked(observer=observer, looks=looks, failures=3, listed=listed)


@pytest.mark.parametrize(
    ("arm", "looks", "observed"),
    [
        ("reference", [40, 1], True),
        ("reference", [40, 0], False),
        ("reference", [], False),
        ("seed", [0], False),
        ("seed", [1], True),
        ("none", [], True),
        ("bare", [0, 40], True),
    ],
)
def test_a_run_is_observed_where_each_place_was_seen_or_no_healer_runs(
    arm: str, looks: list[int], observed: bool
) -> None:
    told_last = [looked(f"gateway:/{i}", n) for i, n in enumerate(looks)]
    run = facts(history_of(Story(arm=arm, sham=True, events=lambda told: [*told, *told_last])))
    assert (run.void, run.observed) == ("", observed)


def test_without_a_line_of_the_ledger_nothing_was_observed() -> None:
    def mute(told):
        return [event for event in told if not isinstance(event, ev.Platform)]

    assert facts(history_of(Story(sham=True, events=mute))).observed is False


def test_blindness_to_what_is_not_listed_is_told_apart() -> None:
    places = [looked("gateway:/acts"), looked("registry:/aliases/champion", listed=False)]
    gaps = [
        ev.Blind(observer=place.observer, since_s=1.0, until_s=1.0 + s, why="timed out")
        for place, s in zip(places, (2.0, 0.5), strict=True)
    ]
    run = facts(history_of(killed(events=lambda told: [*told, *gaps, *places])))
    assert (run.blind_s, run.unlisted_blind_s) == (2.5, 0.5)


def test_an_empty_history_gives_facts_that_are_void_and_no_error() -> None:
    history = history_of(
        killed(rows=lambda rows: rows[:0], events=lambda told: []), cut="history.jsonl is empty"
    )
    run = facts(history)
    assert run.void.startswith("history cut")
    assert (run.episodes, run.availability_ratio, run.complete) == ((), None, False)


def test_a_platform_that_looks_once_a_second_is_still_the_cause_of_what_it_restarted() -> None:
    story = killed(0.2, restarted_after_s=1.0)
    episode = episode_of(story)
    assert episode.served.recovered_s == pytest.approx(0.2, abs=0.01)
    assert (episode.cleared_s, episode.ended_by) == (pytest.approx(1.0), "platform")
