"""A campaign as one run of an MLflow tracking store: `hormesis report RUN --mlflow URI`.

Comes in: a document, where the store is, and what writes the report's files. Goes out: a run with parameters,
figures, tags and both reports. Nothing else of this package imports MLflow: that takes 3 s of CPU.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Refused
from harness.report.tracked import ID_TAG, Tracked, tracked
from harness.shell import tell_libraries

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from harness.frontends.formats import Writers
    from harness.report.document import Document

ARTEFACTS: Mapping[str, str] = {"html": "report.html", "json": "report.json"}
DONE, BROKEN = "FINISHED", "FAILED"


def track(document: Document, uri: str, writers: Writers) -> str:
    """Log ``document`` to the store at ``uri``, once: what is there whole is left; gives what was done.

    Raises Refused where MLflow is not installed, or the store cannot be written.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise Refused("--mlflow needs MLflow: pip install 'hormesis[mlflow]'. Nothing was logged")
    # A store in files is asked for by name, and nobody is told that we use it.
    tell_libraries(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_ALLOW_FILE_STORE="true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    told = tracked(document)
    try:
        client = MlflowClient(tracking_uri=uri)
        experiment = _experiment(client, told.group)
        if (there := _there(client, experiment, told)) is not None:
            return f"mlflow: {told.name} is there already, as run {there}"
        run_id = _logged(client, experiment, told, {ARTEFACTS[name]: writers[name]() for name in ARTEFACTS})
    except (MlflowException, OSError) as error:
        raise Refused(f"cannot log to the MLflow store {uri!r}: {error}") from error
    return f"mlflow: {told.name} is run {run_id} of {told.group!r}"


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _there(client: MlflowClient, experiment: str, told: Tracked) -> str | None:
    """The run that holds this campaign whole; one that broke off does not."""
    wanted = f"tags.`{ID_TAG}` = '{told.tags[ID_TAG]}' and attributes.status = '{DONE}'"
    runs = client.search_runs([experiment], filter_string=wanted, max_results=1)
    return str(runs[0].info.run_id) if runs else None


def _logged(client: MlflowClient, experiment: str, told: Tracked, files: Mapping[str, bytes]) -> str:
    """Log all of it as a new run; one that cannot be finished is marked as failed."""
    run_id = str(client.create_run(experiment, tags=told.tags, run_name=told.name).info.run_id)
    done = False
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
                client.log_artifact(run_id, str(Path(folder) / name))
        for key, value in told.params.items():
            client.log_param(run_id, key, value)
        for key, figure in told.metrics.items():
            client.log_metric(run_id, key, figure)
        done = True
    finally:
        client.set_terminated(run_id, DONE if done else BROKEN)
    return run_id
