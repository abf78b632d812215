"""Training: the exported predictor equals scikit-learn's, no row learns from its own label."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from reference_pipeline.records import DAY_S, Costs, FeatureSpec, FieldSpec
from reference_pipeline.scoring import Model, dump_model, load_model
from reference_pipeline.training import (
    Labelled,
    evaluate,
    export_trees,
    fit,
    train_champion,
    transaction_sets,
)
from reference_pipeline.world.knobs import SimulatorKnobs
from reference_pipeline.world.population import make_population
from reference_pipeline.world.simulator import draw_history

SPEC = FeatureSpec(
    kind="columns",
    fields=tuple(FieldSpec(name=f"x{i}", type="number", nullable=True) for i in range(6)),
    features=tuple(f"x{i}" for i in range(6)),
    time_field="x0",
)


def _data(seed: int, count: int = 4000, missing: float = 0.1) -> Labelled:
    dice = np.random.default_rng(seed)
    rows = dice.normal(size=(count, 6))
    rows[:, 5] = np.round(rows[:, 5])
    risk = 1 / (1 + np.exp(3 - 2 * rows[:, 0] * rows[:, 1] - rows[:, 5]))
    rows[dice.random(rows.shape) < missing] = np.nan
    return Labelled(rows, (dice.random(count) < risk).astype(np.int8))


def _load(data: bytes) -> Model:
    return load_model(data, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_the_exported_predictor_equals_predict_proba(missing: float) -> None:
    estimator = fit(_data(1, missing=missing))
    model = _load(
        dump_model(
            export_trees(estimator),
            version="1.0.0",
            threshold=0.5,
            features=SPEC.features,
            metrics={},
            lineage={},
        )
    )
    rows = _data(2, missing=0.2).rows
    rows[:50] *= 1e6
    expected = estimator.predict_proba(rows)[:, 1]
    assert expected.std() > 0.05
    np.testing.assert_allclose(model.score(rows), expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.score(rows[:1]), expected[:1], rtol=0, atol=1e-9)


def test_the_same_data_give_the_same_bytes_and_other_data_do_not() -> None:
    def train(seed: int) -> bytes:
        return train_champion(_data(seed), _data(9), spec=SPEC, version="1.0.0", lineage={}).artefact

    assert train(1) == train(1)
    assert train(1) != train(2)


def test_metrics_and_lineage_are_in_the_artefact() -> None:
    champion = train_champion(_data(1), _data(2), spec=SPEC, version="3.1.4", lineage={"source": "here"})
    model = _load(champion.artefact)
    assert model.version.startswith("3.1.4+")
    assert model.metrics == champion.metrics
    assert model.lineage == champion.lineage
    assert model.lineage["source"] == "here"
    assert model.lineage["train_rows"] == "4000"
    assert model.threshold == SPEC.costs.threshold
    assert model.metrics["average_precision"] > 2 * _data(2).label.mean()
    assert model.metrics["cost"] < min(model.metrics["cost_approve_all"], model.metrics["cost_decline_all"])


def test_costs_are_counted_as_declared() -> None:
    costs = Costs(missed_fraud=3.0, declined_good=1.0)
    metrics = evaluate(np.array([0.2, 0.3, 0.2, 0.3]), np.array([0, 0, 1, 1], dtype=np.int8), costs)
    assert costs.threshold == 0.25
    assert metrics["cost"] == pytest.approx((3.0 + 1.0) / 4)
    assert (metrics["cost_approve_all"], metrics["cost_decline_all"]) == (1.5, 0.5)
    assert metrics["accuracy"] == 0.5


def test_one_class_alone_cannot_be_trained_on() -> None:
    data = _data(1)
    with pytest.raises(ValueError, match="one class"):
        train_champion(
            Labelled(data.rows, np.zeros(4000, dtype=np.int8)), data, spec=SPEC, version="1.0.0", lineage={}
        )


def test_no_row_has_its_own_or_a_later_label_among_its_features() -> None:
    knobs = SimulatorKnobs(customers=80, terminals=30, history_rows=6000, history_days=51)
    people = make_population(knobs, 3)
    columns, label = draw_history(people, knobs, 3)
    places = {
        "customer_xy": (people.customer_x, people.customer_y),
        "terminal_xy": (people.terminal_x, people.terminal_y),
    }
    train, holdout, _ = transaction_sets(columns, label, **places)
    # The holdout is the last week: with its labels turned round nothing but the labels may change.
    last = np.asarray(columns["event_time_s"], dtype=np.float64) >= 44 * DAY_S
    turned = np.where(last, 1 - label, label).astype(np.int8)
    train_2, holdout_2, _ = transaction_sets(columns, turned, **places)
    np.testing.assert_array_equal(train.rows, train_2.rows)
    np.testing.assert_array_equal(holdout.rows, holdout_2.rows)
    assert (holdout.label != holdout_2.label).all()
    assert len(train.label) + len(holdout.label) == int((columns["event_time_s"] >= 30 * DAY_S).sum())
