"""The files that `hormesis init` writes: a system that answers requests, two questions about it. Pure.

Comes in: what a user said of the system. Goes out: texts by file name, which the loader takes as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from harness.experiment.scalars import resolve

SYSTEM = """\
# What is tested. `hormesis explain system hormesis.yaml` says what can be hit.
version: 1
name: {name}
services:
  server:
    # {{port}} is the port that we choose, {{system}} this folder
    command: {command}
    {worker}
    readiness: {readiness}
workload:
  service: server
  route: {route}
  body: single  # one record is the JSON body, one object is the answer
  units: requests.jsonl  # what is offered, one JSON object a line, again and again
  decision: {decision}  # where the decision stands in your answer
  decides: {decides}  # text, number or bool
  # check: golden.jsonl  # lines {{"unit": {{...}}, "decision": ...}}: answers that must be right
  # version: /model/version  # where the answer tells which model served
"""
EXPERIMENT = """\
title: {title}
description: {description}
method:
  - type: action
    name: {action}
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: {func}
      arguments: {arguments}
x-hormesis:
  version: 1
  system: hormesis.yaml
  {profile}
  repetitions: 1  # an interval of the median wants 6; `hormesis plan` says what a verdict costs
"""
PROFILE = """\
profile:  # 100 records a second; back = 2 s without a bad window; waited for 30 s
    {base: default, rate_hz: 100, load_batch: 0, baseline_units: 400, window_s: 1, hold_s: 2, tau_s: 30,
     wash_out_s: 2}"""
QUESTIONS = {
    "kill.yaml": {
        "title": "Kill the server",
        "description": "How long until it serves again?",
        "action": "kill-server",
        "func": "process_kill",
        "arguments": "{service: server}",
    },
    "hang.yaml": {
        "title": "Hang the server",
        "description": "The port accepts and nothing answers. Does anybody heal that?",
        "action": "hang-server",
        "func": "process_hang",
        "arguments": "{service: server}",
    },
}
NO_WORKER = "# worker: port  # where the command is a restart loop of yours: what serves below it is hit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is known of the system; ``unit``: one record that it takes. ``loop``: the command restarts it."""

    name: str
    command: tuple[str, ...]
    route: str
    decision: str
    decides: str
    readiness: str
    unit: Mapping[str, object]
    loop: bool


def scaffold(answers: Answers) -> dict[str, str]:
    """Write all files.

    >>> asked = Answers(name="flats", command=("serve", "{port}"), route="/predict", decision="/price",
    ...     decides="number", readiness="tcp", unit={"rooms": 3}, loop=False)
    >>> sorted(scaffold(asked))
    ['hang.yaml', 'hormesis.yaml', 'kill.yaml', 'requests.jsonl']
    """
    system = SYSTEM.format(
        name=flow(answers.name),
        command=flow(list(answers.command)),
        worker="worker: port" if answers.loop else NO_WORKER,
        readiness=flow(answers.readiness),
        route=flow(answers.route),
        decision=flow(answers.decision),
        decides=answers.decides,
    )
    return files_of(system, ("requests.jsonl", answers.unit), QUESTIONS)


def files_of(
    system: str,
    units: tuple[str, Mapping[str, object]],
    questions: Mapping[str, Mapping[str, str]],
    profile: str = PROFILE,
) -> dict[str, str]:
    """Put the texts of the system, its one unit and the questions together, by file name."""
    files = {"hormesis.yaml": system, units[0]: json.dumps(dict(units[1])) + "\n"}
    return files | {name: EXPERIMENT.format(**words, profile=profile) for name, words in questions.items()}


class _Plain(yaml.SafeDumper):
    """Quotes each text that our loader would not take for that very text."""


def _written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if resolve(text) == text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _written)


def flow(value: object) -> str:
    """YAML on one line, in the order given, quoted where it must be.

    >>> flow(["serve", "{port}"]), flow("tcp")
    ("[serve, '{port}']", 'tcp')
    """
    text = yaml.dump(
        value, Dumper=_Plain, default_flow_style=True, width=100_000, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()
