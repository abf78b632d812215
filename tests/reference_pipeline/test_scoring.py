"""The artefact and its numpy predictor: refuses what is not itself, walks trees rightly."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.errors import BadArtefact
from reference_pipeline.scoring import Model, Trees, dump_model, load_model


def _stump(**changes: object) -> Trees:
    """One tree: x0 <= 1.5 (missing goes left) -> -2, else x1 <= 0 -> 1, else 3 (missing right)."""
    parts: dict[str, object] = {
        "feature": np.array([0, 0, 1, 0, 0], dtype=np.int32),
        "threshold": np.array([1.5, 0, 0, 0, 0], dtype=np.float64),
        "missing_left": np.array([True, False, False, False, False]),
        "children": np.array([1, 2, 1, 1, 3, 4, 3, 3, 4, 4], dtype=np.int32),
        "value": np.array([9, -2, 9, 1, 3], dtype=np.float64),
        "roots": np.array([0], dtype=np.int32),
        "baseline": 0.5,
        "depth": 2,
    }
    return Trees(**(parts | changes))  # type: ignore[arg-type]


def _bytes(trees: Trees) -> bytes:
    return dump_model(
        trees,
        version="1.2.3",
        threshold=0.9,
        features=("a", "b"),
        metrics={"cost": 0.5},
        lineage={"seed": "1"},
    )


def _load(data: bytes) -> Model:
    return load_model(data, hashlib.sha256(data).hexdigest())


def _sigmoid(raw: float) -> float:
    return float(1 / (1 + np.exp(-raw)))


def test_a_tree_is_walked_by_threshold_and_by_the_side_of_missing_values() -> None:
    model = _load(_bytes(_stump()))
    rows = [[1.5, 9], [np.nan, 9], [1.6, 0.0], [1.6, 0.1], [1.6, np.nan], [np.inf, -np.inf]]
    expected = [_sigmoid(0.5 + leaf) for leaf in (-2, -2, 1, 3, 3, 1)]
    assert model.score(rows).tolist() == pytest.approx(expected)
    assert model.decide(model.score(rows)) == [
        "approve",
        "approve",
        "approve",
        "decline",
        "decline",
        "approve",
    ]


def test_the_version_is_the_semantic_version_and_the_hash_of_the_content() -> None:
    data = _bytes(_stump())
    model = _load(data)
    assert model.version == f"1.2.3+{hashlib.sha256(data).hexdigest()[:12]}"
    assert (model.metrics, model.lineage, model.features) == ({"cost": 0.5}, {"seed": "1"}, ("a", "b"))


def test_the_same_model_has_the_same_bytes() -> None:
    assert _bytes(_stump()) == _bytes(_stump())


def test_bytes_of_another_hash_are_refused_before_they_are_read() -> None:
    with pytest.raises(BadArtefact, match="the registry says 000000000000"):
        load_model(_bytes(_stump()), "0" * 64)


def test_a_flipped_decision_threshold_changes_the_hash() -> None:
    data = _bytes(_stump())
    changed = dump_model(
        _stump(),
        version="1.2.3",
        threshold=0.1,
        features=("a", "b"),
        metrics={"cost": 0.5},
        lineage={"seed": "1"},
    )
    with pytest.raises(BadArtefact):
        load_model(changed, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 torn", b"{}"])
def test_bytes_that_are_no_artefact_are_refused(data: bytes) -> None:
    with pytest.raises(BadArtefact, match="are no hormesis-trees-1"):
        _load(data)


def test_another_format_is_refused_by_name() -> None:
    with np.load(io.BytesIO(_bytes(_stump()))) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    meta = json.loads(parts["meta"].tobytes()) | {"format": "hormesis-trees-9"}
    parts["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **parts)
    with pytest.raises(BadArtefact, match="hormesis-trees-9"):
        _load(buffer.getvalue())


def test_pickled_arrays_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.array([{"evil": True}], dtype=object))
    with pytest.raises(BadArtefact):
        _load(buffer.getvalue())


@pytest.mark.parametrize(
    "changes",
    [
        {"children": np.array([1, 2, 1, 1, 3, 9, 3, 3, 4, 4], dtype=np.int32)},
        {"feature": np.array([0, 0, 2, 0, 0], dtype=np.int32)},
        {"roots": np.array([-1], dtype=np.int32)},
        {"roots": np.array([], dtype=np.int32)},
        {"value": np.array([1.0])},
    ],
)
def test_trees_that_point_outside_of_themselves_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadArtefact, match=r"trees|arrays"):
        _load(_bytes(_stump(**changes)))


def test_rows_of_another_width_are_refused() -> None:
    model = _load(_bytes(_stump()))
    with pytest.raises(ValueError, match=r"needs \(n, 2\)"):
        model.score([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="shape"):
        model.score([1.0, 2.0])


def test_no_rows_have_no_scores() -> None:
    model = _load(_bytes(_stump()))
    assert model.score(np.zeros((0, 2))).shape == (0,)
    assert model.decide([]) == []


_any_float = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(_any_float, _any_float), min_size=1, max_size=20))
def test_a_row_scores_the_same_alone_and_in_a_batch(rows: list[tuple[float, float]]) -> None:
    model = _load(_bytes(_stump()))
    alone = [model.score([row])[0] for row in rows]
    assert model.score(rows).tolist() == alone
