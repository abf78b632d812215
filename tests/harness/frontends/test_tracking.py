"""`hormesis report RUN --mlflow URI`: a campaign as one run of a tracking store, read again by its client."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.campaign.parts import TABLE_FILE
from harness.frontends.cli import main
from harness.report.compose import compose, encode
from harness.report.html import render
from harness.report.tracked import tracked
from tests.traps.histories import killed, written

ROOT = Path(__file__).resolve().parents[3]
READ = """
import json, pathlib, sys, tempfile
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
found = []
for group in client.search_experiments(filter_string="name LIKE 'hormesis%'"):
    for run in client.search_runs([group.experiment_id]):
        with tempfile.TemporaryDirectory() as folder:
            names = [file.path for file in client.list_artifacts(run.info.run_id)]
            files = {name: pathlib.Path(client.download_artifacts(run.info.run_id, name, folder)).read_text()
                     for name in names}
        found.append({"group": group.name, "name": run.info.run_name, "status": run.info.status,
                      "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags,
                      "files": files})
print(json.dumps(found))
"""


@pytest.fixture
def campaign(tmp_path):
    return written(tmp_path / "store", *(killed(0.5 + 0.1 * i, pair=i) for i in range(6)))


def python(*words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what MLflow leaves behind in one is not ours to clean up."""
    return subprocess.run(
        [sys.executable, *words],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "DO_NOT_TRACK": "true",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


LOG = (
    "import sys; from harness.frontends.cli import main; sys.exit(max(main(sys.argv[1:]) for _ in range(2)))"
)
"""Twice, for importing MLflow takes seconds."""


@pytest.mark.slow
def test_a_campaign_is_logged_once_and_whole(campaign, tmp_path):
    uri = (tmp_path / "tracked").as_uri()
    done = python("-c", LOG, "report", str(campaign), "--mlflow", uri)
    assert done.returncode == 0, done.stderr
    assert ["is there already" in line for line in done.stdout.splitlines()] == [False, True]
    (run,) = json.loads(python("-c", READ, uri).stdout)
    document = compose(campaign)
    told = tracked(document)
    assert (run["group"], run["name"], run["status"]) == (told.group, told.name, "FINISHED")
    assert run["params"] == told.params
    assert run["metrics"] == told.metrics
    assert told.tags.items() <= run["tags"].items()
    assert run["files"] == {"report.json": encode(document).decode(), "report.html": render(document)}


@pytest.mark.slow
def test_a_store_that_cannot_be_written_is_refused(campaign, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = python("-c", LOG, "report", str(campaign), "--mlflow", (tmp_path / "file" / "below").as_uri())
    assert done.returncode == 5, done.stderr
    assert "cannot log to the MLflow store" in done.stderr


def test_without_mlflow_it_is_refused_with_what_to_install(campaign, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main(["report", str(campaign), "--mlflow", "file:///tmp/nowhere"]) == 5
    assert "pip install 'hormesis[mlflow]'" in capsys.readouterr().err


def test_a_campaign_of_pairs_has_no_run_to_log(tmp_path, capsys):
    from tests.harness.frontends.commands.test_report import pairs

    folder = pairs.__wrapped__(tmp_path)
    assert (folder / TABLE_FILE).exists()
    assert main(["report", str(folder), "--mlflow", "file:///tmp/nowhere"]) == 2
    assert "--mlflow" in capsys.readouterr().err
