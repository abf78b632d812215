"""A fault in the records that could change none of them is told before anything is started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from harness.driver.spec import LabelFeed
from harness.errors import Refused, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.messages import MESSAGES
from harness.experiment.model import Arm, Experiment, FaultStep
from harness.faults.effects import Kill, Mutate, Shift
from harness.plan.model import Plan
from harness.run.campaign import run_campaign
from harness.run.fields import check_record_faults, label_feed
from tests.consents import consent_for
from tests.traps.histories import Story, plan_of

FILE = """\
title: t
method:
  - type: action
    name: no such field
    provider: {type: python, module: m, func: data_drop_field, arguments: {field: amuont}}
  - type: action
    name: good
    provider: {type: python, module: m, func: data_drop_field, arguments: {field: amount}}
  - type: action
    name: no text
    provider: {type: python, module: m, func: data_new_category, arguments: {field: amount}}
"""
MISSPELT = FaultStep(
    name="no such field", kind="data.drop_field", effect=Mutate(mutation="drop", field="amuont")
)
GOOD = FaultStep(name="good", kind="data.drop_field", effect=Mutate(mutation="drop", field="amount"))
NO_TEXT = FaultStep(
    name="no text", kind="data.new_category", effect=Mutate(mutation="new_category", field="amount")
)
PYTHON_PATH = str(Path(__file__).parents[2] / "calibration" / "outages")


@pytest.fixture
def asked(prepared_by, tmp_path):
    """Make an experiment about the records of a world, with the plan of its steps."""

    def make(*steps: FaultStep, world: str = "outage_world:open_world") -> tuple[Plan, Experiment]:
        (tmp_path / "experiment.yaml").write_text(FILE)
        experiment = prepared_by("true")
        system = msgspec.structs.replace(experiment.system, world=world, prepare=None)
        plan = plan_of(Story(episodes=len(steps)))
        episodes = tuple(
            msgspec.structs.replace(episode, effect=step.effect, kind=step.kind)
            for episode, step in zip(plan.episodes, steps, strict=True)
        )
        return msgspec.structs.replace(plan, episodes=episodes), msgspec.structs.replace(
            experiment, file=str(tmp_path / "experiment.yaml"), system=system, steps=steps
        )

    return make


def check(plan: Plan, experiment: Experiment, template: Path) -> None:
    check_record_faults((plan, plan), experiment, template=template, python_path=PYTHON_PATH)


def test_every_fault_that_could_change_no_record_is_told_at_its_line_with_the_fields_there_are(
    asked, tmp_path
):
    with pytest.raises(UsageProblem) as caught:
        check(*asked(MISSPELT, GOOD, NO_TEXT), tmp_path)
    misspelt, no_text = caught.value.problems
    assert (misspelt.code, misspelt.line, no_text.code, no_text.line) == ("HRM231", 5, "HRM231", 11)
    assert misspelt.why == "drop: no record has a field 'amuont'"
    assert misspelt.help == "did you mean 'amount'? Known: amount, due_s, golden"
    assert "amuont" in misspelt.excerpt
    assert no_text.why == "new_category: 'amount' holds no strings"
    assert MESSAGES["HRM231"].mend


def test_a_move_that_the_world_does_not_know_is_told_at_its_knob(asked, tmp_path):
    effect = Shift(knob="scael", value=2.0, moves="records")
    shift = FaultStep(name="no such field", kind="world.covariate_shift", effect=effect)
    plan, experiment = asked(shift, world="moving_world:open_world")
    Path(experiment.file).write_text(
        FILE.replace("data_drop_field", "world_covariate_shift", 1).replace(
            "{field: amuont}", "{value: 2.0, knob: scael}"
        )
    )
    with pytest.raises(UsageProblem) as caught:
        check(plan, experiment, tmp_path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == ("HRM231", 5)
    assert problem.help == "did you mean 'scale'? Known: idle, limit, odds, scale"
    assert "knob: scael" in problem.excerpt


@pytest.mark.slow
def test_a_move_is_asked_for_with_each_seed_since_what_it_reaches_is_a_matter_of_dice(asked, tmp_path):
    effect = Shift(knob="limit", value=497.0, moves="truth")
    shift = FaultStep(name="good", kind="world.concept_change", effect=effect)
    plan, experiment = asked(shift, world="moving_world:open_world")
    seeds = [msgspec.structs.replace(plan, seed=seed) for seed in range(6)]
    refused = []
    for one in seeds:
        try:
            check(one, experiment, tmp_path)
        except UsageProblem:
            refused.append(one.seed)
    assert refused
    with pytest.raises(UsageProblem):
        check_record_faults(seeds, experiment, template=tmp_path, python_path=PYTHON_PATH)


def test_a_file_that_is_gone_costs_the_line_alone(asked, tmp_path):
    plan, experiment = asked(MISSPELT)
    Path(experiment.file).unlink()
    with pytest.raises(UsageProblem) as caught:
        check(plan, experiment, tmp_path)
    assert [(p.code, p.line) for p in caught.value.problems] == [("HRM231", 0)]


def test_faults_that_can_be_done_and_plans_without_any_pass(asked, tmp_path):
    check(*asked(GOOD), tmp_path)
    kill = FaultStep(name="kill", kind="process.kill", effect=Kill(service="one"))
    check(*asked(kill, world="nowhere:none"), tmp_path)


def test_a_world_that_cannot_be_opened_is_refused_in_its_own_words(asked, tmp_path):
    with pytest.raises(Refused, match=r"world 'nowhere:none' \(module:function\) cannot be opened"):
        check(*asked(GOOD, world="nowhere:none"), tmp_path)


def test_a_campaign_with_such_a_fault_starts_nothing_and_keeps_no_folder(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((PYTHON_PATH, os.environ.get("PYTHONPATH", ""))))
    plan, experiment = asked(MISSPELT)
    monkeypatch.setenv("HORMESIS_CONSENT", consent_for(experiment.system, Path(experiment.system_dir)))
    store = tmp_path / "store"
    with pytest.raises(UsageProblem, match="could not be done to these records"):
        run_campaign((plan,), experiment, store=store, seed=1, progress=lambda _: None)
    assert not list(store.glob("**/runs"))
    assert not list(store.glob("**/campaign.json"))


# where labels and truth go

SHIPPED = load_experiment(Path(__file__).parents[3] / "experiments" / "standard" / "concept.yaml")
BASE = "http://127.0.0.1:1"


@pytest.mark.parametrize("arm", get_args(Arm))
def test_arm_oracle_alone_is_told_the_truth_and_it_is_told_no_labels(arm: str) -> None:
    feed = label_feed(plan_of(Story(arm=arm)), SHIPPED, BASE)
    labels, truth = (f"{BASE}/labels", "") if arm != "oracle" else ("", f"{BASE}/truth")
    assert (feed["url"], feed["truth_url"]) == (labels, truth)


@pytest.mark.parametrize("arm", get_args(Arm))
def test_where_the_service_does_not_run_nobody_is_told_anything(arm: str) -> None:
    feed = label_feed(plan_of(Story(arm=arm)), SHIPPED)
    assert (feed["url"], feed["truth_url"]) == ("", "")


def test_an_oracle_of_a_system_that_takes_no_truth_is_told_labels() -> None:
    system = msgspec.structs.replace(SHIPPED.system, truth="")
    feed = label_feed(plan_of(Story(arm="oracle")), msgspec.structs.replace(SHIPPED, system=system), BASE)
    assert (feed["url"], feed["truth_url"]) == (f"{BASE}/labels", "")


def test_the_driver_can_read_what_it_is_told_of_labels() -> None:
    """In run seconds: 720 seconds of the world are one."""
    feed = label_feed(plan_of(Story(arm="oracle")), SHIPPED, BASE)
    assert msgspec.convert(feed, LabelFeed) == LabelFeed(
        url="", truth_url=f"{BASE}/truth", delay_s=1.0, spread_s=1.0
    )
