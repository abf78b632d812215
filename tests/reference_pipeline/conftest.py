"""One running pipeline a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference_pipeline.running import Pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[Pipeline]:
    """All six services, ready; a test that kills one starts it again."""
    running = Pipeline(tmp_path_factory.mktemp("pipeline"), small_template)
    try:
        running.start()
        yield running
    finally:
        running.stop()
