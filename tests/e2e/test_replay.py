"""A user's own file as the world: trained on its earlier part, served, hurt and measured on the later."""

from __future__ import annotations

import csv

import msgspec
import pytest

from harness.experiment.load import load_experiment
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign

SCENARIO = """
version: 1
name: own-rows
knobs: {kind: replay, source: rows.csv, time_column: seen_at, label_column: malignant, repeat: true}
"""
EXPERIMENT = """
title: Kill the scorer while it serves rows of one's own
description: The main job on real input.
method:
  - type: action
    name: kill-scorer-a
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: scorer-a}
x-hormesis: {version: 1, scenario: own-rows.yaml, profile: test, arms: [bare], sham: false}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The real, labelled rows that scikit-learn ships, as a CSV with a time column of its order."""
    from sklearn.datasets import load_breast_cancer

    folder = tmp_path_factory.mktemp("own")
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seen_at", *names, "malignant"])
        for number, (row, benign) in enumerate(zip(data.data, data.target, strict=True)):
            writer.writerow([number, *row, 1 - benign])
    (folder / "own-rows.yaml").write_text(SCENARIO)
    (folder / "own.yaml").write_text(EXPERIMENT)
    return folder


@pytest.mark.slow
@pytest.mark.live
def test_rows_of_a_users_file_run_the_whole_line_like_the_simulators(files, live_store, trusted):
    experiment = load_experiment(files / "own.yaml")
    plans = make_plans(experiment, 3)

    def once():
        return compose(run_campaign(plans, experiment, store=live_store, seed=3, progress=print))

    document = trusted(once, lambda seen: seen.verdict.why if seen.verdict.word == "VOID" else "")
    assert document.verdict.word == "DONE", document.verdict.why
    (run,) = document.runs
    assert run.episodes[0].ended_by == "undo"
    assert run.exactly_once
    assert run.accepted > 1000


def test_another_content_of_the_file_is_another_experiment(files, tmp_path):
    for name in ("own.yaml", "own-rows.yaml"):
        (tmp_path / name).write_bytes((files / name).read_bytes())
    (tmp_path / "rows.csv").write_bytes((files / "rows.csv").read_bytes() + b"\n")
    here, there = load_experiment(files / "own.yaml"), load_experiment(tmp_path / "own.yaml")
    assert here.sha256 != there.sha256
    assert make_plans(here, 1)[0].scenario_sha256 != make_plans(there, 1)[0].scenario_sha256


def test_where_the_file_lies_changes_no_hash(files, tmp_path):
    for name in ("own.yaml", "own-rows.yaml", "rows.csv"):
        (tmp_path / name).write_bytes((files / name).read_bytes())
    here, there = load_experiment(files / "own.yaml"), load_experiment(tmp_path / "own.yaml")
    here, there = (
        msgspec.structs.replace(one, file="", scenario_file="", source=None) for one in (here, there)
    )
    assert here == there
