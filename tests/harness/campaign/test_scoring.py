"""Points of a campaign of pairs: those of the runs, class by class, and none where too little is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.scoring import points_of, score_lines
from harness.campaign.table import Ending, table_of
from harness.campaign.tally import Tally
from harness.campaign.text import outcome_text
from harness.estimates.bounded import interval
from harness.verdict.model import Verdict
from tests.harness.campaign.rows_kit import episode, question, row

KEPT = st.lists(st.integers(0, 1000), min_size=1, max_size=60)


def tally_of(*runs: list[tuple[str, int | None]], **changed: object) -> Tally:
    """Pairs of arm none; a run is (fault, thousandths kept) fault by fault."""
    tally = Tally()
    for pair, faults in enumerate(runs):
        episodes = [
            episode(index=n, kind=kind, kept_ppm=None if kept is None else 1000 * kept, **changed)
            for n, (kind, kept) in enumerate(faults)
        ]
        tally.add_pair([row(pair, "none", *episodes)])
    return tally


@given(KEPT)
def test_points_of_a_class_and_their_interval_are_those_of_its_runs(kept):
    (one,) = tally_of(*[[("process.kill", points)] for points in kept]).classes.values()
    found, values = points_of(one), sorted(points / 1000 for points in kept)
    low, high, _ = interval(values)
    assert found.n == len(kept)
    assert found.mean == pytest.approx(sum(kept) / len(kept) / 10)
    assert (found.low, found.high) == (
        pytest.approx(100 * low, abs=1e-6),
        pytest.approx(100 * high, abs=1e-6),
    )


@given(KEPT.filter(lambda kept: len(kept) >= 5), st.integers(0, 1000))
def test_the_floor_is_the_worst_class_and_the_score_lies_between(kept, other):
    tally = tally_of(*[[("process.kill", points), ("process.hang", other)] for points in kept])
    (line,) = score_lines(tally, {})
    means = sorted([sum(kept) / len(kept) / 10, other / 10])
    assert line.floor.mean == pytest.approx(means[0])
    assert line.points.mean == pytest.approx(sum(means) / 2)
    assert line.points.low <= line.points.mean + 1e-6
    assert line.points.mean <= line.points.high + 1e-6


def test_weights_shift_the_mean_and_stand_in_the_name():
    tally = tally_of(*[[("process.kill", 1000), ("process.hang", 400)]] * 5)
    (line,) = score_lines(tally, {"process.hang": 3.0})
    assert line.points.mean == pytest.approx(55.0)
    assert line.name == "R10/v1 process.hang=3"
    assert line.worst == "process.hang scorer-a"


def test_four_runs_or_unknown_losses_are_no_score_and_placebos_are_in_none():
    (few,) = score_lines(tally_of(*[[("process.kill", 900)]] * 4), {})
    (unknown,) = score_lines(tally_of(*[[("process.kill", None)]] * 9), {})
    assert few.why == "process.kill scorer-a needs 4 / 5"
    assert unknown.why == "process.kill scorer-a needs 0 / 5"
    assert not list(score_lines(tally_of(*[[("placebo.surge", 900)]] * 9), {}))


def test_many_void_faults_are_no_score():
    tally = tally_of(*[[("process.kill", 1000)]] * 9)
    tally.add_pair([row(9, "none", episode(void="it stalled"))])
    (line,) = score_lines(tally, {})
    assert line.why.startswith("VOID: 10.0 % of the faults are void")
    assert line.points.mean is None


def test_the_table_says_the_score_and_its_floor():
    tally = tally_of(*[[("process.kill", 1000), ("process.hang", 400)]] * 6)
    table = table_of(question(arms=("none",)), tally, Ending(stopped="all", digest="d"))
    told = outcome_text(table, Verdict(word="DONE", exit_code=0, why="w", claims=(), next=""))
    assert "score R10/v1, none, fast: 70.0 [" in told
    assert "floor 40.0 [" in told


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ([row(6, "none", why="its worker died", digest="")], "14.3 % of the runs are void"),
        ([row(6, "none", episode(kept_ppm=10**6), unsafe=True)], "a clean state was not proven in 1 runs"),
        ([row(6, "none", why="episode 0: fault without effect: no")], "a fault was not proven effective"),
        (
            [row(6, "none", episode(kept_ppm=10**6)), row(6, "none", episode(), episode(), sham=True)],
            "outages were seen in 2 of 2 sham episodes",
        ),
    ],
)
def test_what_voids_the_score_of_runs_voids_that_of_pairs(odd, why):
    tally = tally_of(*[[("process.kill", 1000)]] * 6)
    (before,) = score_lines(tally, {})
    assert (before.why, before.points.mean) == ("", 100.0)
    tally.add_pair(odd)
    (line,) = score_lines(tally, {})
    assert line.why.startswith(f"VOID: {why}")
    assert (line.points.mean, line.floor.mean) == (None, None)
