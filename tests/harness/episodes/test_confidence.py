"""A monitor of confidence seen from outside: known answers, what it is blind to, when it has no data."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from harness.episodes.confidence import ANSWERS_MIN, FALL_RATIO, WINDOW, confidence_of
from harness.episodes.facts import facts
from harness.history.events import Event, Injected, Versions
from harness.history.observations import BAD, DTYPE, LOAD, Rows
from tests.traps.histories import CLOCK_ZERO_S, PROFILE, Story, history_of, killed, plan_of

FIRST_S, END_S = 100.0, 200.0


def answers(scores: np.ndarray, from_s: float, until_s: float, version: int = 0) -> Rows:
    """Answers with these scores by this version, evenly over the time."""
    rows = np.zeros(len(scores), dtype=DTYPE)
    rows["ended"] = np.linspace(from_s, until_s, len(scores), endpoint=False)
    rows["probability"] = scores
    rows["version"] = version
    return rows


def judged(before: np.ndarray, during: np.ndarray, *more: Rows, gone_s: float = END_S):
    rows = np.concatenate([answers(before, 50.0, FIRST_S), answers(during, FIRST_S, END_S), *more])
    return confidence_of(rows, first_s=FIRST_S, inject_s=FIRST_S, gone_s=gone_s, end_s=END_S)


NAMES = ("1.0.0+a", "0.900.1+c")


def judged_of(version: str, *during: Rows, gone_s: float = 150.0):
    """Where the fault set ``version``; the first of ``NAMES`` answered before it."""
    rows = np.concatenate([answers(BEFORE, 50.0, FIRST_S, 1), *during])
    span = {"first_s": FIRST_S, "inject_s": FIRST_S, "gone_s": gone_s, "end_s": END_S}
    return confidence_of(rows, **span, sets=version, names=NAMES)


BEFORE = np.full(WINDOW, 0.1)


def test_it_is_the_mean_of_the_surer_side_over_the_last_thousand_answers() -> None:
    """As written (M-34): 1,000 requests, 5 % less."""
    assert (WINDOW, FALL_RATIO) == (1000, 0.05)
    before = np.concatenate([np.full(500, 0.5), np.full(500, 0.1), np.full(500, 0.8)])
    found = judged(before, np.tile([0.2, 0.9], 1000))
    assert found is not None
    assert (found.reference, found.lowest) == (0.85, pytest.approx(0.825, abs=1e-4))
    assert (found.there, found.answers, found.fires) == (pytest.approx(0.85), 2000, False)


@pytest.mark.parametrize(("score", "fires"), [(0.144, False), (0.146, True), (0.856, False), (0.5, True)])
def test_it_fires_once_the_mean_is_more_than_five_percent_below_its_reference(
    score: float, fires: bool
) -> None:
    """0.9 before, so that 0.855 is the limit."""
    found = judged(BEFORE, np.full(2000, score))
    assert found is not None
    assert found.reference == pytest.approx(0.9)
    assert found.lowest == pytest.approx(max(score, 1 - score), abs=1e-6)
    assert found.fires is fires


def test_scores_that_are_turned_round_leave_it_quiet() -> None:
    """What it is blind to: of max(p, 1 - p) nothing changes, and of the decisions all."""
    dice = np.random.default_rng(1)
    honest = dice.beta(0.2, 8.0, 4000)
    found = judged(honest[:2000], 1.0 - honest[2000:])
    assert found is not None
    assert not found.fires
    assert found.lowest > (1.0 - FALL_RATIO) * found.reference


def test_a_short_dip_is_thinned_by_what_came_before_it_and_shows_while_the_fault_is_there() -> None:
    during = np.where(np.arange(2000) < 50, 0.5, 0.1)
    found = judged(BEFORE, during, gone_s=FIRST_S + 2.5)
    assert found is not None
    assert (found.fires, found.answers, found.there) == (False, 50, 0.5)
    assert found.lowest == pytest.approx(0.88)


def test_all_answers_count_whoever_asked_and_however_they_were_judged() -> None:
    """A monitor knows of no streams and of no golden rows; what has no score it does not see."""
    load = answers(np.full(3000, 0.5), FIRST_S, END_S)
    load["stream"], load["outcome"] = LOAD, BAD
    silent = answers(np.full(3000, np.nan), FIRST_S, END_S)
    found = judged(BEFORE, np.full(100, 0.1), load, silent)
    assert found is not None
    assert found.fires
    assert found.answers == 3100


def test_the_order_of_rows_is_that_of_their_answers() -> None:
    rows = np.concatenate([answers(BEFORE, 50.0, FIRST_S), answers(np.full(2000, 0.5), FIRST_S, END_S)])
    span = {"first_s": FIRST_S, "inject_s": FIRST_S, "gone_s": END_S, "end_s": END_S}
    shuffled = np.random.default_rng(1).permutation(rows)
    assert confidence_of(shuffled, **span) == confidence_of(rows, **span)


def test_nothing_after_the_episode_is_looked_at() -> None:
    found = judged(BEFORE, np.full(500, 0.1), answers(np.full(2000, 0.5), END_S, 300.0))
    assert found is not None
    assert not found.fires


@pytest.mark.parametrize(
    ("before", "during"),
    [
        (BEFORE[:-1], BEFORE),
        (np.full(WINDOW, np.nan), BEFORE),
        (BEFORE, np.full(100, np.nan)),
        (BEFORE, BEFORE[:0]),
        (BEFORE[:0], BEFORE[:0]),
    ],
)
def test_too_few_answers_and_none_with_a_score_are_no_data(before: np.ndarray, during: np.ndarray) -> None:
    assert judged(before, during) is None


def test_a_fault_that_was_gone_before_any_answer_has_no_mean_of_its_own() -> None:
    found = judged(BEFORE, BEFORE, gone_s=FIRST_S)
    assert found is not None
    assert (found.answers, found.there) == (0, None)


def test_of_a_version_that_a_fault_set_only_its_own_answers_count() -> None:
    """The old one answers until the scorers follow, and again later: that says nothing of the other."""
    old = answers(np.full(800, 0.1), FIRST_S, 140.0, 1), answers(np.full(800, 0.1), 160.0, END_S, 1)
    found = judged_of(NAMES[1], *old, answers(np.full(400, 0.4), 141.0, 149.0, 2))
    assert found is not None
    assert (found.version, found.answers, found.there) == (NAMES[1], 400, pytest.approx(0.6))


def test_its_answers_count_as_well_after_the_alias_was_put_back_but_not_after_the_episode() -> None:
    spans = ((141.0, 149.0, 0.4), (151.0, 159.0, 0.2), (END_S, 300.0, 0.5))
    found = judged_of(NAMES[1], *(answers(np.full(300, p), begin, end, 2) for begin, end, p in spans))
    assert found is not None
    assert (found.answers, found.there) == (600, pytest.approx(0.7))


def test_a_monitor_knows_no_versions_so_whether_it_fires_is_of_all_answers() -> None:
    during = answers(np.full(1500, 0.5), FIRST_S, 140.0, 1), answers(np.full(300, 0.1), 140.0, 150.0, 2)
    found = judged_of(NAMES[1], *during)
    assert found is not None
    assert (found.fires, found.lowest, found.there) == (True, 0.5, pytest.approx(0.9))
    alike = judged_of("", *during)
    assert alike is not None
    assert (alike.fires, alike.lowest, alike.answers) == (found.fires, found.lowest, 1800)


@pytest.mark.parametrize(("count", "told"), [(ANSWERS_MIN - 1, False), (ANSWERS_MIN, True)])
def test_fewer_than_two_hundred_answers_of_that_version_are_no_data_of_it(count: int, told: bool) -> None:
    assert ANSWERS_MIN == 200
    old = answers(np.full(800, 0.1), FIRST_S, 140.0, 1)
    found = judged_of(NAMES[1], old, answers(np.full(count, 0.4), 140.0, 150.0, 2))
    assert found is not None
    assert (found.answers, found.there is not None) == (count, told)


def test_a_version_that_nobody_was_answered_by_has_no_mean_though_answers_without_one_came() -> None:
    found = judged_of("0.900.9+never", answers(np.full(800, 0.1), FIRST_S, END_S, 0))
    assert found is not None
    assert (found.answers, found.there) == (0, None)


def test_an_episode_looks_for_the_version_that_its_fault_set() -> None:
    story = Story(gone_after_s=2.0)
    onset_s = CLOCK_ZERO_S + plan_of(story).episodes[0].inject_at_s

    def with_versions(rows: Rows) -> Rows:
        """The other model answers for a second, from half a second before the alias is put back."""
        load = np.repeat(rows, 4)
        load["stream"] = LOAD
        wrong = (load["ended"] >= onset_s + 1.5) & (load["ended"] < onset_s + 2.5)
        load["version"], load["probability"] = np.where(wrong, 2, 1), np.where(wrong, 0.3, 0.01)
        return np.concatenate([rows, load])

    def with_alias(events: list[Event]) -> list[Event]:
        shows = f"registry:/aliases/champion {NAMES[1]}"
        told = [msgspec.structs.replace(e, shows=shows) if isinstance(e, Injected) else e for e in events]
        return [*told, Versions(names=NAMES)]

    (episode,) = facts(history_of(replace(story, rows=with_versions, events=with_alias))).episodes
    found = episode.confidence
    assert found is not None
    assert (found.version, found.there) == (NAMES[1], 0.7)
    assert found.answers == pytest.approx(4 * PROFILE.rate_hz, rel=0.02)


def test_an_episode_holds_it_with_the_time_until_the_fault_was_gone() -> None:
    story = Story(gone_after_s=2.0)
    onset_s = CLOCK_ZERO_S + plan_of(story).episodes[0].inject_at_s

    def with_load(rows: Rows) -> Rows:
        """Four answers of the load beside each of the witness: 1,840 before the fault."""
        load = np.repeat(rows, 4)
        load["stream"] = LOAD
        lasts = (load["ended"] >= onset_s) & (load["ended"] < onset_s + 2.0)
        load["probability"] = np.where(lasts, 0.5, 0.01)
        return np.concatenate([rows, load])

    (episode,) = facts(history_of(replace(story, rows=with_load))).episodes
    found = episode.confidence
    assert found is not None
    assert (found.reference, found.there, found.fires) == (0.99, 0.5, True)


def test_a_run_whose_answers_hold_no_scores_says_nothing_of_them() -> None:
    (episode,) = facts(history_of(killed())).episodes
    assert PROFILE.baseline_units < WINDOW
    assert episode.confidence is None
