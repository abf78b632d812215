"""A steady-state hypothesis: taken where every run proves the same by itself, refused else; never skipped."""

from __future__ import annotations

import pytest

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.messages import MESSAGES
from tests.harness.experiment.carets import under_carets

HYPOTHESIS = """\
steady-state-hypothesis:
  title: It is up
  probes:
    - type: probe
      name: up
      tolerance: true
      provider:
        type: python
        module: harness.frontends.chaostoolkit.probes
        func: ready
        arguments: {service: scorer}
"""
KILL = "func: process_kill\n      arguments: {service: scorer}"


def load(folder, hypothesis: str = HYPOTHESIS, fault: str = KILL):
    """Load the experiment with a hypothesis, after its one fault was replaced."""
    file = folder / "experiment.yaml"
    text = file.read_text()
    assert KILL in text
    file.write_text(text.replace(KILL, fault) + hypothesis)
    return load_experiment(file)


def problems_of(folder, **changes: str):
    """The problems of the experiment that ``load`` makes."""
    with pytest.raises(UsageProblem) as caught:
        load(folder, **changes)
    return caught.value.problems


def test_what_every_run_proves_by_itself_is_taken(folder):
    assert load(folder).steps


@pytest.mark.parametrize(
    ("old", "new", "code", "marked"),
    [
        ("tolerance: true", "tolerance: false", "HRM232", "false"),
        ("tolerance: true", "tolerance: 1", "HRM232", "1"),
        ("tolerance: true", "tolerance: [true]", "HRM232", "["),
        ("tolerance: true", "tolerance: {type: range, range: [0, 1]}", "HRM232", "{"),
        ("tolerance: true", 'tolerance: "true"', "HRM232", '"true"'),
        ("      tolerance: true\n", "", "HRM203", "t"),
        ("{service: scorer}", "{service: gateway}", "HRM232", "gateway"),
        ("{service: scorer}", "{service: scorr}", "HRM212", "scorr"),
        ("{service: scorer}", "{service: 3}", "HRM201", "3"),
        ("{service: scorer}", "{}", "HRM201", "{"),
    ],
)
def test_what_no_run_proves_is_refused_and_marked(folder, old, new, code, marked):
    assert old in HYPOTHESIS
    (problem,) = problems_of(folder, hypothesis=HYPOTHESIS.replace(old, new))
    assert (problem.code, under_carets(problem)) == (code, marked)
    assert problem.help
    assert MESSAGES[code].mend


@pytest.mark.parametrize(
    ("fault", "looked_at"),
    [
        ("func: process_hang\n      arguments: {service: gateway}", "gateway"),
        ("func: network_refuse\n      arguments: {edge: gateway-scorer}", "scorer"),
        ("func: network_refuse\n      arguments: {edge: driver-gateway}", "gateway"),
        ("func: data_drop_field\n      arguments: {field: amount}", "gateway"),
        ("func: placebo_surge\n      arguments: {}", "gateway"),
    ],
)
def test_looked_at_is_what_was_hit_or_where_a_hit_edge_leads_or_where_units_are_offered(
    folder, fault, looked_at
):
    asked = HYPOTHESIS.replace("scorer", looked_at)
    other = HYPOTHESIS.replace("scorer", "gateway" if looked_at == "scorer" else "scorer")
    whole = (folder / "experiment.yaml").read_text()
    assert load(folder, asked, fault).steps
    (folder / "experiment.yaml").write_text(whole)
    (problem,) = problems_of(folder, hypothesis=other, fault=fault)
    assert (problem.code, looked_at in problem.why) == ("HRM232", True)


def test_of_a_method_that_cannot_be_read_nothing_is_said_twice(folder):
    problems = problems_of(folder, fault=KILL.replace("process_kill", "process_kil"))
    assert [problem.code for problem in problems] == ["HRM211"]
