"""The simulated world: exact truth, units that depend on nothing but seed, scenario and index."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reference_pipeline.errors import BadScenario, BadTemplate
from reference_pipeline.features import transaction_columns
from reference_pipeline.records import DAY_S, TRANSACTION_FIELDS, Costs
from reference_pipeline.world import open_world
from reference_pipeline.world.golden import Golden, choose_golden, save_golden
from reference_pipeline.world.knobs import SimulatorKnobs, read_scenario
from reference_pipeline.world.population import (
    SCHEDULE_DAYS,
    load_population,
    make_population,
    save_population,
)
from reference_pipeline.world.simulator import Dice, Offers, as_records, draw_columns
from reference_pipeline.world.truth import clear_cases, posterior

SMALL = {"kind": "simulator", "customers": 300, "terminals": 80, "history_days": 45}
KNOBS = SimulatorKnobs(customers=300, terminals=80, history_days=45)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    save_population(make_population(KNOBS, 4), folder)
    save_golden(Golden(records=[{"amount": 1.0}, {"amount": 2.0}], decisions=["approve", "decline"]), folder)
    return folder


def _draw(template: Path, due_s: np.ndarray, seed: int = 7, **knobs: object) -> Offers:
    return open_world(scenario=SMALL | knobs, seed=seed, template=template).draw(due_s)


def test_the_same_seed_gives_the_same_units_and_another_seed_others(template: Path) -> None:
    due = np.linspace(0, 60, 500)
    one, two, other = (_draw(template, due, seed) for seed in (7, 7, 8))
    assert one.records == two.records
    np.testing.assert_array_equal(one.posterior, two.posterior)
    np.testing.assert_array_equal(one.label, two.label)
    assert sum(a == b for a, b in zip(one.records, other.records, strict=True)) < 5


def test_a_unit_does_not_depend_on_how_many_follow_it(template: Path) -> None:
    due = np.linspace(0, 60, 500)
    whole, begin = _draw(template, due), _draw(template, due[:100])
    assert whole.records[:100] == begin.records
    np.testing.assert_array_equal(whole.label[:100], begin.label)


def test_units_of_one_instant_differ_and_a_second_drawing_gives_the_same(template: Path) -> None:
    world = open_world(scenario=SMALL, seed=7, template=template)
    due = np.zeros(200)
    first, second = world.draw(due), world.draw(due)
    assert first.records == second.records
    assert len({json.dumps(record) for record in first.records}) > 195


def test_records_keep_the_declared_contract(template: Path) -> None:
    for record in _draw(template, np.linspace(0, 600, 2000)).records:
        assert list(record) == [field.name for field in TRANSACTION_FIELDS]
        for field in TRANSACTION_FIELDS:
            value = record[field.name]
            assert type(value) is {"integer": int, "number": float, "string": str}[field.type]
            assert not field.categories or value in field.categories
            if isinstance(value, float):
                assert (field.minimum or 0) <= value <= (field.maximum or np.inf)
    assert msgspec.json.decode(msgspec.json.encode(record)) == record


def test_world_time_runs_at_the_declared_factor_from_the_end_of_history(template: Path) -> None:
    for factor in (1.0, 720.0):
        drawn = _draw(template, np.array([0.0, 10.0]), world_s_per_run_s=factor, start_hour=9)
        start = 45 * DAY_S + 9 * 3600
        assert [r["event_time_s"] for r in drawn.records] == [start, start + 10 * factor]


def test_the_posterior_is_that_of_the_record_as_it_travels(template: Path) -> None:
    drawn = _draw(template, np.linspace(0, 400, 3000))
    people = load_population(template, KNOBS)
    sent = [json.loads(json.dumps(record)) for record in drawn.records]
    np.testing.assert_array_equal(posterior(transaction_columns(sent), people, KNOBS), drawn.posterior)
    assert ((drawn.posterior >= 0) & (drawn.posterior <= 1)).all()


def test_labels_come_as_often_as_the_posterior_says(template: Path) -> None:
    drawn = _draw(template, np.linspace(0, 2000, 200_000))
    p, y = drawn.posterior, drawn.label
    edges = [0.0, 0.001, 0.003, 0.01, 0.1, 0.4, 0.7, 1.0]
    for low, high in itertools.pairwise(edges):
        within = (p >= low) & (p < high)
        assert within.sum() > 100
        error = np.sqrt((p[within] * (1 - p[within])).sum())
        assert abs(y[within].sum() - p[within].sum()) < 4.5 * error


def test_every_cause_of_fraud_raises_the_share_of_fraud(template: Path) -> None:
    due = np.linspace(0, 600, 40_000)
    share = _draw(template, due).posterior.mean()
    for cause in ("base_risk", "terminal_risk", "customer_risk", "stolen_risk"):
        assert _draw(template, due, **{cause: 0.0}).posterior.mean() < share
    assert 0.01 < share < 0.06


def test_amounts_lie_around_each_customers_mean() -> None:
    people = make_population(KNOBS, 4)
    knobs = msgspec.structs.replace(KNOBS, big_ticket_share=0.0, far_share=0.0)
    columns = draw_columns(np.linspace(0, 30 * DAY_S, 200_000), people, knobs, Dice(1, "test"))
    who = np.asarray(columns["customer_id"])
    calm = ~people.customer_compromised.any(axis=1)[who]
    ratio = np.asarray(columns["amount"], dtype=float)[calm] / people.mean_amount[who[calm]]
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_the_cycle_changes_who_acts_by_hour_and_weekday_and_can_be_turned_off() -> None:
    people = make_population(KNOBS, 4)

    def groups_at(day: float, hour: float, knobs: SimulatorKnobs) -> np.ndarray:
        time_s = np.full(20_000, day * DAY_S + hour * 3600.0)
        who = draw_columns(time_s, people, knobs, Dice(1, "test"))["customer_id"]
        return np.bincount(people.group[np.asarray(who)], minlength=4) / 20_000

    monday, sunday, night = groups_at(0, 10, KNOBS), groups_at(6, 10, KNOBS), groups_at(0, 2, KNOBS)
    assert monday[0] > 1.5 * sunday[0]
    assert night[3] > 3 * monday[3]
    flat = msgspec.structs.replace(KNOBS, cycle_ratio=0.0)
    np.testing.assert_array_equal(groups_at(0, 10, flat), groups_at(6, 2, flat))


def test_compromises_last_their_days_and_spare_the_safe() -> None:
    people = make_population(SimulatorKnobs(), 1)
    for on, safe, days, share in (
        (people.terminal_compromised, people.terminal_safe, 28, 0.03),
        (people.customer_compromised, people.customer_safe, 14, 0.015),
    ):
        assert on.shape[1] == SCHEDULE_DAYS
        assert not on[safe].any()
        assert on.mean() == pytest.approx(share, rel=0.2)
        begins = on & ~np.roll(on, 1, axis=1)
        lasted = [on[who].sum() for who in np.flatnonzero(begins.sum(axis=1) == 1)]
        assert min(lasted) == days


def test_golden_candidates_stay_clear_under_every_setting_of_the_risks() -> None:
    people = make_population(KNOBS, 4)
    threshold = Costs().threshold
    columns = draw_columns(np.linspace(45, 46, 20_000) * DAY_S, people, KNOBS, Dice(4, "golden"))
    approve, decline = clear_cases(columns, people, KNOBS, threshold=threshold)
    assert approve.sum() > 1000
    assert decline.sum() > 50
    dice = np.random.default_rng(0)
    for _ in range(30):
        risks = {
            "base_risk": dice.uniform(0, 0.01),
            "amount_risk": dice.uniform(0.6, 1),
            "terminal_risk": dice.uniform(),
            "customer_risk": dice.uniform(),
            "stolen_risk": dice.uniform(),
        }
        truth = posterior(columns, people, msgspec.structs.replace(KNOBS, **risks))
        assert truth[approve].max() <= threshold / 3
        assert truth[decline].min() >= 0.5


def test_golden_rows_go_round_and_are_copies(template: Path) -> None:
    world = open_world(scenario=SMALL, seed=1, template=template)
    records, decisions = world.golden(3)
    assert [r["amount"] for r in records] == [1.0, 2.0, 1.0]
    assert decisions == ["approve", "decline", "approve"]
    records[0]["amount"] = 9.0  # type: ignore[index]
    assert world.golden(1)[0][0]["amount"] == 1.0


def test_golden_rows_leave_out_what_the_champion_is_unsure_of() -> None:
    scores = np.array([0.01, 0.4, 0.9, 0.6] * 10)
    approve = np.array([True, True, False, False] * 10)
    rows, decisions = choose_golden(approve=approve, decline=~approve, scores=scores, threshold=0.5)
    assert decisions == ["approve", "decline"] * 10
    assert set(rows.tolist()) == {row for row in range(40) if row % 4 in (0, 2)}
    with pytest.raises(BadTemplate, match="golden rows need"):
        choose_golden(approve=approve, decline=~approve, scores=1 - scores, threshold=0.5)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"amount_scael": 2}, r"unknown knob amount_scael .* known: kind, customers, .*stolen_risk"),
        ({"kind": "dream"}, "known kinds: simulator, replay"),
        ({"base_risk": 0.5}, r"base_risk"),
        ({"customers": 2.5}, r"customers"),
        ({"world_s_per_run_s": 0}, "write a number above 0"),
        ({"world_s_per_run_s": True}, "write a number above 0"),
        ({"kind": "replay"}, "source"),
    ],
)
def test_a_wrong_knob_is_named_with_the_known_ones(knobs: dict[str, object], said: str) -> None:
    with pytest.raises(BadScenario, match=said):
        read_scenario(knobs)


def test_defaults_are_a_day_in_two_minutes_of_the_simulator() -> None:
    assert read_scenario({}) == (720.0, SimulatorKnobs())


def test_a_template_of_other_people_or_of_none_is_refused(template: Path, tmp_path: Path) -> None:
    with pytest.raises(BadTemplate, match=r"\(300, 80, 45\).*\(301, 80, 45\).*prepare"):
        open_world(scenario=SMALL | {"customers": 301}, seed=1, template=template)
    with pytest.raises(BadTemplate, match="prepare the template anew"):
        open_world(scenario=SMALL, seed=1, template=tmp_path)
    for data in (b"", b"PK\x03\x04 torn"):
        (tmp_path / "population.npz").write_bytes(data)
        with pytest.raises(BadTemplate, match="prepare the template anew"):
            open_world(scenario=SMALL, seed=1, template=tmp_path)


def test_numbers_of_records_are_rounded_as_the_truth_saw_them(template: Path) -> None:
    people = load_population(template, KNOBS)
    columns = draw_columns(np.linspace(45, 46, 100) * DAY_S, people, KNOBS, Dice(4, "x"))
    back = transaction_columns(as_records(columns))
    for name, column in columns.items():
        np.testing.assert_array_equal(back[name], column)
