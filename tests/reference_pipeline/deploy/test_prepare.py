"""The template: whole or absent, the same from the same inputs, and good enough to serve."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_breast_cancer

from reference_pipeline.deploy.prepare import main, prepare
from reference_pipeline.errors import BadScenario, BadTemplate
from reference_pipeline.features import load_features
from reference_pipeline.healing.detectors.calendar import PHASES
from reference_pipeline.healing.detectors.stored import BATCH, LEARNED, load_row_watch, load_score_rows
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.world import open_world

SMALL = {
    "kind": "simulator",
    "world_s_per_run_s": 720.0,
    "customers": 300,
    "terminals": 80,
    "history_rows": 20_000,
    "history_days": 51,
}
SCENARIOS = Path(__file__).parents[3] / "scenarios"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(SMALL, seed=3, out=tmp_path_factory.mktemp("prepared") / "template")


def _champion(template: Path, folder: Path) -> Model:
    copy_registry(template / "registry", folder / "registry")
    registry = DiskRegistry(folder / "registry")
    try:
        alias = registry.alias("champion")
        return load_model(registry.artefact(alias.sha256), alias.sha256)
    finally:
        registry.close()


@pytest.mark.slow
def test_the_same_inputs_give_the_same_files(template: Path, tmp_path: Path) -> None:
    again = prepare(SMALL, seed=3, out=tmp_path / "again")
    assert (again / "manifest.json").read_bytes() == (template / "manifest.json").read_bytes()


def _manifest(template: Path) -> dict[str, dict[str, str]]:
    decoded: dict[str, dict[str, str]] = json.loads((template / "manifest.json").read_bytes())
    return decoded


def test_the_manifest_lists_every_file_with_its_hash(template: Path) -> None:
    files = {
        str(path.relative_to(template)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in template.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert _manifest(template)["files"] == files
    assert {"contract.json", "features.npz", "golden.json", "population.npz", "registry/registry.db"} < set(
        files
    )


def test_the_champion_wins_back_most_of_what_fraud_costs(template: Path, tmp_path: Path) -> None:
    model = _champion(template, tmp_path)
    drawn = open_world(scenario=SMALL, seed=11, template=template).draw(np.linspace(0, 240, 20_000))
    declined = model.score(load_features(template).rows(drawn.records)) >= model.threshold
    p = drawn.posterior

    def cost(decline: np.ndarray) -> float:
        return float(np.where(decline, 1 - p, 20 * p).mean())

    best, worst = cost(p >= model.threshold), cost(np.zeros(len(p), dtype=bool))
    assert best < cost(declined) < best + 0.4 * (worst - best)
    assert 0.01 < declined.mean() < 0.15


def test_the_champion_decides_every_golden_row_rightly(template: Path, tmp_path: Path) -> None:
    model = _champion(template, tmp_path)
    records, decisions = open_world(scenario=SMALL, seed=1, template=template).golden(120)
    assert model.decide(model.score(load_features(template).rows(records))) == decisions
    assert set(decisions) == {"approve", "decline"}
    assert len({json.dumps(record) for record in records}) >= 40


def test_an_existing_folder_is_not_overwritten(template: Path) -> None:
    before = (template / "manifest.json").stat().st_mtime_ns
    with pytest.raises(BadTemplate, match="exists"):
        prepare(SMALL, seed=3, out=template)
    assert (template / "manifest.json").stat().st_mtime_ns == before


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(BadScenario, match="golden rows need 5 of each; raise history_rows"):
        prepare(SMALL | {"big_ticket_share": 0.0, "history_rows": 3000}, seed=3, out=tmp_path / "template")
    with pytest.raises(BadScenario):
        prepare(SMALL | {"nonsense": 1}, seed=3, out=tmp_path / "template")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("positive", "said"),
    [
        (range(0, 120, 20), "the later (replayed) part has 60 rows, 3 of them positive"),  # before training
        (
            [i for i in range(120) if i * 7919 % 101 % 2],
            "clear declines; golden rows need 5 of each",
        ),  # noise
    ],
)
def test_a_file_with_too_few_clear_rows_is_told_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], positive: Sequence[int], said: str
) -> None:
    rows = "".join(f"{i},{i % 7},{int(i in positive)}\n" for i in range(120))
    (tmp_path / "own.csv").write_text("when,amount,fraud\n" + rows)
    knobs = {"kind": "replay", "source": str(tmp_path / "own.csv"), "time_column": "when"}
    (tmp_path / "s.json").write_text(json.dumps(knobs | {"label_column": "fraud"}))
    out = tmp_path / "t"
    assert main(["--scenario-json", str(tmp_path / "s.json"), "--seed", "1", "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Bring more rows, above all positive ones; or lower train_share" in told
    assert not out.exists()


def test_the_command_says_what_is_wrong_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, said in (
        ("{", "cannot be read as JSON"),
        ("[]", "one JSON object"),
        ('{"a": 1}', "unknown knob a"),
    ):
        (tmp_path / "s.json").write_text(text)
        out = str(tmp_path / "t")
        assert main(["--scenario-json", str(tmp_path / "s.json"), "--seed", "1", "--out", out]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_the_shipped_scenario_is_one_of_this_world() -> None:
    shipped = yaml.safe_load((SCENARIOS / "steady.yaml").read_text())
    assert shipped["knobs"] == {"kind": "simulator"}
    assert shipped["world_s_per_run_s"] == 720


def test_the_template_keeps_what_rows_and_scores_look_like(template: Path, tmp_path: Path) -> None:
    found, rows = load_row_watch(template), load_score_rows(template)
    assert found is not None
    assert rows is not None
    assert found.scores.version == _champion(template, tmp_path).version
    assert (found.why, found.scores.why) == ("", "")
    assert len(rows) == 28 * PHASES * BATCH
    assert (template / "score_rows.npz").stat().st_size < 8_000_000


@pytest.mark.slow
def test_the_command_builds_in_a_fresh_process_and_another_seed_other_files(
    template: Path, tmp_path: Path
) -> None:
    (tmp_path / "s.json").write_text(json.dumps(SMALL))
    out = tmp_path / "template"
    command = [sys.executable, "-m", "reference_pipeline.deploy.prepare", "--seed", "1", "--out", str(out)]
    subprocess.run([*command, "--scenario-json", str(tmp_path / "s.json")], check=True, timeout=120)
    assert len(open_world(scenario=SMALL, seed=1, template=out).golden(120)[0]) == 120
    assert json.loads((out / "manifest.json").read_bytes())["files"] != _manifest(template)["files"]


@pytest.fixture(scope="module")
def real_set(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Write a real labelled set (569 tumours, 30 measures) as a CSV of one's own; return its scenario."""
    data = load_breast_cancer()
    path = tmp_path_factory.mktemp("real") / "tumours.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seconds", *(name.replace(" ", "_") for name in data.feature_names), "malignant"])
        for order, (row, target) in enumerate(zip(data.data.tolist(), data.target.tolist(), strict=True)):
            writer.writerow([order, *row, 1 - target])
    return {
        "kind": "replay",
        "source": str(path),
        "time_column": "seconds",
        "label_column": "malignant",
        "world_s_per_run_s": 1.0,
    }


