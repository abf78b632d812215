"""Schemas of files that people write: they take what the loader takes, and refuse what has another form."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.schema import experiment_schema, scenario_schema, system_schema
from harness.experiment.sources import read_scenario, read_system
from harness.faults.catalog import FAULTS, compile_fault
from tests.harness.experiment.schema_kit import mutations

ROOT = Path(__file__).parents[3]
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.yaml"))
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
TINY = ROOT / "tests" / "safety" / "tiny_system"
SYSTEMS = [ROOT / "reference_pipeline" / "hormesis.yaml", TINY / "hormesis.yaml"]
FORM = {"HRM201", "HRM202", "HRM203", "HRM205", "HRM206", "HRM211", "HRM213", "HRM215", "HRM217", "HRM219"}
"""Codes of what a file says by its own form: a schema must see it."""

FULL = """\
title: Kill and slow the scorer
description: Does it come back?
tags: [kill]
contributions: {reliability: high}
x-ticket: {any: thing}
method:
  - type: action
    name: kill-scorer
    pauses: {before: 1, after: 0.5}
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: scorer}
  - type: action
    name: slow
    x-note: as seen in May
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: network_latency
      arguments: {edge: gateway-scorer, latency_ms: 100, jitter_ms: 5.5, way: both, duration_s: 2}
rollbacks:
  - type: action
    name: restore
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_restore
      arguments: {service: scorer}
steady-state-hypothesis:
  title: It is ready
  probes:
    - type: probe
      name: scorer-ready
      tolerance: true
      provider:
        type: python
        module: harness.frontends.chaostoolkit.probes
        func: ready
        arguments: {service: scorer}
x-hormesis:
  version: 1
  system: system.yaml
  scenario: scenario.yaml
  profile: {base: test, tau_s: 8, margin_ratio: 0.02, window_units: 40}
  arms: [none, bare]
  restart_profiles: [fast, kubernetes]
  repetitions: 3
  sham: true
  objectives:
    - {fault: process.kill, arm: none, served_within_s: 5, share_ratio: 0.9}
    - {exactly_once: true}
    - {availability_ratio: 0.99}
"""
PLACES = {
    "service": "scorer",
    "edge": "gateway-scorer",
    "field": "amount",
    "latency_ms": 10,
    "rate_kib_s": 1,
    "slice_bytes": 5,
    "share_ratio": 0.5,
    "knob": "share",
    "value": 1.5,
    "level": "phone",
}
BESIDES = {"model.calibration": {"scale": 2}}
"""Arguments of which one at least is needed."""


def valid(schema, data: object) -> bool:
    return Draft202012Validator(schema).is_valid(data)


def problems_of(path: Path) -> set[str]:
    """Codes of what the loader has against an experiment; none = it takes it."""
    try:
        load_experiment(path)
    except UsageProblem as error:
        return {problem.code for problem in error.problems}
    return set()


def compared(schema, data: object, found_by, every: int = 1) -> Counter[str]:
    """Each harm by the loader and by the schema; counts how both judged, after they were compared.

    ``every``: so many-th harm, of a file that has very many places.
    """
    validator = Draft202012Validator(schema)
    assert validator.is_valid(data)
    assert not found_by(data)
    counts: Counter[str] = Counter()
    for what, harmed in islice(mutations(data), 0, None, every):
        codes, takes = found_by(harmed), validator.is_valid(harmed)
        assert takes or codes, f"the loader takes it and the schema does not: {what}"
        assert not (takes and codes & FORM), f"the schema takes what {codes} is about: {what}"
        counts[
            "refused by both" if not takes else "taken by both" if not codes else "seen by the loader"
        ] += 1
    return counts


@pytest.mark.parametrize("schema", [experiment_schema, scenario_schema, system_schema])
def test_they_are_schemas_of_the_dialect_they_name(schema):
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_shipped_experiment_is_taken(file):
    errors = list(Draft202012Validator(experiment_schema()).iter_errors(yaml.safe_load(file.read_text())))
    assert not errors, errors[0]


@pytest.mark.parametrize("file", [*SCENARIOS, TINY / "steady.yaml"], ids=lambda path: path.stem)
def test_every_shipped_scenario_is_taken(file):
    assert valid(scenario_schema(), yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda path: path.parent.name)
def test_every_shipped_system_is_taken(file):
    assert valid(system_schema(), yaml.safe_load(file.read_text()))


def test_an_experiment_of_another_form_is_refused_by_schema_and_loader(folder):
    def found_by(data: object) -> set[str]:
        (folder / "experiment.yaml").write_text(json.dumps(data))
        return problems_of(folder / "experiment.yaml")

    counts = compared(experiment_schema(), yaml.safe_load(FULL), found_by, every=5)
    assert counts["refused by both"] > 150
    assert counts["taken by both"] > 5


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda path: path.parent.name)
def test_a_system_of_another_form_is_refused_by_schema_and_loader(file, tmp_path):
    def found_by(data: object) -> set[str]:
        (tmp_path / "system.yaml").write_text(json.dumps(data))
        found = []
        read_system(tmp_path / "system.yaml", found)
        return {problem.code for problem in found}

    every = 11 if "reference" in str(file) else 1
    counts = compared(system_schema(), yaml.safe_load(file.read_text()), found_by, every)
    assert counts["refused by both"] > 100


def test_a_scenario_of_another_form_is_refused_by_schema_and_loader(tmp_path):
    def found_by(data: object) -> set[str]:
        (tmp_path / "scenario.yaml").write_text(json.dumps(data))
        found = []
        read_scenario(tmp_path / "scenario.yaml", found)
        return {problem.code for problem in found}

    data = yaml.safe_load(SCENARIOS[0].read_text())
    data |= {"labels": {"delay_s": 60, "known": "declined", "explored_ratio": 0.1}}
    assert compared(scenario_schema(), data, found_by)["refused by both"] > 40


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_can_be_written_and_its_arguments_are_checked(kind):
    needed = experiment_schema()["$defs"][FAULTS[kind].parameters.__name__].get("required", [])
    arguments = {name: PLACES[name] for name in needed} | BESIDES.get(kind, {})
    compile_fault(kind, arguments)
    data = yaml.safe_load(FULL)
    provider = data["method"][0]["provider"]
    provider |= {"func": kind.replace(".", "_"), "arguments": arguments}
    assert valid(experiment_schema(), data)
    provider["arguments"] = {**arguments, "surplus": 1}
    assert not valid(experiment_schema(), data)
    for name in needed:
        provider["arguments"] = {key: value for key, value in arguments.items() if key != name}
        assert not valid(experiment_schema(), data)
    if needed:
        del provider["arguments"]
        assert not valid(experiment_schema(), data)


@pytest.mark.parametrize(
    ("knob", "value", "held"),
    [
        ("margin_ratio", 0.3, False),
        ("margin_ratio", 0, False),
        ("margin_ratio", 0.2, True),
        ("rate_hz", 0.05, False),
        ("baseline_units", 19, False),
        ("name", "mine", False),
        ("base", "fast", False),
    ],
)
def test_knobs_of_a_profile_have_the_ranges_of_the_loader(folder, knob, value, held):
    data = yaml.safe_load(FULL)
    data["x-hormesis"]["profile"][knob] = value
    (folder / "experiment.yaml").write_text(json.dumps(data))
    assert valid(experiment_schema(), data) is held
    assert (not problems_of(folder / "experiment.yaml")) is held
