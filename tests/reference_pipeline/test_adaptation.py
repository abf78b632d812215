"""Adapted models: what they learn, what they keep, and that a cut training ends with the same bytes."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.adaptation import TooFewLabels, adapt
from reference_pipeline.features import load_features
from reference_pipeline.records import FeatureSpec, FieldSpec
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.scoring import Model, Trees, load_model
from reference_pipeline.training import Champion, Labelled, train_champion
from tests.reference_pipeline.learning import RATE_HZ, move, units

SPEC = FeatureSpec(
    kind="columns",
    fields=tuple(FieldSpec(name=f"x{i}", type="number", nullable=True) for i in range(4)),
    features=tuple(f"x{i}" for i in range(4)),
    time_field="x0",
)
HOLDOUT_ROWS = 500


def _world(
    seed: int, count: int, *, pattern: bool = False, odds: float = 1.0, missing: float = 0.0
) -> Labelled:
    """Positives follow x0; with ``pattern`` most rows with x3 above 1.2 are positive, whatever x0 is."""
    dice = np.random.default_rng(seed)
    rows = dice.normal(size=(count, 4))
    risk = 1 / (1 + np.exp(4 - 2.5 * rows[:, 0]))
    risk = odds * risk / (1 - risk + odds * risk)
    if pattern:
        risk = np.where(rows[:, 3] > 1.2, 0.8, risk)
    rows[dice.random(rows.shape) < missing] = np.nan
    return Labelled(rows, (dice.random(count) < risk).astype(np.int8))


def _load(made: Champion) -> Model:
    return load_model(made.artefact, hashlib.sha256(made.artefact).hexdigest())


def _adapted(parent: Model, recent: Labelled, **more: object) -> Model:
    holdout = Labelled(recent.rows[-HOLDOUT_ROWS:], recent.label[-HOLDOUT_ROWS:])
    made = adapt(parent, recent, holdout, spec=SPEC, version="1.1.0", lineage={"key": "k"}, **more)  # type: ignore[arg-type]
    return _load(made)


def _log_loss(model: Model, data: Labelled) -> float:
    p = np.clip(model.score(data.rows), 1e-9, 1 - 1e-9)
    return float(-np.where(data.label == 1, np.log(p), np.log(1 - p)).mean())


@pytest.fixture(scope="module")
def parent() -> Model:
    made = train_champion(_world(1, 8000), _world(2, 1000), spec=SPEC, version="1.0.0", lineage={})
    return _load(made)


def test_a_new_pattern_is_learned_from_a_thousand_rows(parent: Model) -> None:
    model = _adapted(parent, _world(3, 1000, pattern=True))
    fresh = _world(4, 5000, pattern=True)
    touched = fresh.rows[:, 3] > 1.2
    inside = Labelled(fresh.rows[touched], fresh.label[touched])
    assert _log_loss(model, inside) < 0.4 * _log_loss(parent, inside)
    assert model.lineage["parent"] == parent.version


def test_what_the_recent_rows_do_not_contradict_is_kept(parent: Model) -> None:
    model, fresh = _adapted(parent, _world(5, 3000)), _world(6, 5000)
    assert _log_loss(model, fresh) < 1.1 * _log_loss(parent, fresh)


def test_without_trees_the_scores_add_up_to_the_positives(parent: Model) -> None:
    recent = _world(7, 3000, odds=5.0)
    model = _adapted(parent, recent, trees=0)
    assert model.score(recent.rows).sum() == pytest.approx(recent.label.sum(), rel=1e-3)
    assert len(model.trees.roots) == len(parent.trees.roots)
    raised = model.raw(recent.rows) - parent.raw(recent.rows)
    assert raised == pytest.approx(np.full(len(raised), np.log(5.0)), abs=0.35)


def test_rows_with_missing_values_can_be_learned_from(parent: Model) -> None:
    model = _adapted(parent, _world(8, 2000, pattern=True, missing=0.1))
    assert np.isfinite(model.score(_world(9, 500, missing=0.3).rows)).all()


def test_a_training_that_was_cut_ends_with_the_same_bytes(parent: Model) -> None:
    recent = _world(10, 1500, pattern=True)
    seen: list[Trees] = []
    whole = _adapted(parent, recent, kept=lambda _, trees: seen.append(trees))
    assert len(seen) == 24
    for at in (0, 7, 22):
        assert _adapted(parent, recent, begun=seen[at]).sha256 == whole.sha256


def test_a_parent_may_be_adapted_itself(parent: Model) -> None:
    once = _adapted(parent, _world(11, 1500, pattern=True))
    twice = _adapted(once, _world(12, 1500, pattern=True))
    assert len(twice.trees.roots) == len(parent.trees.roots) + 48


def test_probabilities_teach_more_than_as_many_labels(parent: Model) -> None:
    """An oracle's rows: what is true of each, without the noise of what became of it."""
    rows = _world(20, 800, pattern=True).rows
    risk = np.where(rows[:, 3] > 1.2, 0.8, 1 / (1 + np.exp(4 - 2.5 * rows[:, 0])))
    told, fresh = _adapted(parent, Labelled(rows, risk)), _world(21, 8000, pattern=True)
    labels = (np.random.default_rng(22).random(800) < risk).astype(np.int8)
    assert _log_loss(told, fresh) < _log_loss(_adapted(parent, Labelled(rows, labels)), fresh)


@pytest.mark.parametrize(("rows", "positive"), [(399, 100), (500, 19), (500, 481)])
def test_too_few_labels_are_refused_with_what_is_needed(parent: Model, rows: int, positive: int) -> None:
    label = (np.arange(rows) < positive).astype(np.int8)
    few = Labelled(np.random.default_rng(1).normal(size=(rows, 4)), label)
    with pytest.raises(TooFewLabels, match="at least 400 with 20 of each class"):
        _adapted(parent, few)


def test_what_was_learned_in_an_afternoon_holds_after_midnight(whole_template: Path, tmp_path: Path) -> None:
    """The window reaches back behind the change, so that the hour tells there what is a fraud by phone."""
    copy_registry(whole_template / "registry", tmp_path / "registry")
    with closing(DiskRegistry(tmp_path / "registry")) as registry:
        alias = registry.alias("champion")
        champion = load_model(registry.artefact(alias.sha256), alias.sha256)
    given = units(whole_template, seed=71, length_s=100, moves=(move("pattern_risk", 0.7, 20.0),))
    seen = slice(15 * RATE_HZ, 30 * RATE_HZ)
    recent = Labelled(given.rows[seen], given.label[seen])
    spec = load_features(whole_template).spec
    made = adapt(champion, recent, recent, spec=spec, version="1.1.0", lineage={})

    def excess(model: Model, from_s: int, until_s: int) -> float:
        later = slice(from_s * RATE_HZ, until_s * RATE_HZ)
        p, declined = given.posterior[later], model.score(given.rows[later]) >= model.threshold
        return float((np.where(declined, 1 - p, 20 * p) - np.minimum(1 - p, 20 * p)).mean())

    day = (given.due_s * 720.0 + 8 * 3600.0) // 86400.0
    assert (day[40 * RATE_HZ], day[85 * RATE_HZ]) == (0, 1)
    for from_s in (40, 85):
        assert excess(_load(made), from_s, from_s + 10) < 0.25 * excess(champion, from_s, from_s + 10)
    clock = {spec.features.index(name) for name in spec.of_the_clock}
    assert len(clock) == 4
    assert not clock & set(_load(made).trees.feature[len(champion.trees.feature) :].tolist()) - {0}
