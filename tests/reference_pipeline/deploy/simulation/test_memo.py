"""What is kept in memory is what would have been computed, to the last bit, whatever was asked before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_pipeline.deploy.simulation import memo
from reference_pipeline.deploy.simulation.memo import MemoFeatures, begin_world, load_once
from reference_pipeline.errors import BadArtefact
from reference_pipeline.features import load_features
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.scoring import load_model
from reference_pipeline.world import open_world
from tests.conftest import SMALL

UNITS = 400


@pytest.fixture(scope="module")
def records(small_template: Path) -> list[dict[str, object]]:
    world = open_world(scenario=SMALL, seed=5, template=small_template)
    return [dict(one) for one in world.draw(np.linspace(0.0, 60.0, UNITS)).records]


@pytest.fixture(scope="module")
def artefact(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    folder = tmp_path_factory.mktemp("memo") / "registry"
    copy_registry(small_template / "registry", folder)
    registry = DiskRegistry(folder)
    try:
        sha256 = registry.alias("champion").sha256
        return registry.artefact(sha256), sha256
    finally:
        registry.close()


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, UNITS - 1), min_size=1, max_size=60), min_size=1, max_size=6))
def test_features_are_the_same_one_by_one_together_and_from_memory(
    small_template: Path, records: list[dict[str, object]], asked: list[list[int]]
) -> None:
    plain, kept = load_features(small_template), MemoFeatures(load_features(small_template))
    for places in asked:
        some = [records[place] for place in places]
        alone = np.concatenate([plain.rows([one]) for one in some])
        assert kept.rows(some).tobytes() == plain.rows(some).tobytes() == alone.tobytes()


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, UNITS - 1), min_size=1, max_size=60), min_size=1, max_size=6))
def test_scores_are_the_same_one_by_one_together_and_from_memory(
    small_template: Path,
    records: list[dict[str, object]],
    artefact: tuple[bytes, str],
    asked: list[list[int]],
) -> None:
    rows = load_features(small_template).rows(records)
    rows[::7, 3] = np.nan
    plain, kept = load_model(*artefact), load_once(*artefact)
    for places in asked:
        some = rows[places]
        alone = np.concatenate([plain.score(row[None]) for row in some])
        assert kept.score(some).tobytes() == plain.score(some).tobytes() == alone.tobytes()
    assert kept.version == plain.version
    assert load_once(*artefact) is kept


def test_what_is_too_much_to_keep_is_computed_and_all_is_let_go(
    small_template: Path, records: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo, "KEPT", 10)
    plain, kept = load_features(small_template), MemoFeatures(load_features(small_template))
    for size in (5, 20, 8, 3):
        assert kept.rows(records[:size]).tobytes() == plain.rows(records[:size]).tobytes()


def test_other_bytes_are_refused_though_the_model_is_known(artefact: tuple[bytes, str]) -> None:
    data, sha256 = artefact
    load_once(data, sha256)
    with pytest.raises(BadArtefact):
        load_once(bytes([data[0] ^ 0xFF]) + data[1:], sha256)


def test_a_world_that_begins_with_another_record_finds_nothing_of_the_one_before(
    small_template: Path, records: list[dict[str, object]], artefact: tuple[bytes, str]
) -> None:
    kept = MemoFeatures(load_features(small_template))
    model = load_once(*artefact)
    before = model.raw(kept.rows(records[:20]))
    begin_world(kept, records[0], artefact[1])
    assert kept.knows(records[19]), "the other arm of a pair begins alike"
    begin_world(kept, records[200], artefact[1])
    assert not kept.knows(records[0])
    assert memo._scores[artefact[1]]._known == {}
    assert model.raw(kept.rows(records[:20])).tobytes() == before.tobytes()
