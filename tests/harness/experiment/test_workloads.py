"""What a system file says of its work is checked at once, with the place of each mistake."""

from __future__ import annotations

import pytest

from harness.errors import Problem, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.sources import read_system

HEAD = """\
version: 1
name: mine
services:
  scorer: {command: [serve]}
"""
SINGLE = "service: scorer, route: /predict, body: single"


@pytest.fixture
def problems_of(tmp_path):
    """Give the problems of a system whose ``workload`` is this; the folder holds two good files of units."""
    (tmp_path / "units.jsonl").write_text('{"amount": 5}\n')
    (tmp_path / "bad.jsonl").write_text('{"amount": 5}\namount: 5\n')
    (tmp_path / "golden.jsonl").write_text('{"unit": {"amount": 5}, "decision": "approve"}\n')

    def read(workload: str, rest: str = "") -> list[Problem]:
        path = tmp_path / "hormesis.yaml"
        path.write_text(f"{HEAD}{rest}workload: {{{workload}}}\n")
        problems: list[Problem] = []
        read_system(path, problems)
        return problems

    return read


def test_a_single_body_with_files_of_units_is_right(problems_of) -> None:
    assert problems_of(f"{SINGLE}, under: /instances/0, units: units.jsonl, check: golden.jsonl") == []


@pytest.mark.parametrize(
    ("workload", "code", "why"),
    [
        ("version: model", "HRM204", "begins with /"),
        ("under: /rows/3", "HRM204", "a list of one has 0"),
        ("within: [0, 1]", "HRM204", "a decision is text here"),
        ("within: [1, 0], decides: number", "HRM204", "smaller number first"),
        ("units: none.jsonl", "HRM101", "no such file"),
        ("units: ''", "", ""),
        ("units: bad.jsonl", "HRM307", "malformed"),
        ("check: golden.jsonl", "HRM306", "golden units of its own"),
        ("units: units.jsonl, check: units.jsonl", "HRM307", "unknown field"),
        ("units: units.jsonl, check: golden.jsonl, decides: bool", "HRM307", "'approve' is no bool"),
        ("dead_letter: /dead", "HRM306", "matched by the call"),
        ("decides: words", "HRM206", ""),
        ("tolerance: -1", "HRM204", ""),
    ],
)
def test_each_mistake_is_told_at_its_place(problems_of, workload: str, code: str, why: str) -> None:
    found = problems_of(f"{SINGLE}, {workload}")
    assert [(problem.code, problem.line) for problem in found] == ([(code, 5)] if code else [])
    assert all(why in problem.why for problem in found)
    assert all(problem.help for problem in found)


def test_what_needs_ids_has_no_use_where_records_carry_none(problems_of) -> None:
    found = problems_of(SINGLE, 'labels: "scorer:/labels"\naudit: {sink: "scorer:/sink"}\n')
    assert [problem.code for problem in found] == ["HRM306", "HRM306"]


def test_units_come_from_one_place(problems_of) -> None:
    found = problems_of(f"{SINGLE}, units: units.jsonl", "world: a:b\n")
    assert [problem.code for problem in found] == ["HRM306"]


def test_units_of_a_file_need_no_scenario_and_are_in_the_hash_by_content(folder):
    system = folder / "system.yaml"
    text = system.read_text().replace("route: /decide", "route: /decide, units: units.jsonl")
    system.write_text(text)
    (folder / "units.jsonl").write_text('{"amount": 5}\n')
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("  scenario: scenario.yaml\n", ""))
    first = load_experiment(file)
    assert first.units is not None
    assert first.scenario.world_s_per_run_s == 1.0
    assert load_experiment(file).sha256 == first.sha256
    (folder / "units.jsonl").write_text('{"amount": 6}\n')
    assert load_experiment(file).sha256 != first.sha256


def test_the_arm_in_which_nobody_restarts_is_none_of_a_loop_of_the_users(folder):
    system = folder / "system.yaml"
    system.write_text(system.read_text().replace("[scorer]}", "[scorer], worker: port}"))
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("profile: test", "profile: test\n  arms: [none, bare]"))
    with pytest.raises(UsageProblem) as caught:
        load_experiment(file)
    assert [problem.code for problem in caught.value.problems] == ["HRM229"]
    assert "worker" in caught.value.problems[0].why


@pytest.mark.parametrize("route", ["predict", "/a b", "/\u2028", "@elsewhere:80/"])
def test_a_route_that_no_address_can_end_with_is_told(problems_of, route: str) -> None:
    """SR-37: behind the address it could name another machine."""
    (problem,) = problems_of(SINGLE.replace("/predict", f'"{route}"'))
    assert (problem.code, problem.why) == ("HRM204", "it stands behind the address of the service")
