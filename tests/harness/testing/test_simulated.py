"""The example of docs/property-tests.md as it stands: it holds for the healer, not for one that is wrong."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import example

from harness.errors import Refused, Untrustworthy, UsageProblem
from harness.experiment.load import load_experiment
from harness.faults.effects import Mutate
from harness.guard.halt import halt
from harness.run.template import template_key
from harness.search.schedule import Fault, schedule_of
from harness.search.wording import schedule_text
from harness.testing.simulated import LIMITS, Pipeline, pipeline
from tests.conftest import SMALL
from tests.harness.search.ground import ROOT, ground, pause

PAGE = (ROOT / "docs" / "property-tests.md").read_text("utf-8")
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = "experiments/smoke/kill-one.yaml"
Load = Callable[[], ModuleType]


@pytest.fixture
def here(tmp_path: Path, small_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the example needs one, with a small world whose system is prepared already."""
    knobs = "\n".join(f"  {name}: {value}" for name, value in SMALL.items())
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "steady.yaml").write_text(
        f"version: 1\nname: small\nworld_s_per_run_s: 720\nknobs:\n{knobs}\n"
    )
    (tmp_path / "experiments" / "smoke").mkdir(parents=True)
    (tmp_path / FILE).write_text((ROOT / FILE).read_text("utf-8"))
    templates = tmp_path / "store" / ".templates"
    templates.mkdir(parents=True)
    (templates / template_key(load_experiment(tmp_path / FILE))).symlink_to(small_template)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path / "store"))
    return tmp_path


@pytest.fixture
def shown(here: Path) -> ModuleType:
    """The one block of Python on the page, imported."""
    (block,) = FENCE.findall(PAGE)
    file = here / "test_mine.py"
    file.write_text(block)
    spec = importlib.util.spec_from_file_location("test_mine", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_of_the_page_passes_as_it_stands(shown: ModuleType) -> None:
    shown.test_no_schedule_of_faults_breaks_the_healer()


def test_the_same_property_fails_for_a_healer_that_is_wrong(shown: ModuleType, small_template: Path) -> None:
    """Two healers that both believe to be the only one: each restarts what hangs."""
    shown.PIPELINE = Pipeline(ground(small_template, "benchmarks.search.bugs:open_double", LIMITS))
    found = schedule_of([pause("healer", 0.0, 1.5), pause("features", 2.0, 2.75)])
    with pytest.raises(AssertionError, match="pause healer @0 for 1"):
        example(schedule=found)(shown.test_no_schedule_of_faults_breaks_the_healer)()


def test_the_failure_on_the_page_is_one(small_template: Path) -> None:
    schedule = schedule_of([pause("gateway", 0.0, 0.5)])
    assert f"AssertionError: {schedule_text(schedule)}\n" in PAGE
    assert Pipeline(ground(small_template, limits=LIMITS)).play(schedule).lost == 1


def test_an_episode_of_which_nothing_can_be_said_is_no_success(small_template: Path) -> None:
    nowhere = Fault(effect=Mutate(mutation="drop", field="nowhere"), at_s=1.0, lasts_s=1.0)
    with pytest.raises(Untrustworthy, match=r"\[mutate drop nowhere 100 % @1 for 1 s\]: CannotTouch"):
        Pipeline(ground(small_template)).play(schedule_of([nowhere]))


def test_what_can_be_done_to_records_can_be_played(small_template: Path) -> None:
    one = Pipeline(ground(small_template))
    assert {"amount", "channel"} <= {effect.field for effect in one.mutations}
    fault = Fault(effect=one.mutations[0], at_s=0.5, lasts_s=1.0)
    assert one.play(schedule_of([fault])).met[0].met


def test_another_seed_or_other_limits_are_another_pipeline_and_equal_ones_are_equal(here: Path) -> None:
    one = pipeline(FILE)
    assert one == pipeline(here / FILE, store=here / "store")
    assert one.ground.arm == "reference"
    assert pipeline(FILE, seed=1).ground.seed == 1
    short = msgspec.structs.replace(LIMITS, calm_s=1.0)
    assert pipeline(FILE, limits=short).ground.limits == short
    assert "gateway" in one.system.services


def test_a_healer_that_is_not_there_and_a_store_that_is_halted_are_refused(here: Path) -> None:
    with pytest.raises(UsageProblem, match="no healer in arm 'bare'"):
        pipeline(FILE, arm="bare")
    halt(here / "store", "enough")
    with pytest.raises(Refused, match="is halted: enough"):
        pipeline(FILE)