def test_the_reference_of_the_world_is_the_champion_as_prepared(template: Path, tmp_path: Path) -> None:
    world = open_world(scenario=SMALL, seed=11, template=template)
    records = world.draw(np.linspace(0, 240, 11_000)).records
    model, features = _champion(template, tmp_path), load_features(template)
    declines = model.score(features.rows(records)) >= model.threshold
    np.testing.assert_array_equal(world.reference(records), declines.astype(np.int8))
    assert 0 < declines.mean() < 0.2
    assert world.reference([]).shape == (0,)
    assert world.costs() == (20.0, 1.0)
    (template / "frozen.npz").rename(tmp_path / "frozen.npz")
    try:
        with pytest.raises(BadTemplate, match=r"frozen.npz: .* prepare the template anew"):
            world.reference(records)
    finally:
        (tmp_path / "frozen.npz").rename(template / "frozen.npz")


def test_a_real_labelled_set_is_trained_on_and_replayed(real_set: dict[str, object], tmp_path: Path) -> None:
    template = prepare(real_set, seed=1, out=tmp_path / "template")
    model, features = _champion(template, tmp_path), load_features(template)
    assert features.spec.features[:2] == ("mean_radius", "mean_texture")
    assert len(features.spec.features) == 30
    world = open_world(scenario=real_set, seed=1, template=template)
    drawn = world.draw(np.arange(285.0))  # the later half, once
    decided = np.array(model.decide(model.score(features.rows(drawn.records)))) == "decline"
    accuracy = float((decided == (drawn.label == 1)).mean())
    assert 0.9 < accuracy < 1.0
    assert model.metrics["accuracy"] == pytest.approx(accuracy)
    records, decisions = world.golden(40)
    assert model.decide(model.score(features.rows(records))) == decisions
    labels = {
        record["seconds"]: label for record, label in zip(drawn.records, drawn.label.tolist(), strict=True)
    }
    assert ["decline" if labels[r["seconds"]] else "approve" for r in records] == decisions


def test_a_replay_of_few_rows_says_why_its_rows_cannot_be_judged(
    real_set: dict[str, object], tmp_path: Path
) -> None:
    found = load_row_watch(prepare(real_set, seed=1, out=tmp_path / "template"))
    assert found is not None
    assert found.why == "284 stored rows where 10000 are needed"
    assert found.scores.why == LEARNED
    assert len(found.scores.sample) == 284


def test_a_replay_of_many_rows_is_watched_numbers_categories_and_what_is_missing(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    level = dice.choice(["a", "b", "c", ""], 24_000, p=[0.5, 0.3, 0.19, 0.01])
    amount = dice.lognormal(3.0, 1.0, 24_000)
    label = (amount > 60).astype(int)
    with (tmp_path / "own.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["when", "amount", "level", "fraud"])
        writer.writerows(
            zip(range(24_000), amount.round(2).tolist(), level.tolist(), label.tolist(), strict=True)
        )
    knobs = {"kind": "replay", "source": str(tmp_path / "own.csv"), "time_column": "when"}
    out = prepare(knobs | {"label_column": "fraud"}, seed=1, out=tmp_path / "template")
    found = load_row_watch(out)
    assert found is not None
    assert found.rows is not None
    names = ["amount", "amount missing", "level", "level missing"]
    assert [group.name for group in found.rows.groups] == names
    assert found.shape == (1, 24)
    assert 0 < found.nulls.sum() < 60
    assert load_score_rows(out) is None
