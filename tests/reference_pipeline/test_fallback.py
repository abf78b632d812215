"""The fallback: what it is worth against the truth, and what it does with every kind of damage."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reference_pipeline.contract import Contract
from reference_pipeline.deploy.prepare import prepare
from reference_pipeline.errors import BadTemplate
from reference_pipeline.fallback import (
    BY_PRIOR,
    BY_RECORD,
    BY_ROWS,
    FALLBACK_FILE,
    LogisticFallback,
    dependents,
    load_fallback,
)
from reference_pipeline.features import Features, TransactionFeatures, load_features
from reference_pipeline.inpath import Lost
from reference_pipeline.records import DAY_S, Costs, Record
from reference_pipeline.registry import DiskRegistry
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.world.knobs import SimulatorKnobs
from reference_pipeline.world.population import load_population
from reference_pipeline.world.simulator import Dice, as_records, draw_columns
from reference_pipeline.world.truth import posterior
from tests.conftest import SMALL
from tests.reference_pipeline.running import record

FIELDS = ("customer_id", "terminal_id", "amount", "channel", "category", "card_age_days", "event_time_s")


@dataclass(frozen=True)
class Scene:
    """A template, and units of the days after it with their posterior."""

    template: Path
    features: Features
    fallback: LogisticFallback
    champion: Model
    records: Sequence[Record]
    truth: np.ndarray

    def cost(self, declined: np.ndarray) -> float:
        """The expected cost of a unit under the true posterior."""
        costs = Costs()
        each = np.where(declined, (1 - self.truth) * costs.declined_good, self.truth * costs.missed_fraud)
        return float(each.mean())

    def gain(self, declined: np.ndarray) -> float:
        """The share of the champion's gain over the best constant decision."""
        every = np.ones(len(self.truth), dtype=bool)
        prior = min(self.cost(every), self.cost(~every))
        champion = self.champion.score(self.features.rows(self.records)) >= self.champion.threshold
        return (prior - self.cost(declined)) / (prior - self.cost(champion))

    def declined(self, lost: Lost) -> np.ndarray:
        return np.array([d.decision == "decline" for d in self.fallback.decide(lost)])


def _scene(template: Path, knobs: SimulatorKnobs, count: int, seed: int) -> Scene:
    features = load_features(template)
    with closing(DiskRegistry(template / "registry")) as registry:
        sha256 = registry.alias("champion").sha256
        champion = load_model(registry.artefact(sha256), sha256)
    population = load_population(template, knobs)
    time_s = (knobs.history_days + 2 * np.arange(count) / count) * DAY_S
    columns = draw_columns(time_s, population, knobs, Dice(seed, "later"))
    records = [{"id": str(i), **r} for i, r in enumerate(as_records(columns))]
    truth = posterior(columns, population, knobs)
    return Scene(template, features, load_fallback(features, template), champion, records, truth)


@pytest.fixture(scope="module")
def scene(small_template: Path) -> Scene:
    knobs = SimulatorKnobs(**{key: value for key, value in SMALL.items() if key != "kind"})
    return _scene(small_template, knobs, 4000, 11)


def _raw(records: Sequence[Record]) -> dict[str, msgspec.Raw]:
    return {str(r["id"]): msgspec.Raw(msgspec.json.encode(r)) for r in records}


def _without(records: Sequence[Record], name: str) -> Lost:
    cut = [{key: value for key, value in r.items() if key != name} for r in records]
    return Lost(records=_raw(cut), broken={str(r["id"]): frozenset({name}) for r in cut})


def test_with_the_rows_it_answers_by_them_and_without_by_the_record_alike(scene: Scene) -> None:
    some = scene.records[:50]
    rows = [msgspec.Raw(msgspec.json.encode(row)) for row in scene.features.rows(some).tolist()]
    by_rows = scene.fallback.decide(Lost(records=_raw(some), rows=rows))
    by_record = scene.fallback.decide(Lost(records=_raw(some)))
    assert [d.id for d in by_rows] == [d.id for d in by_record] == [r["id"] for r in some]
    assert {d.model for d in by_rows} == {BY_ROWS}
    assert {d.model for d in by_record} == {BY_RECORD}
    assert all(d.degraded for d in (*by_rows, *by_record))
    np.testing.assert_allclose([d.score for d in by_rows], [d.score for d in by_record], rtol=1e-12)
    assert len({d.decision for d in scene.fallback.decide(Lost(records=_raw(scene.records)))}) == 2


def test_a_model_without_a_field_uses_no_product_of_its_features(scene: Scene) -> None:
    weights = scene.fallback._weights
    width = len(scene.features.spec.features)
    assert len(weights.pairs) == 6
    for name, lost in dependents(scene.features.spec).items():
        own = weights.weights[weights.variants.tolist().index(name)]
        of_field = np.isin(weights.pairs, lost).any(axis=1)
        assert not own[width:][of_field].any()
        assert own[width:][~of_field].all()


@pytest.mark.parametrize("rows", [[b"[1]"], [b"{}"], [b"nothing"], [b"[]"]], ids=str)
def test_rows_that_are_no_rows_are_not_used(scene: Scene, rows: list[bytes]) -> None:
    lost = Lost(records=_raw(scene.records[:1]), rows=[msgspec.Raw(row) for row in rows])
    assert [d.model for d in scene.fallback.decide(lost)] == [BY_RECORD]


