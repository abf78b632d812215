"""What the README shows is accepted as it stands: its experiment keys and its replay scenario."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from reference_pipeline.world.knobs import ReplayKnobs, read_scenario
from tests.style.source import ROOT

FENCE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def blocks() -> dict[str, str]:
    """The README's YAML blocks by their first word."""
    found = FENCE.findall((ROOT / "README.md").read_text("utf-8"))
    return {block.partition(":")[0]: block for block in found}


def _experiment(folder: Path, asked: str) -> Path:
    shutil.copytree(ROOT / "scenarios", folder / "scenarios", dirs_exist_ok=True)
    path = folder / "experiments" / "smoke" / "mine.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    shipped = (ROOT / "experiments" / "smoke" / "kill-one.yaml").read_text("utf-8")
    path.write_text(shipped.partition("x-hormesis:")[0] + asked, "utf-8")
    return path


def test_the_experiment_keys_of_the_readme_load(tmp_path: Path, blocks: dict[str, str]) -> None:
    experiment = load_experiment(_experiment(tmp_path, blocks["x-hormesis"]))
    assert experiment.arms == ("reference", "none")
    assert experiment.repetitions == 30
    assert len(experiment.objectives) == 3


def test_the_replay_scenario_of_the_readme_loads(tmp_path: Path, blocks: dict[str, str]) -> None:
    asked = blocks["x-hormesis"].replace("steady.yaml", "mine.yaml")
    path = _experiment(tmp_path, asked)
    (tmp_path / "scenarios" / "mine.yaml").write_text(blocks["version"], "utf-8")
    (tmp_path / "scenarios" / "payments.csv").write_text(
        "paid_at,country,channel,customer_name,fraud\n", "utf-8"
    )
    experiment = load_experiment(path)
    assert experiment.scenario.name == "my-payments"
    assert isinstance(read_scenario(experiment.scenario.knobs)[1], ReplayKnobs)


def test_a_wrong_key_in_the_readme_would_be_seen(tmp_path: Path, blocks: dict[str, str]) -> None:
    with pytest.raises(UsageProblem):
        load_experiment(_experiment(tmp_path, blocks["x-hormesis"].replace("arms:", "arm:")))
