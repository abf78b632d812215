"""What is watched of a feature row: numbers, categories by their one-hot columns, nothing of the clock."""

from __future__ import annotations

import numpy as np

from reference_pipeline.features import transaction_spec
from reference_pipeline.healing.detectors.watched import watched_of
from reference_pipeline.records import CATEGORIES, CHANNELS, FeatureSpec, FieldSpec


def test_transactions_have_twelve_numbers_and_two_categories() -> None:
    spec = transaction_spec()
    found = watched_of(spec)
    assert found.levels == {"channel": CHANNELS, "category": CATEGORIES}
    assert len(found.numbers) == 12
    assert not {"hour_sin", "night"} & set(found.features)
    assert [spec.features[column] for column in found.features.values()] == list(found.features)


def test_a_users_own_column_of_the_same_name_is_watched() -> None:
    spec = FeatureSpec(
        kind="columns",
        fields=(FieldSpec(name="weekend", type="number"),),
        features=("weekend",),
        time_field="at",
    )
    assert watched_of(spec).features == {"weekend": 0}


def test_codes_are_levels_a_level_never_seen_and_none() -> None:
    spec = transaction_spec()
    found = watched_of(spec)
    rows = np.zeros((4, len(spec.features)))
    rows[0, spec.features.index("channel=pos")] = 1.0
    rows[1, spec.features.index("channel=phone")] = 1.0
    nulls = np.zeros((4, 2), dtype=np.bool_)
    nulls[3, 0] = True
    codes = found.table(rows, nulls).categories
    assert codes[:, 0].tolist() == [0, 2, len(CHANNELS), -1]
    assert codes[:, 1].tolist() == [len(CATEGORIES)] * 4
