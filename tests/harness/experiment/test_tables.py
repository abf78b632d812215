"""A system file that says where partitions land is checked at once, with the place of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import Problem, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.sources import read_system
from tests.style.source import ROOT

EXAMPLE = ROOT / "examples" / "table"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example's files without its program."""
    for name in ("hormesis.yaml", "kill.yaml", "customers.csv"):
        (tmp_path / name).write_text((EXAMPLE / name).read_text("utf-8"))
    return tmp_path


def changed(path: Path, *pairs: tuple[str, str]) -> Path:
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)
    return path


def problems_of(path: Path) -> list[Problem]:
    problems: list[Problem] = []
    read_system(path, problems)
    return problems


def test_the_example_is_right_and_no_edge_leads_to_a_job(folder: Path) -> None:
    system = load_experiment(folder / "kill.yaml").system
    assert system.workload.table.rows == 200
    assert (system.witness_edge, system.all_edges) == ("", {})


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("archetype: table", "archetype: request\n  route: /x", "HRM306", "table:"),
        ("archetype: table", "", "HRM306", "table:"),
        ("archetype: table", "archetype: stream", "HRM306", "table:"),
        ("service: job", "service: job\n  subjects: {records: a, decisions: b}", "HRM306", "subjects:"),
        ("lands: {folder: incoming,", "lands: {folder: /incoming,", "HRM308", "lands:"),
        ("lands: {folder: incoming,", "lands: {folder: ../incoming,", "HRM308", "lands:"),
        ("lands: {folder: incoming,", "lands: {folder: incoming, database: a.db,", "HRM308", "lands:"),
        ("lands: {folder: incoming,", "lands: {database: a.db,", "HRM308", "lands:"),
        ('incoming, name: "part-{number}.csv"}', "incoming, name: part.csv}", "HRM308", "lands:"),
        ('incoming, name: "part-{number}.csv"}', 'incoming, name: "a/{number}"}', "HRM308", "lands:"),
        ("columns: [leaves]", "columns: [id]", "HRM308", "columns:"),
        ("columns: [leaves]", "columns: [leaves, leaves]", "HRM308", "columns:"),
        ("columns: [leaves]", "columns: []", "HRM308", "columns:"),
        ("columns: [leaves]", "colums: [leaves]", "HRM202", "colums:"),
        ("rows: 200", "rows: 0", "HRM204", "rows:"),
        ("deadline_s: 1 ", "deadline_s: -1 ", "HRM205", "deadline_s:"),
        ("service: job", "service: job\n  route: /x", "HRM306", "route:"),
        ("service: job", "service: job\n  within: [0, 1]", "HRM306", "within:"),
        ("name: who-leaves", 'name: who-leaves\nlabels: "job:/labels"', "HRM306", "labels:"),
        ("readiness: running", "readiness: runs", "HRM204", "readiness:"),
        ("units: customers.csv", "units: none.csv", "HRM101", "units:"),
        ("units: customers.csv", "", "HRM203", "workload:"),
    ],
)
def test_each_mistake_is_told_at_its_line(folder: Path, old: str, new: str, code: str, where: str) -> None:
    system = changed(folder / "hormesis.yaml", (old, new))
    lines = system.read_text("utf-8").splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.split("#")[0].strip().startswith(where))
    found = problems_of(system)
    assert (code, line) in {(problem.code, problem.line) for problem in found}
    assert all(problem.help for problem in found)


def test_results_may_not_lie_where_partitions_land(folder: Path) -> None:
    results = 'results: {database: scores.db, table: scores, partition: part, name: "part-{number}.csv"}'
    same = 'results: {folder: incoming, name: "part-{number}.csv"}'
    (problem,) = problems_of(changed(folder / "hormesis.yaml", (results, same)))
    assert (problem.code, "lie where partitions land" in problem.message) == ("HRM308", True)


def test_the_system_sets_the_pace_and_an_experiment_that_sets_another_is_told(folder: Path) -> None:
    profile = load_experiment(folder / "kill.yaml").profile
    assert (profile.rate_hz, profile.deadline_s, profile.load_batch) == (5.0, 1.0, 0)
    changed(folder / "kill.yaml", ("profile: table", "profile: {base: table, rate_hz: 50}"))
    with pytest.raises(UsageProblem) as refused:
        load_experiment(folder / "kill.yaml")
    assert [(problem.code, problem.line) for problem in refused.value.problems] == [("HRM306", 14)]


def test_small_windows_are_for_partitions_only(folder: Path) -> None:
    changed(folder / "kill.yaml", ("system: hormesis.yaml", f"system: {ROOT}/examples/request/hormesis.yaml"))
    changed(folder / "kill.yaml", ("{service: job}", "{service: server}"))
    with pytest.raises(UsageProblem) as refused:
        load_experiment(folder / "kill.yaml")
    assert [problem.code for problem in refused.value.problems] == ["HRM204", "HRM204"]
    assert "partition" in refused.value.problems[0].why


def test_records_of_partitions_cannot_be_changed_on_a_way_that_is_none(folder: Path) -> None:
    changed(folder / "kill.yaml", ("process_kill", "data_rename_field"), ("service: job", "field: spend"))
    with pytest.raises(UsageProblem) as refused:
        load_experiment(folder / "kill.yaml")
    assert [(problem.code, problem.line) for problem in refused.value.problems] == [("HRM234", 9)]
