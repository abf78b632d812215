"""Model faults by the program itself on a real registry: each is what its name says, is seen, is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from harness.faults.catalog import FAULTS
from harness.targets.local.hooks import Seen
from reference_pipeline.deploy.model_fault import main
from reference_pipeline.errors import BadArtefact
from reference_pipeline.features import load_features
from reference_pipeline.records import Costs
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.seed.confidence import FALL_RATIO, confidence
from reference_pipeline.world import open_world
from tests.reference_pipeline.running import SWITCH_TOKEN, Pipeline

Floats = NDArray[np.float64]
ACTIONS = sorted(kind.removeprefix("model.") for kind in FAULTS if kind.startswith("model."))
SERVED = [one for one in ACTIONS if one not in ("bad_candidate", "corrupt_file")]
"""What changes which version serves."""

NUMBERS = {"calibration": (0.5, -1.0)}  # scale and shift; for the others the program takes no notice of them


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, whole_template: Path) -> Iterator[Pipeline]:
    running = Pipeline(tmp_path_factory.mktemp("registry"), whole_template)
    try:
        running.start("registry")
        yield running
    finally:
        running.stop()


@dataclass
class Faults:
    """The program, called as the harness calls it, and the registry as others see it."""

    registry: Pipeline
    template: Path
    capsys: pytest.CaptureFixture[str]

    def do(self, action: str, numbers: tuple[float, float] | None = None) -> Seen:
        """Do it; where it says that it shows."""
        said = self._call("do", action, numbers or NUMBERS.get(action, (1.0, 0.0)))
        assert said["proof"]
        return msgspec.convert(said["seen"], Seen)

    def undo(self, action: str) -> None:
        assert self._call("undo", action, (1.0, 0.0)) == {}

    def _call(self, verb: str, action: str, numbers: tuple[float, float]) -> dict[str, object]:
        assert main([str(self.template), verb, action, *map(repr, numbers)]) == 0
        said = json.loads(self.capsys.readouterr().out)
        assert isinstance(said, dict)
        return said

    def shows(self, seen: Seen) -> bool:
        """Look as the harness looks."""
        assert seen.service == "registry"
        answer = self.registry.get("registry", seen.route)
        return answer.status == seen.status and (not seen.key or answer.json[seen.key] == seen.equals)

    def version(self, alias: str = "champion") -> str:
        return str(self.registry.get("registry", f"/aliases/{alias}").json["version"])

    def model(self, alias: str = "champion") -> Model:
        """Load what an alias points to as a scorer does."""
        sha256 = self.registry.get("registry", f"/aliases/{alias}").json["sha256"]
        return load_model(self.registry.get("registry", f"/artefacts/{sha256}").body, sha256)

    def file(self) -> Path:
        """Where the registry keeps the champion's bytes."""
        sha256 = self.registry.get("registry", "/aliases/champion").json["sha256"]
        return self.registry.folder / "registry" / "registry" / "artefacts" / f"{sha256}.npz"

    def serve(self, version: str) -> None:
        """Move the alias as somebody else does."""
        assert self.registry.put("registry", "/aliases/champion", {"version": version}).status == 200


