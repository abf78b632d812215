"""Both times that make a stream's recovery are told, of one episode and of many."""

from __future__ import annotations

import msgspec

from harness.episodes.dues import Debt
from harness.episodes.facts import facts
from harness.estimates.estimate import estimate
from harness.estimates.model import ClassEstimate
from harness.report import html
from harness.report.debts import debt_text
from tests.traps.histories import PROFILE, Story, history_of, killed, owing


def of(*stories: Story) -> ClassEstimate:
    runs = [facts(history_of(story, run_id=f"r{number:04d}")) for number, story in enumerate(stories)]
    (found,) = estimate(runs, PROFILE).classes
    return found


def test_one_episode_tells_its_two_times_and_how_much_was_owed() -> None:
    told = debt_text(of(owing(killed(0.8), (0.0, 160), (1.55, 4))))
    assert told.startswith("decisions in time again after 8")
    assert "up to 160 records owed (before: at most 20), as few as before after 1.6 s" in told


def test_a_debt_that_is_not_paid_is_told_as_such() -> None:
    found = of(owing(killed(0.8), (0.0, 160)))
    assert debt_text(found).endswith("as few as before not by the end")
    assert (found.recovered.k, found.recovered.n) == (0, 1)


def test_six_episodes_tell_medians_with_intervals_and_fewer_what_is_missing() -> None:
    stories = [owing(killed(0.5, pair=n, seed=n), (0.0, 160), (1.0 + 0.1 * n, 4)) for n in range(6)]
    assert "as few as before after 1.2 s (1.0–1.5 s)" in debt_text(of(*stories))
    assert "needs 2 / 6" in debt_text(of(*stories[:2]))


def test_where_nobody_owes_anything_nothing_is_told() -> None:
    assert debt_text(of(killed(0.8))) == ""
    assert debt_text(of(owing(killed(0.8), (0.0, 160), binds=False))) == ""


def test_inside_a_run_of_a_stream_both_times_stand_beside_the_picture(make) -> None:
    document = make(n=1)
    (run, *_) = [run for run in document.runs if not run.sham]
    episode = run.episodes[0]
    hurt = msgspec.structs.replace(
        episode,
        served=msgspec.structs.replace(episode.served, answered_s=2.5),
        debt=Debt(band=9, peak=120, back_s=3.5, binds=True),
    )
    runs = [msgspec.structs.replace(run, episodes=(hurt, *run.episodes[1:])), *document.runs]
    page = html.render(msgspec.structs.replace(document, runs=tuple(runs)))
    assert "decisions in time again after 2.5 s; up to 120 accepted and not decided, as few as before" in page
