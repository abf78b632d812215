"""A monitor of confidence seen from outside: known answers, what it is blind to, when it has no data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.episodes.confidence import FALL_RATIO, WINDOW, confidence_of
from harness.episodes.facts import facts
from harness.history.observations import BAD, DTYPE, LOAD, Rows
from tests.traps.histories import CLOCK_ZERO_S, PROFILE, Story, history_of, killed, plan_of

FIRST_S, END_S = 100.0, 200.0


def answers(scores: np.ndarray, from_s: float, until_s: float) -> Rows:
    """Answers with these scores, evenly over the time."""
    rows = np.zeros(len(scores), dtype=DTYPE)
    rows["ended"] = np.linspace(from_s, until_s, len(scores), endpoint=False)
    rows["probability"] = scores
    return rows


def judged(before: np.ndarray, during: np.ndarray, *more: Rows, gone_s: float = END_S):
    rows = np.concatenate([answers(before, 50.0, FIRST_S), answers(during, FIRST_S, END_S), *more])
    return confidence_of(rows, first_s=FIRST_S, inject_s=FIRST_S, gone_s=gone_s, end_s=END_S)


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