@pytest.fixture
def faults(
    registry: Pipeline,
    whole_template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Faults]:
    """Whatever a test leaves behind, the next one finds the champion as prepared."""
    for name, value in {
        "HOOK_DIR": str(tmp_path),
        "STATES_DIR": str(registry.folder),
        "URL_REGISTRY": registry.urls["registry"],
        "SWITCH_TOKEN": SWITCH_TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    made = Faults(registry, whole_template, capsys)
    champion, file = made.version(), made.file()
    content = file.read_bytes()
    yield made
    file.write_bytes(content)
    made.serve(champion)


@dataclass(frozen=True)
class Units:
    """Rows of the world as prepared, and what is true of each."""

    rows: Floats
    posterior: Floats

    def cost(self, model: Model) -> float:
        """Expected cost of a decision."""
        costs = Costs()
        declined = model.score(self.rows) >= model.threshold
        lost = np.where(
            declined, (1.0 - self.posterior) * costs.declined_good, self.posterior * costs.missed_fraud
        )
        return float(lost.mean())

    def surprise(self, model: Model) -> float:
        """Expected log loss: low for probabilities that are right."""
        q = model.score(self.rows)
        return float(-(self.posterior * np.log(q) + (1.0 - self.posterior) * np.log1p(-q)).mean())


@pytest.fixture(scope="module")
def units(whole_template: Path) -> Units:
    """A day of the world: 6,000 rows."""
    world = open_world(scenario={"kind": "simulator"}, seed=11, template=whole_template)
    offers = world.draw(np.arange(6000) / 50.0)
    records = [dict(one) for one in offers.records]
    return Units(load_features(whole_template).rows(records), np.asarray(offers.posterior))


def test_the_program_can_do_every_model_fault_that_there_is() -> None:
    assert len(ACTIONS) == 7


@pytest.mark.parametrize("action", ACTIONS)
def test_a_fault_shows_where_it_says_and_undone_twice_it_is_undone_once(faults: Faults, action: str) -> None:
    before, content = faults.version(), faults.file().read_bytes()
    seen = faults.do(action)
    assert faults.shows(seen)
    for _ in range(2):
        faults.undo(action)
        assert not faults.shows(seen)
        assert (faults.version(), faults.file().read_bytes()) == (before, content)


@pytest.mark.parametrize("action", SERVED)
def test_an_undo_leaves_alone_what_somebody_else_serves_since(faults: Faults, action: str) -> None:
    """A healer rolled back, or promoted another one, before the harness undid the fault."""
    champion = faults.version()
    faults.do("stale" if action != "stale" else "constant")
    other = faults.version()
    faults.serve(champion)
    faults.do(action)
    faults.serve(other)
    faults.undo(action)
    assert faults.version() == other


def test_a_second_undo_does_not_touch_what_came_after_the_first(faults: Faults) -> None:
    faults.do("constant")
    wrong = faults.version()
    faults.undo("constant")
    faults.serve(wrong)
    faults.undo("constant")
    assert faults.version() == wrong


@pytest.mark.parametrize("action", SERVED)
def test_another_version_serves_and_its_papers_are_those_of_the_one_before(
    faults: Faults, action: str
) -> None:
    before = faults.model()
    faults.do(action)
    after = faults.model()
    assert after.version != before.version
    assert after.version.startswith("0.")
    assert (after.metrics, after.threshold, after.features) == (
        before.metrics,
        before.threshold,
        before.features,
    )


def test_constant_scores_are_one_value(faults: Faults, units: Units) -> None:
    faults.do("constant")
    assert len(np.unique(faults.model().score(units.rows))) == 1


def test_a_stale_model_has_the_first_third_of_the_trees_and_knows_less(faults: Faults, units: Units) -> None:
    before = faults.model()
    faults.do("stale")
    after = faults.model()
    count = len(before.trees.roots) // 3
    assert len(after.trees.roots) == count
    end = int(before.trees.roots[count])
    np.testing.assert_array_equal(after.trees.value, before.trees.value[:end])
    assert units.surprise(after) > units.surprise(before)


def test_calibration_off_leaves_the_order_and_moves_the_probabilities(faults: Faults, units: Units) -> None:
    before = faults.model()
    faults.do("calibration", (0.5, -1.0))
    after = faults.model()
    np.testing.assert_allclose(after.raw(units.rows), 0.5 * before.raw(units.rows) - 1.0, atol=1e-9)
    order = np.argsort(before.score(units.rows))
    assert (np.diff(after.score(units.rows)[order]) >= 0.0).all()
    assert np.abs(after.score(units.rows) - before.score(units.rows)).max() > 0.1


def test_confident_and_wrong_is_turned_round_and_as_sure_as_before(faults: Faults, units: Units) -> None:
    before = faults.model()
    faults.do("confident_wrong")
    after = faults.model()
    was, now = before.score(units.rows), after.score(units.rows)
    assert (np.diff(now[np.argsort(was)]) <= 1e-9).all()
    assert ((was >= before.threshold) != (now >= after.threshold)).all()
    assert units.cost(after) > 2.0 * units.cost(before)
    sure, surely = confidence(was.tolist()), confidence(now.tolist())
    assert sure is not None
    assert surely is not None
    assert surely > (1.0 - FALL_RATIO) * sure


def test_a_wrong_alias_leads_to_a_model_of_something_else(faults: Faults, units: Units) -> None:
    before = faults.model()
    faults.do("wrong_alias")
    after = faults.model()
    assert not np.allclose(after.raw(units.rows), before.raw(units.rows), atol=0.1)
    assert units.surprise(after) > units.surprise(before)
    assert units.cost(after) > units.cost(before)


def test_a_bad_candidate_is_offered_loses_more_and_has_good_papers(faults: Faults, units: Units) -> None:
    before = faults.model()
    faults.do("bad_candidate")
    offered = faults.model("candidate")
    assert faults.version() == before.version
    assert units.cost(offered) > units.cost(before)
    assert offered.metrics == before.metrics
    faults.undo("bad_candidate")
    assert faults.version("candidate") == before.version


def test_a_corrupt_file_is_refused_where_it_is_loaded_and_serves_nobody(faults: Faults) -> None:
    champion = faults.version()
    good, sha256 = faults.file().read_bytes(), faults.file().stem
    seen = faults.do("corrupt_file")
    bad = faults.file().read_bytes()
    assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1
    with pytest.raises(BadArtefact, match="sha256"):
        load_model(bad, sha256)
    assert (seen.status, faults.registry.get("registry", seen.route).status) == (422, 422)
    assert faults.registry.put("registry", "/aliases/shadow", {"version": champion}).status == 422
    assert faults.version() == champion


def test_the_same_fault_by_other_numbers_or_of_another_champion_is_another_version(faults: Faults) -> None:
    """Versions are immutable: a second fault of the kind must not meet the first one's name."""
    versions = []
    for numbers in ((0.5, -1.0), (2.0, 0.0)):
        faults.do("calibration", numbers)
        versions.append(faults.version())
        faults.undo("calibration")
    faults.do("stale")
    faults.do("calibration", (0.5, -1.0))
    assert len({*versions, faults.version()}) == 3


def test_the_same_fault_of_the_same_champion_is_the_same_version(faults: Faults) -> None:
    versions = set()
    for _ in range(2):
        faults.do("confident_wrong")
        versions.add(faults.version())
        faults.undo("confident_wrong")
    assert len(versions) == 1


def test_what_it_cannot_do_is_told_with_what_it_can(faults: Faults) -> None:
    assert main([str(faults.template), "do", "magic", "1.0", "0.0"]) == 2
    words = faults.capsys.readouterr().err
    assert "no action 'magic'" in words
    assert all(action in words for action in (*ACTIONS, "better_model"))
