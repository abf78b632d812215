"""A small system, a scenario, and an experiment on it, for every test of stage 1."""

from __future__ import annotations

import pytest

SYSTEM = """\
version: 1
name: toy
services:
  gateway: {command: [gateway], after: [scorer]}
  scorer: {command: [scorer]}
edges:
  gateway-scorer: {source: gateway, to: scorer}
workload: {service: gateway, route: /decide}
audit: {accepted: "gateway:/audit/accepted"}
"""
SCENARIO = "version: 1\nname: steady\n"
EXPERIMENT = """\
title: Kill the scorer
description: Does it come back?
method:
  - type: action
    name: kill-scorer
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: scorer}
x-hormesis:
  version: 1
  system: system.yaml
  scenario: scenario.yaml
  profile: test
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with system.yaml, scenario.yaml and experiment.yaml, all right."""
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    return tmp_path
