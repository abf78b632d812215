"""Rows of a campaign as a gate weighs them: one arm, the slowest of a class, void where nothing is known."""

from __future__ import annotations

from harness.campaign.outcomes import outcomes
from harness.episodes.model import NOT_EXERCISED
from harness.verdict.outcomes import Recovery, RunOutcome
from tests.harness.campaign.rows_kit import episode, row

LABEL = "process.kill scorer-a, fast"


def only(*rows: object) -> RunOutcome:
    """The one outcome in arm reference."""
    (found,) = outcomes("weekly", "reference", rows)
    return found


def test_one_run_of_the_arm_is_one_outcome_and_shams_and_other_arms_are_none() -> None:
    rows = [
        row(0, "none", episode(9000)),
        row(0, "reference", episode(4000)),
        row(0, "reference", sham=True),
    ]
    found = only(*rows)
    assert found.recoveries == (Recovery(label=LABEL, time_s=4.0),)
    assert "weekly" in found.name


def test_what_nobody_noticed_took_no_time_and_what_never_came_back_has_none() -> None:
    assert only(row(0, "reference", episode(None, impact_ms=None))).recoveries[0].time_s == 0.0
    assert only(row(0, "reference", episode(None))).recoveries[0].time_s is None


def test_a_class_that_occurs_twice_counts_once_by_its_slowest() -> None:
    both = only(row(0, "reference", episode(4000), episode(6000, index=1)))
    assert [one.time_s for one in both.recoveries] == [6.0]
    lost = only(row(0, "reference", episode(4000), episode(None, index=1)))
    assert [one.time_s for one in lost.recoveries] == [None]


def test_a_fault_that_nothing_met_is_left_out() -> None:
    unmet = episode(None, impact_ms=None, ended_by=NOT_EXERCISED)
    assert only(row(0, "reference", unmet)).recoveries == ()
    assert [one.time_s for one in only(row(0, "reference", unmet, episode(5000, index=1))).recoveries] == [
        5.0
    ]


def test_a_run_of_which_nothing_is_known_has_every_fault_void() -> None:
    rows = [row(0, "reference", episode(4000)), row(1, "reference", why="it raised")]
    found = outcomes("weekly", "reference", rows)
    assert found[1].recoveries == (Recovery(label=LABEL, time_s=None, void=True),)


def test_harm_is_what_is_lost_beyond_the_twin_without_healing() -> None:
    def harmed(own_ms: int, twin_ms: int) -> bool | None:
        return only(
            row(0, "none", episode(lost_ms=twin_ms)), row(0, "reference", episode(lost_ms=own_ms))
        ).harmed

    assert harmed(3000, 1500) is True
    assert harmed(2000, 1500) is False
    assert only(row(0, "reference", episode())).harmed is None


def test_false_heals_are_counted_in_sham_and_fault_runs_where_acts_would_have_been_seen() -> None:
    hurt = row(0, "reference", episode(), false_heals=1, unbroken_ms=1_800_000)
    sham = row(0, "reference", sham=True, false_heals=2, unbroken_ms=3_600_000)
    found = only(hurt, sham)
    assert (found.false_heals, found.quiet_h) == (3, 1.5)
    half_blind = only(hurt, row(0, "reference", sham=True, sees_acts=False, false_heals=7))
    assert (half_blind.false_heals, half_blind.quiet_h) == (1, 0.5)
    blind = only(row(0, "reference", episode(), sees_acts=False))
    assert (blind.false_heals, blind.quiet_h) == (None, 0.0)


def test_a_loss_in_the_sham_run_is_a_loss_and_blindness_is_no_proof() -> None:
    hurt = row(0, "reference", episode())
    assert only(hurt, row(0, "reference", sham=True, exactly_once=False)).exactly_once is False
    assert only(hurt, row(0, "reference", sham=True, exactly_once=None)).exactly_once is None
    assert only(hurt).exactly_once is True


def test_a_state_that_is_not_clean_is_told_whichever_arm_left_it() -> None:
    rows = [row(0, "reference", episode()), row(0, "none", episode(), unsafe=True)]
    judged, unclean = outcomes("weekly", "reference", rows)
    assert (judged.unsafe, unclean.unsafe, unclean.recoveries) == (False, True, ())
    (sham_alone,) = outcomes("weekly", "reference", [row(1, "reference", sham=True, unsafe=True)])
    assert sham_alone.unsafe
    assert only(row(0, "reference", episode()), row(0, "reference", sham=True, unsafe=True)).unsafe


def test_no_harm_is_known_only_where_every_fault_has_its_twin() -> None:
    own = row(0, "reference", episode(lost_ms=1000), episode(index=1, lost_ms=9000))
    half = row(0, "none", episode(lost_ms=1000), episode(index=1, void="it stalled"))
    assert only(own, half).harmed is None
    worse = row(0, "none", episode(index=0, void="it stalled"), episode(index=1, lost_ms=1000))
    assert only(own, worse).harmed is True
