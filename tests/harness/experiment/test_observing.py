"""Places outside of the services: each kind is read; what cannot be looked at is pointed at."""

from __future__ import annotations

import pytest

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from tests.harness.experiment.carets import under_carets


def problems_of(folder, added):
    file = folder / "system.yaml"
    file.write_text(file.read_text().replace("name: toy", f"name: toy\n{added}"))
    with pytest.raises(UsageProblem) as caught:
        load_experiment(folder / "experiment.yaml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("places", "code"),
    [
        ("{sqlite: [{file: a.db, query: DELETE FROM a}]}", "HRM204"),
        ("{sqlite: [{file: a.db, query: SELECT 1; SELECT 2}]}", "HRM204"),
        ("{sqlite: [{file: a.db}]}", "HRM203"),
        ("{files: [{path: ''}]}", "HRM204"),
        ("{files: [{path: 'x/{state}/y'}]}", "HRM204"),
        ("{files: [{path: '{stat}/y'}]}", "HRM204"),
        ("{files: [{path: a, by: hash}]}", "HRM206"),
        ("{files: [{path: a, of: scorr}]}", "HRM302"),
        ("{files: [{path: a}, {path: a}]}", "HRM224"),
        ("{git: [{repository: ., ref: main}]}", "HRM204"),
        ("{git: [{repository: ., ref: refs/heads/../../config}]}", "HRM204"),
        ("{mlflow: [{url: 'http://example.org:5000', model: m}]}", "HRM204"),
        ("{mlflow: [{url: 'http://127.0.0.1:no', model: m}]}", "HRM204"),
        ("{journal_url: 'ftp://127.0.0.1:5/x'}", "HRM204"),
        ("{journal_file: '{port}.jsonl'}", "HRM204"),
        ("{journal: 'gateway:/j', journal_file: j.jsonl}", "HRM204"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_on_its_line(folder, places, code):
    (problem,) = problems_of(folder, f"observe: {places}")
    assert (problem.code, problem.line) == (code, 3)
    assert problem.column > len("observe: ")


def test_what_is_wrong_with_a_place_is_pointed_at(folder):
    (problem,) = problems_of(folder, "observe:\n  git: [{repository: policy, ref: main}]")
    assert (problem.line, under_carets(problem)) == (4, "main")
    assert problem.help == "write HEAD, or e.g. refs/heads/main"


def test_places_of_every_kind_are_read(folder):
    file = folder / "system.yaml"
    file.write_text(
        file.read_text()
        + """\
observe:
  sqlite: [{file: "{state}/registry.db", query: "SELECT version FROM alias;", of: scorer}]
  files: [{path: "models/*/meta.json", by: stamp}]
  git: [{repository: "{system}/policy"}, {repository: "{system}/policy", ref: refs/heads/main}]
  mlflow: [{url: "http://localhost:5000/mlflow", model: flat prices, alias: champion}]
  journal_file: "{template}/journal.jsonl"
"""
    )
    observe = load_experiment(folder / "experiment.yaml").system.observe
    assert observe.outside == (
        "sqlite {state}/registry.db SELECT version FROM alias;",
        "file models/*/meta.json",
        "git {system}/policy HEAD",
        "git {system}/policy refs/heads/main",
        "mlflow http://localhost:5000/mlflow flat prices champion",
        "journal {template}/journal.jsonl",
    )
