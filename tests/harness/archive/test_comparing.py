"""What is compared with what: cases of one class, of runs that belong together; phases; who is left out."""

from __future__ import annotations

import math

import pytest

from harness.archive.comparing import compare
from harness.archive.comparison import ClassChange, PhaseChange
from harness.archive.model import Case, Identity, Side, SideRun
from harness.estimates.rates import rate
from harness.experiment.model import PROFILES


def case(back_s: float | None, **changed: object) -> Case:
    told: dict[str, object] = {
        "index": 0,
        "fault": "process.kill",
        "subject": "scorer-a",
        "horizon_s": 10.0,
        "met": True,
        "hurt": True,
        "back_s": back_s,
        "lost_s": 10.0 if back_s is None else back_s,
    }
    return Case(**(told | changed))


def side(*cases: Case, seed: int = 7, shams: int = 0, heals: tuple[int, float] | None = None) -> Side:
    """A campaign of one arm: a run a case."""
    keys = [(pair, "none", "fast", False) for pair in range(len(cases))]
    identity = Identity(
        kind="runs",
        title="t",
        system="s",
        target="local",
        seed=seed,
        profile_name="test",
        profile=PROFILES["test"],
        experiment_file="e.yaml",
        experiment_sha256="e",
        harness_version="1",
        plans={key: f"plan {key}" for key in keys},
    )
    runs = [SideRun(key, (one,)) for key, one in zip(keys, cases, strict=True)]
    runs += [SideRun((pair, "none", "fast", True), (case(1.0),)) for pair in range(shams)]
    found = {("none", "fast"): rate([heals])} if heals else {}
    return Side(name="c", identity=identity, word="DONE", why="", total=9, runs=tuple(runs), heals=found)


def one_class(a: Side, b: Side) -> ClassChange:
    (found,) = compare(a, b).classes
    return found


def phases(a: Side, b: Side) -> dict[str, PhaseChange]:
    return {one.phase: one for one in one_class(a, b).phases}


def test_sham_runs_enter_no_class() -> None:
    assert one_class(side(case(1.0), shams=5), side(case(1.0), shams=5)).n_a == 1


def test_what_nothing_met_is_no_episode_without_impact() -> None:
    unmet = case(None, hurt=False, met=False, lost_s=0.0)
    absorbed = case(None, hurt=False, lost_s=0.0)
    found = one_class(side(case(1.0), unmet, absorbed), side(case(1.0), unmet, absorbed))
    assert (found.n_a, found.impact_a.k, found.impact_a.n) == (3, 1, 2)
    assert found.not_back.a.n == 1, "what had no impact is not 'not back'"


def test_void_episodes_are_counted_and_enter_nothing() -> None:
    a = side(case(1.0), case(2.0))
    runs = (a.runs[0], SideRun(a.runs[1].key, (), (("process.kill", "scorer-a"),)))
    found = one_class(Side(name="c", identity=a.identity, word="DONE", why="", total=9, runs=runs), a)
    assert (found.n_a, found.void_a, found.n_b, found.void_b) == (1, 1, 2, 0)
    assert found.lost.change.n == 1, "the pair of a void episode is no pair"


def test_pairs_are_taken_by_number_whatever_the_order() -> None:
    times = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    a, b = side(*map(case, times)), side(*(case(2 * t) for t in times))
    turned = Side(name="c", identity=b.identity, word="DONE", why="", total=9, runs=b.runs[::-1])
    found = one_class(a, turned)
    assert found.ratio.paired
    assert (found.ratio.ratio, found.ratio.low, found.ratio.high) == pytest.approx((2.0, 2.0, 2.0), rel=1e-5)
    assert found.lost.change.mean == pytest.approx(3.5)


def test_only_pairs_with_impact_on_both_sides_say_something_of_a_ratio() -> None:
    hurt = [case(1.0 + i) for i in range(7)]
    b = [case(None, hurt=False, lost_s=0.0), *hurt[1:]]
    found = one_class(side(*hurt), side(*b))
    assert found.ratio.n == 6
    assert (found.not_back.b.n, found.lost.change.n) == (6, 7)


def test_another_seed_compares_two_sides() -> None:
    a, b = side(*(case(1.0 + i) for i in range(5))), side(*(case(9.0) for _ in range(5)), seed=8)
    found = compare(a, b)
    assert not found.paired
    assert not found.classes[0].ratio.paired
    assert found.classes[0].ratio.tells()


def test_phases_are_lengths_between_marks_that_stand_in_order() -> None:
    told = [case(5.0, detected_s=1.0, acted_s=3.0) for _ in range(6)]
    slower = [case(8.0, detected_s=2.0, acted_s=4.0) for _ in range(6)]
    found = phases(side(*told), side(*slower))
    medians = {name: (one.a.value_s, one.b.value_s) for name, one in found.items()}
    assert medians == {"detect": (1.0, 2.0), "act": (2.0, 2.0), "settle": (2.0, 4.0)}
    assert found["act"].ratio.ratio == 1.0


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ({"detected_s": None, "acted_s": 3.0}, {"detect": 0, "act": 0, "settle": 1}),
        ({"detected_s": 4.0, "acted_s": 3.0}, {"detect": 1, "act": 0, "settle": 1}),
        ({"detected_s": 1.0, "acted_s": None}, {"detect": 1, "act": 0, "settle": 0}),
        ({"detected_s": 1.0, "acted_s": 6.0}, {"detect": 1, "act": 0, "settle": 0}),
    ],
    ids=["no alarm", "acted before the alarm", "nobody acted", "acted when service was back"],
)
def test_a_phase_whose_ends_are_not_told_is_left_out_and_counted(marks, told) -> None:
    found = phases(side(case(5.0, **marks)), side(case(5.0, **marks)))
    assert {name: one.told_a for name, one in found.items()} == told


def test_where_no_mark_is_told_there_is_no_phase() -> None:
    assert one_class(side(case(5.0)), side(case(5.0))).phases == ()


def test_what_has_not_settled_was_watched_from_the_act_on_and_no_longer() -> None:
    """Acted at 9 s of 10: not settled within 1 s, which is no proof that it took longer than 2 s."""
    a = side(*(case(4.0 + i / 10, acted_s=2.0) for i in range(8)))
    b = side(*(case(None, acted_s=9.0) for _ in range(8)))
    settle = phases(a, b)["settle"].ratio
    assert settle.high is None
    assert settle.low is not None
    assert settle.low < 1


def test_false_heals_are_compared_by_arm() -> None:
    found = compare(side(case(1.0), heals=(20, 10.0)), side(case(1.0), heals=(5, 10.0)))
    assert found.heals[0].rates.ratio == pytest.approx(0.25)
    assert found.heals[0].rates.p_value is not None
    assert found.heals[0].rates.p_value < 0.01


def test_two_that_share_no_class_and_no_arm_are_refused() -> None:
    found = compare(side(case(1.0)), side(case(1.0, fault="process.hang")))
    assert found.refused == ("they have no class and no arm in common",)


def test_a_class_of_which_nothing_counts_on_one_side_is_not_compared() -> None:
    a = side(case(1.0))
    void = (SideRun(a.runs[0].key, (), (("process.kill", "scorer-a"),)),)
    found = one_class(a, Side(name="c", identity=a.identity, word="DONE", why="", total=9, runs=void))
    assert found.why == "no episode counts on one side"
    assert not found.ratio.tells()
    assert found.lost.change.mean is None
    assert not math.isnan(found.lost.a.mean or 0.0)