def test_a_missing_feature_in_a_row_counts_as_its_mean(scene: Scene) -> None:
    row = msgspec.Raw(msgspec.json.encode([None] * len(scene.features.spec.features)))
    (decided,) = scene.fallback.decide(Lost(records=_raw(scene.records[:1]), rows=[row]))
    assert 0 < decided.score < 1
    assert decided.model == BY_ROWS


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", ["nonsense", None, -1, [], {}, True, 1e308, "12.5", ...], ids=repr)
def test_a_broken_field_changes_nothing_but_the_knowledge_of_it(
    scene: Scene, name: str, value: object
) -> None:
    """Whatever the broken value is, the answer is that of a record without the field."""
    whole = dict(scene.records[7])
    broken = {key: kept for key, kept in whole.items() if key != name}
    if value is not ...:
        broken[name] = value
    fields = Contract(scene.features.spec).broken_fields(broken)
    if not fields:
        pytest.skip("this value is a good one for this field")
    assert fields == {name}
    lost = Lost(records=_raw([broken]), broken={"7": fields})
    assert scene.fallback.decide(lost) == scene.fallback.decide(_without([whole], name))


def test_a_record_without_any_field_is_answered_by_the_prior(scene: Scene) -> None:
    lost = Lost(records=_raw([{"id": "x"}]), broken={"x": frozenset(FIELDS)})
    (decided,) = scene.fallback.decide(lost)
    assert decided.model == BY_PRIOR
    assert 0 < decided.score < 0.2


def test_one_record_that_cannot_be_a_row_does_not_harm_the_others(scene: Scene) -> None:
    poison = record("poison", channel="no channel that the features know")
    answers = scene.fallback.decide(Lost(records=_raw([*scene.records[:3], poison])))
    assert [d.model for d in answers] == [BY_RECORD, BY_RECORD, BY_RECORD, BY_PRIOR]


def test_each_field_decides_over_no_feature_but_its_dependents(scene: Scene) -> None:
    changed = {"customer_id": 9, "terminal_id": 7, "amount": 77.0, "channel": "phone", "category": "travel"}
    changed |= {"card_age_days": 3.0, "event_time_s": 5 * DAY_S + 3 * 3600.0}
    spec = scene.features.spec
    (before,) = scene.features.rows([record("a")])
    for name, value in changed.items():
        (after,) = scene.features.rows([record("a", **{name: value})])
        assert set(np.flatnonzero(before != after)) <= set(dependents(spec)[name]), name
        assert (before != after).any(), name


def test_a_file_that_is_not_the_manifests_is_refused(scene: Scene, tmp_path: Path) -> None:
    copy = tmp_path / "template"
    shutil.copytree(scene.template, copy)
    path = copy / FALLBACK_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BadTemplate, match="manifest"):
        load_fallback(scene.features, copy)
    path.unlink()
    with pytest.raises(BadTemplate, match="cannot be read"):
        load_fallback(scene.features, copy)


def test_the_users_own_columns_get_a_fallback_too(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    lines = ["when,size,kind,label"]
    for i in range(3000):
        size, kind = dice.normal(), "ab"[int(dice.random() < 0.3)]
        label = int(dice.random() < 1 / (1 + np.exp(2 - 2 * size - (kind == "b"))))
        lines.append(f"{i},{size:.4f},{kind},{label}")
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    knobs = {"kind": "replay", "source": str(tmp_path / "own.csv"), "time_column": "when"}
    template = prepare(knobs | {"label_column": "label"}, seed=1, out=tmp_path / "template")
    fallback = load_fallback(load_features(template), template)
    high, low, unknown = fallback.decide(
        Lost(
            records=_raw(
                [
                    {"id": "0", "when": 1.0, "size": 2.0, "kind": "b"},
                    {"id": "1", "when": 1.0, "size": -2.0, "kind": "a"},
                    {"id": "2", "when": 1.0, "size": "two", "kind": "b"},
                ]
            ),
            broken={"2": frozenset({"size"})},
        )
    )
    assert low.score < unknown.score < high.score
    assert high.decision == "decline"


WORTH: Mapping[str, float] = {"rows": 0.8, "record": 0.8, "amount": 0.5}
"""Least share of the champion's gain over the prior, by what was lost."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 7, 19])
def test_degraded_answers_win_at_least_half_of_the_champions_gain(tmp_path: Path, seed: int) -> None:
    template = prepare({"kind": "simulator"}, seed=seed, out=tmp_path / "template")
    scene = _scene(template, SimulatorKnobs(), 40_000, seed + 100)
    rows = [msgspec.Raw(msgspec.json.encode(row)) for row in scene.features.rows(scene.records).tolist()]
    won = {
        "rows": scene.gain(scene.declined(Lost(records=_raw(scene.records), rows=rows))),
        "record": scene.gain(scene.declined(Lost(records=_raw(scene.records)))),
        **{name: scene.gain(scene.declined(_without(scene.records, name))) for name in FIELDS},
    }
    assert all(won[name] >= least for name, least in WORTH.items()), won


def test_the_fallback_knows_what_to_do_with_transactions(scene: Scene) -> None:
    """A cheap form of the slow test: the small template has too little history for its bar."""
    assert isinstance(scene.features, TransactionFeatures)
    assert scene.gain(scene.declined(Lost(records=_raw(scene.records)))) >= 0.25
