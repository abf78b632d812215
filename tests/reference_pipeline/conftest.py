"""One small prepared template a session, one running pipeline a module."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from reference_pipeline.deploy.prepare import prepare
from tests.reference_pipeline.running import Pipeline

SMALL = {"kind": "simulator", "customers": 200, "terminals": 60, "history_rows": 8000, "history_days": 45}


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _once(tmp_path_factory, "small", SMALL)


@pytest.fixture(scope="session")
def whole_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The system as users get it: a champion that knows its world."""
    return _once(tmp_path_factory, "whole", {"kind": "simulator"})


def _once(places: pytest.TempPathFactory, name: str, scenario: Mapping[str, object]) -> Path:
    """Prepare what all processes of this test session read and none changes."""
    own = places.getbasetemp()
    out = (own.parent if own.name.startswith("popen-") else own) / f"template-{name}"
    with out.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return out if out.exists() else prepare(scenario, seed=3, out=out)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[Pipeline]:
    """All six services, ready; a test that kills one starts it again."""
    running = Pipeline(tmp_path_factory.mktemp("pipeline"), small_template)
    try:
        running.start()
        yield running
    finally:
        running.stop()
