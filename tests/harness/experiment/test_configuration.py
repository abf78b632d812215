"""A file of somebody else for Chaos Toolkit: filled in where they would, refused where we do not run it."""

from __future__ import annotations

import pytest

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from tests.harness.experiment.carets import under_carets

THEIRS = """\
version: 1.0.0
title: What happens if our service is slow to respond?
description: Written for another tool.
tags: [http]
configuration:
  base_url: {type: env, key: BASE_URL, default: "http://localhost:8080"}
  token: {type: vault, path: a, key: b}
  quiet_s: 3
  live: {type: probe, name: x, provider: {type: python, module: a, func: b}}
secrets:
  k8s: {token: {type: env, key: TOKEN}}
controls:
  - {name: c, provider: {type: python, module: chaosaddons.controls.safeguards}}
contributions: {reliability: high}
extensions:
  - {name: org.example, data: 1}
runtime: {hypothesis: {strategy: continuously}, rollbacks: {strategy: never}}
steady-state-hypothesis:
  title: up
  controls: []
  probes:
    - type: probe
      name: answers
      tolerance: 200
      provider: {type: http, url: "${base_url}/health", timeout: [1, 2], headers: {a: b}}
    - type: probe
      name: processes
      tolerance: true
      provider: {type: process, path: ps, arguments: "aux", timeout: 3}
    - ref: answers
method:
  - type: probe
    name: look
    background: true
    provider: {type: python, module: os, func: getcwd, secrets: [k8s]}
  - type: action
    name: stop
    background: true
    pauses: {before: 1, after: "${quiet_s}"}
    provider: {type: process, path: systemctl, arguments: {stop: nginx}}
  - type: action
    name: log
    provider: {type: python, module: chaosaws.ec2.actions, func: stop, arguments: {id: "${base_url}"}}
rollbacks:
  - type: action
    name: start
    controls: []
    provider: {type: http, url: "http://localhost"}
"""
REFUSED = [
    ("HRM203", 1, "v"),
    ("HRM216", 6, "{"),
    ("HRM216", 7, "{"),
    ("HRM215", 9, "{"),
    ("HRM215", 10, "secrets"),
    ("HRM215", 12, "controls"),
    ("HRM215", 17, "continuously"),
    ("HRM215", 17, "never"),
    ("HRM215", 20, "controls"),
    ("HRM232", 24, "200"),
    ("HRM213", 25, "http"),
    ("HRM213", 29, "process"),
    ("HRM215", 30, "ref"),
    ("HRM214", 32, "probe"),
    ("HRM215", 38, "background"),
    ("HRM213", 43, "chaosaws.ec2.actions"),
    ("HRM215", 47, "controls"),
]


def test_of_a_file_of_others_all_that_is_not_run_is_refused_at_its_place_with_a_reason(tmp_path):
    (tmp_path / "theirs.yaml").write_text(THEIRS)
    with pytest.raises(UsageProblem) as caught:
        load_experiment(tmp_path / "theirs.yaml")
    found = [(problem.code, problem.line, under_carets(problem)) for problem in caught.value.problems]
    assert found == REFUSED
    assert all(problem.why and problem.help for problem in caught.value.problems)


def filled(folder, old: str, new: str, configuration: str):
    file = folder / "experiment.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(f"{text.replace(old, new)}configuration: {configuration}\n")
    return load_experiment(file)


def test_what_is_filled_in_is_the_question_as_if_it_were_written(folder):
    plain = load_experiment(folder / "experiment.yaml").sha256
    assert filled(folder, "service: scorer}", 'service: "${it}"}', "{it: scorer}").sha256 == plain


@pytest.mark.parametrize(
    ("new", "configuration", "code", "marked"),
    [
        ('"${it}"', "{it: scorr}", "HRM212", '"${it}"'),
        ('"${ti}"', "{it: scorer}", "HRM216", '"${ti}"'),
        (
            '"${it}"',
            "{it: {type: env, key: IT, default: scorer}}",
            "HRM216",
            "{type: env, key: IT, default: scorer}",
        ),
        ('"${it}"', '{it: "${other}", other: scorer}', "HRM216", '"${other}"'),
        ("scorer", "[1]", "HRM201", "["),
    ],
)
def test_what_cannot_be_filled_in_is_told_once(folder, new, configuration, code, marked):
    with pytest.raises(UsageProblem) as caught:
        filled(folder, "service: scorer}", f"service: {new}}}", configuration)
    (problem,) = caught.value.problems
    assert (problem.code, under_carets(problem)) == (code, marked[: len(under_carets(problem))])
    assert problem.help


def test_what_the_environment_says_stays_out_of_a_message(folder, monkeypatch):
    monkeypatch.setenv("HORMESIS_TEST_TOKEN", "do-not-show-me")
    with pytest.raises(UsageProblem) as caught:
        filled(folder, "scorer}", '"${it}"}', "{it: {type: env, key: HORMESIS_TEST_TOKEN}}")
    assert "do-not-show-me" not in "".join(map(str, caught.value.problems))
