"""A world on the move: units are the same but for what moves, and its truth is that of the moved law."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference_pipeline.errors import BadScenario
from reference_pipeline.features import transaction_columns
from reference_pipeline.world import open_world
from reference_pipeline.world.golden import Golden, save_golden
from reference_pipeline.world.knobs import SimulatorKnobs
from reference_pipeline.world.moves import MOVABLE, moved_law, progress
from reference_pipeline.world.population import make_population, save_population
from reference_pipeline.world.simulator import SimulatedWorld
from reference_pipeline.world.truth import posterior

SMALL = {"kind": "simulator", "customers": 300, "terminals": 80, "history_days": 45}
KNOBS = SimulatorKnobs(customers=300, terminals=80, history_days=45)
DUE = np.linspace(0, 240, 24_000)
OF_X = ("amount_scale", "far_share", "big_ticket_share", "phone_share")
OF_TRUTH = ("base_risk", "amount_risk", "terminal_risk", "customer_risk", "stolen_risk", "pattern_risk")


def _move(knob: str, value: float, **given: object) -> SimpleNamespace:
    plain = {"from_s": 60.0, "until_s": 180.0, "ramp_s": 0.0, "period_s": 0.0, "field": "", "level": ""}
    return SimpleNamespace(knob=knob, value=value, **(plain | given))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimulatedWorld:
    folder: Path = tmp_path_factory.mktemp("template")
    save_population(make_population(KNOBS, 4), folder)
    save_golden(Golden(records=[{"amount": 1.0}], decisions=["approve"]), folder)
    return open_world(scenario=SMALL, seed=7, template=folder)


def _high(knob: str) -> float:
    return MOVABLE[knob][1]


@pytest.mark.parametrize("knob", MOVABLE)
def test_what_no_move_reaches_is_the_same_unit_with_the_same_truth_and_label(
    world: SimulatedWorld, knob: str
) -> None:
    plain, moved = world.draw(DUE), world.moved(DUE, [_move(knob, _high(knob))])
    outside = (DUE < 60) | (DUE >= 180)
    assert [r for r, out in zip(plain.records, outside, strict=True) if out] == [
        r for r, out in zip(moved.records, outside, strict=True) if out
    ]
    np.testing.assert_array_equal(plain.posterior[outside], moved.posterior[outside])
    np.testing.assert_array_equal(plain.label[outside], moved.label[outside])
    assert not np.array_equal(plain.posterior[~outside], moved.posterior[~outside])


@pytest.mark.parametrize("knob", OF_X)
def test_a_knob_of_p_of_x_moves_records_and_leaves_p_of_y_given_x(world: SimulatedWorld, knob: str) -> None:
    plain, moved = world.draw(DUE), world.moved(DUE, [_move(knob, _high(knob))])
    assert sum(a != b for a, b in zip(plain.records, moved.records, strict=True)) > 500
    np.testing.assert_array_equal(moved.posterior, moved.before)


@pytest.mark.parametrize("knob", OF_TRUTH)
def test_a_knob_of_truth_leaves_the_records_and_moves_p_of_y_given_x(
    world: SimulatedWorld, knob: str
) -> None:
    plain, moved = world.draw(DUE), world.moved(DUE, [_move(knob, _high(knob))])
    assert plain.records == moved.records
    np.testing.assert_array_equal(plain.posterior, moved.before)
    assert (moved.posterior >= moved.before).all()
    assert (moved.posterior > moved.before).any()


def test_the_truth_of_a_moved_world_is_that_of_a_world_with_the_knob_set(world: SimulatedWorld) -> None:
    moved = world.moved(DUE, [_move("pattern_risk", 0.7, from_s=0.0, until_s=300.0)])
    sent = transaction_columns([json.loads(json.dumps(record)) for record in moved.records])
    there = SimulatorKnobs(customers=300, terminals=80, history_days=45, pattern_risk=0.7)
    np.testing.assert_allclose(posterior(sent, world.population, there), moved.posterior, rtol=1e-12)


def _odds_of(p: np.ndarray) -> float:
    return p.mean() / (1 - p.mean())


@pytest.mark.parametrize("odds", [0.2, 0.5, 3.0, 10.0])
def test_a_shift_of_odds_changes_how_many_frauds_there_are_and_not_what_they_look_like(
    world: SimulatedWorld, odds: float
) -> None:
    due = np.linspace(0, 240, 60_000)
    plain = world.draw(due)
    moved = world.moved(due, [_move("fraud_odds", odds, from_s=0.0, until_s=300.0)])
    assert _odds_of(moved.posterior) == pytest.approx(odds * _odds_of(plain.posterior), rel=0.08)
    assert _odds_of(moved.label) == pytest.approx(odds * _odds_of(plain.posterior), rel=0.12)
    np.testing.assert_allclose(
        moved.posterior, odds * moved.before / (odds * moved.before + 1 - moved.before), rtol=1e-9
    )
    amounts = [np.log([r["amount"] for r in one.records]) for one in (plain, moved)]
    for weights in ([plain.posterior, moved.posterior], [1 - plain.posterior, 1 - moved.posterior]):
        means = [np.average(a, weights=w) for a, w in zip(amounts, weights, strict=True)]
        assert means[0] == pytest.approx(means[1], abs=0.06)
    stay = sum(a == b for a, b in zip(plain.records, moved.records, strict=True)) / len(due)
    more = max(odds - 1, 0) * plain.posterior.mean()
    assert stay == pytest.approx(1 / (1 + more) if odds > 1 else 1.0, abs=0.03)


def test_a_shift_of_odds_in_one_part_leaves_the_part_as_large_and_the_others_as_they_are(
    world: SimulatedWorld,
) -> None:
    due = np.linspace(0, 240, 60_000)
    plain = world.draw(due)
    part = {"field": "channel", "level": "web"}
    moved = world.moved(due, [_move("fraud_odds", 6.0, from_s=0.0, until_s=300.0, **part)])
    web = np.array([record["channel"] == "web" for record in plain.records])
    assert [record["channel"] == "web" for record in moved.records] == web.tolist()
    changed = [a != b for a, b in zip(plain.records, moved.records, strict=True)]
    assert not np.array(changed)[~web].any()
    np.testing.assert_array_equal(moved.posterior[~web], plain.posterior[~web])
    assert _odds_of(moved.posterior[web]) == pytest.approx(6.0 * _odds_of(plain.posterior[web]), rel=0.1)


def test_a_shift_of_odds_gives_the_same_units_whatever_moves_at_other_times(world: SimulatedWorld) -> None:
    shift = _move("fraud_odds", 5.0, from_s=60.0, until_s=90.0)
    others = [_move("amount_scale", 4.0, from_s=0.0, until_s=40.0), _move("pattern_risk", 0.7, from_s=120.0)]
    alone, beside = world.moved(DUE, [shift]), world.moved(DUE, [*others, shift])
    there = [(60 <= due < 90) for due in DUE]
    for one in (alone.records, alone.posterior.tolist()):
        assert len(one) == len(DUE)
    assert [r for r, on in zip(alone.records, there, strict=True) if on] == [
        r for r, on in zip(beside.records, there, strict=True) if on
    ]
    short = world.moved(DUE[:8000], [shift])
    assert short.records == alone.records[:8000]


def test_a_move_in_one_slice_leaves_the_truth_of_the_others(world: SimulatedWorld) -> None:
    moved = world.moved(DUE, [_move("base_risk", 0.01, field="channel", level="web")])
    web = np.array([record["channel"] == "web" for record in moved.records])
    changed = moved.posterior != moved.before
    assert changed[web & (DUE >= 60) & (DUE < 180)].all()
    assert not changed[~web].any()


@given(
    st.floats(0, 50),
    st.floats(1, 100),
    st.floats(0, 40),
    st.floats(0, 20),
    st.lists(st.floats(0, 200), min_size=1),
)
@example(1.0, 1.0, 5e-324, 0.0, [1.5])
def test_progress_is_a_share_that_is_zero_outside_of_its_span(
    from_s: float, lasts_s: float, ramp_s: float, period_s: float, due: list[float]
) -> None:
    move = _move("x", 1.0, from_s=from_s, until_s=from_s + lasts_s, ramp_s=ramp_s, period_s=period_s)
    due_s = np.array(due)
    come = progress(move, due_s)
    assert ((come >= 0) & (come <= 1)).all()
    assert (come[(due_s < from_s) | (due_s >= from_s + lasts_s)] == 0).all()
    if not ramp_s and not period_s:
        assert (come[(due_s >= from_s) & (due_s < from_s + lasts_s)] == 1).all()


def test_a_recurring_move_holds_in_the_first_half_of_each_period() -> None:
    come = progress(_move("x", 1.0, period_s=40.0), np.array([60.0, 79.0, 80.0, 99.0, 100.0, 121.0, 150.0]))
    assert come.tolist() == [1, 1, 0, 0, 1, 0, 1]


def test_each_period_begins_with_a_ramp_of_its_own() -> None:
    due = np.array([60.0, 65.0, 75.0, 80.0, 100.0, 105.0, 115.0, 120.0])
    come = progress(_move("x", 1.0, period_s=40.0, ramp_s=10.0), due)
    assert come.tolist() == [0, 0.5, 1, 0, 0, 0.5, 1, 0]


def test_a_second_move_of_a_knob_goes_on_from_the_first() -> None:
    moves = [
        _move("pattern_risk", 0.4, from_s=0.0, until_s=100.0),
        _move("pattern_risk", 0.8, from_s=50.0, until_s=100.0, ramp_s=20.0),
    ]
    law = moved_law(KNOBS, moves, np.array([0.0, 60.0, 90.0]), {})
    np.testing.assert_allclose(law.pattern_risk, [0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (_move("weather", 1.0), "no knob 'weather' to move; there are: amount_scale"),
        (_move("pattern_risk", 1.5), "pattern_risk goes from 0 to 1, not to 1.5"),
        (_move("base_risk", 0.01, field="channel", level="fax"), "channel=fax; there are: channel: pos, web"),
        (_move("base_risk", 0.01, field="amount", level="1"), "amount=1; there are"),
    ],
)
def test_a_move_that_is_none_of_this_world_is_refused(
    world: SimulatedWorld, move: SimpleNamespace, words: str
) -> None:
    with pytest.raises(BadScenario, match=words):
        world.moved(DUE, [move])


@pytest.fixture(scope="module")
def worsening(tmp_path_factory: pytest.TempPathFactory) -> SimulatedWorld:
    """A world whose scenario lets orders by phone get worse from 100 s of a run on."""
    folder: Path = tmp_path_factory.mktemp("template")
    save_population(make_population(KNOBS, 4), folder)
    save_golden(Golden(records=[{"amount": 1.0}], decisions=["approve"]), folder)
    later = {"later_knob": "pattern_risk", "later_value": 0.3, "later_at_s": 100.0}
    made = open_world(scenario=SMALL | later, seed=7, template=folder)
    assert isinstance(made, SimulatedWorld)
    return made


def test_a_world_that_moves_by_itself_is_the_plain_one_until_then_and_the_moved_one_from_then_on(
    world: SimulatedWorld, worsening: SimulatedWorld
) -> None:
    plain, own = world.draw(DUE), worsening.draw(DUE)
    moved = world.moved(DUE, [_move("pattern_risk", 0.3, from_s=100.0, until_s=1e9)])
    assert own.records == plain.records
    np.testing.assert_array_equal(own.posterior, moved.posterior)
    np.testing.assert_array_equal(own.label, moved.label)
    before = DUE < 100.0
    np.testing.assert_array_equal(own.posterior[before], plain.posterior[before])


def test_a_fault_in_a_world_that_moves_by_itself_is_told_from_what_it_does_alone(
    worsening: SimulatedWorld,
) -> None:
    """What was there before a fault is the scenario, its own move included."""
    moved = worsening.moved(DUE, [_move("base_risk", 0.01, from_s=120.0, until_s=180.0)])
    alone = worsening.draw(DUE)
    np.testing.assert_array_equal(moved.before, alone.posterior)
    there = (DUE >= 120.0) & (DUE < 180.0)
    assert (moved.posterior[there] > moved.before[there]).mean() > 0.9
    np.testing.assert_array_equal(moved.posterior[~there], moved.before[~there])


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        ({"later_knob": "pattern_rsk", "later_value": 0.3}, "those that can move: amount_scale"),
        ({"later_knob": "pattern_risk", "later_value": 1.3}, "pattern_risk goes from 0 to 1"),
    ],
)
def test_a_scenario_whose_own_move_is_none_is_refused(
    worsening: SimulatedWorld, knobs: dict[str, object], why: str
) -> None:
    with pytest.raises(BadScenario, match=why):
        open_world(scenario=SMALL | knobs, seed=11, template=worsening._template)
