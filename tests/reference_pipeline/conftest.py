"""One small prepared template a session, one running pipeline a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_pipeline.deploy.prepare import prepare
from tests.reference_pipeline.running import Pipeline

SMALL = {"kind": "simulator", "customers": 200, "terminals": 60, "history_rows": 8000, "history_days": 45}


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(SMALL, seed=3, out=tmp_path_factory.mktemp("prepared") / "template")


@pytest.fixture(scope="session")
def whole_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The system as users get it: a champion that knows its world."""
    return prepare({"kind": "simulator"}, seed=3, out=tmp_path_factory.mktemp("whole") / "template")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[Pipeline]:
    """All six services, ready; a test that kills one starts it again."""
    running = Pipeline(tmp_path_factory.mktemp("pipeline"), small_template)
    try:
        running.start()
        yield running
    finally:
        running.stop()
