"""Feature rows: the same numbers for training and serving, honest about unknown ids and bad records."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reference_pipeline.aggregates import learn_tables
from reference_pipeline.errors import BadRecord, BadTemplate
from reference_pipeline.features import (
    TRANSACTION_FEATURES,
    ColumnFeatures,
    TransactionFeatures,
    load_features,
    save_features,
    transaction_columns,
    transaction_spec,
)
from reference_pipeline.records import DAY_S, TRANSACTION_FIELDS, FeatureSpec, FieldSpec

RECORD = {
    "customer_id": 0,
    "terminal_id": 1,
    "amount": 40.0,
    "channel": "web",
    "category": "travel",
    "card_age_days": 99.0,
    "event_time_s": 5 * DAY_S + 3 * 3600,
}


def _features() -> TransactionFeatures:
    history = [
        RECORD | {"amount": 10.0, "event_time_s": 1.0 * DAY_S, "terminal_id": 0},
        RECORD | {"amount": 30.0, "event_time_s": 30.0 * DAY_S},
        RECORD | {"customer_id": 1, "amount": 100.0, "event_time_s": 31.0 * DAY_S},
    ]
    tables = learn_tables(
        transaction_columns(history),
        np.array([1, 0, 1], dtype=np.int8),
        customer_xy=(np.array([0.0, 1.0]), np.array([0.0, 1.0])),
        terminal_xy=(np.array([0.0, 3.0]), np.array([0.0, 4.0])),
    )
    return TransactionFeatures(transaction_spec(), tables)


def _named(features: TransactionFeatures, record: dict[str, object]) -> dict[str, float]:
    return dict(zip(TRANSACTION_FEATURES, features.rows([record])[0].tolist(), strict=True))


def test_each_feature_is_what_its_name_says() -> None:
    row = _named(_features(), RECORD)
    assert row["log_amount"] == pytest.approx(math.log(40))
    assert row["amount_over_mean"] == pytest.approx(2.0)
    assert row["amount_z"] == pytest.approx(
        (math.log(40) - (math.log(10) + math.log(30)) / 2) / (math.log(3) / 2)
    )
    assert (row["hour_sin"], row["hour_cos"]) == pytest.approx((math.sin(math.pi / 4), math.cos(math.pi / 4)))
    assert (row["night"], row["weekend"]) == (1.0, 1.0)
    assert row["distance"] == pytest.approx(5.0)
    assert row["customer_fraud_rate"] == pytest.approx((1 + 5 * 2 / 3) / (2 + 5))
    assert row["terminal_recent_fraud_rate"] == pytest.approx((1 + 5 / 2) / (2 + 5))
    assert [row[f"channel={c}"] for c in ("pos", "web", "phone")] == [0.0, 1.0, 0.0]
    assert [name for name, value in row.items() if name.startswith("category=") and value] == [
        "category=travel"
    ]


def test_an_id_that_history_does_not_know_gets_the_overall_figures() -> None:
    features = _features()
    row = _named(features, RECORD | {"customer_id": 2**63 - 1, "terminal_id": 77})
    assert row["customer_fraud_rate"] == pytest.approx(2 / 3)
    assert row["amount_over_mean"] == pytest.approx(40 / ((10 + 30 + 100) / 3))
    assert np.isfinite(list(row.values())).all()


def test_rows_of_a_batch_are_the_rows_one_by_one() -> None:
    features = _features()
    batch = [RECORD | {"amount": 1.0 + i, "terminal_id": i % 3, "channel": "pos"} for i in range(256)]
    alone = np.concatenate([features.rows([record]) for record in batch])
    np.testing.assert_array_equal(features.rows(batch), alone)
    assert features.rows([]).shape == (0, len(TRANSACTION_FEATURES))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": None}, "another kind"),
        ({"amount": -1.0}, "above zero"),
        ({"channel": "fax"}, "another kind"),
        ({"customer_id": "x"}, "another kind"),
        ({"customer_id": 2**70}, "another kind"),
    ],
)
def test_a_record_of_other_types_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(BadRecord, match=said):
        _features().rows([RECORD | change])


@pytest.mark.parametrize("name", [field.name for field in TRANSACTION_FIELDS])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(BadRecord, match=name):
        _features().rows([{k: v for k, v in RECORD.items() if k != name}])


def test_a_users_columns_pass_through_with_null_as_nan_and_unseen_categories_as_zeros() -> None:
    spec = FeatureSpec(
        kind="columns",
        fields=(
            FieldSpec(name="when", type="number"),
            FieldSpec(name="size", type="number", nullable=True),
            FieldSpec(name="shape", type="string", nullable=True, categories=("cube", "disc", "orb")),
            FieldSpec(name="note", type="string"),
        ),
        features=("size", "shape=cube", "shape=orb"),
        time_field="when",
    )
    features = ColumnFeatures(spec)
    records = [
        {"when": 1.0, "size": 2.5, "shape": "orb", "note": "a"},
        {"when": 2.0, "size": None, "shape": "disc", "note": "b"},
        {"when": 3.0, "size": 1, "shape": None, "note": "c"},
    ]
    np.testing.assert_array_equal(
        features.rows(records), [[2.5, 0.0, 1.0], [np.nan, 0.0, 0.0], [1.0, 0.0, 0.0]]
    )
    assert features.rows([]).shape == (0, 3)
    with pytest.raises(BadRecord, match="size"):
        features.rows([{"when": 1.0, "size": "big", "shape": None, "note": ""}])
    with pytest.raises(BadRecord, match="shape"):
        features.rows([{"when": 1.0, "size": 1.0, "note": ""}])


def test_saved_features_load_as_the_same_numbers(tmp_path: Path) -> None:
    features = _features()
    save_features(features, tmp_path)
    loaded = load_features(tmp_path)
    assert loaded.spec == features.spec
    np.testing.assert_array_equal(loaded.rows([RECORD]), features.rows([RECORD]))


def test_a_missing_or_damaged_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTemplate, match=r"contract\.json"):
        load_features(tmp_path)
    save_features(_features(), tmp_path)
    for data in (b"", b"PK no zip", b"PK\x03\x04 torn"):
        (tmp_path / "features.npz").write_bytes(data)
        with pytest.raises(BadTemplate, match=r"features\.npz"):
            load_features(tmp_path)


def test_features_of_other_code_are_refused(tmp_path: Path) -> None:
    features = _features()
    older = msgspec.structs.replace(features.spec, features=features.spec.features[:-1])
    save_features(dataclasses.replace(features, spec=older), tmp_path)
    with pytest.raises(BadTemplate, match="prepare it anew"):
        load_features(tmp_path)


def test_serving_modules_import_neither_scikit_learn_nor_scipy() -> None:
    code = (
        "import sys, reference_pipeline.scoring, reference_pipeline.features, reference_pipeline.registry, "
        "reference_pipeline.world; print([m for m in ('sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
